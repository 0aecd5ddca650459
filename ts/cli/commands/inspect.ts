/** `flavor inspect`: what a package says about itself, its signature checked. */

import { resolve } from 'node:path';

import type { Command } from 'commander';

import { type InspectedSlot, type InspectResult, inspect } from '../../inspect.js';
import { readRuntimeRecord } from '../../python/runtime-record.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { coverageObject, coverageText } from '../coverage.js';
import { EXIT } from '../exit.js';
import { formatSize, printable } from '../output.js';

/** The parts of the signed metadata that are shown. Everything else of it is in `metadata` of the JSON object. */
interface ShownMetadata {
  readonly package?: { readonly name?: string; readonly version?: string; readonly description?: string };
  readonly execution?: { readonly command?: string };
  readonly extensions?: {
    readonly 'x-flavor'?: {
      readonly target?: {
        readonly os?: string;
        readonly arch?: string;
        readonly libc?: string;
        readonly floor?: Readonly<Record<string, string>>;
      };
      readonly launcher?: { readonly kind?: string; readonly version?: string; readonly sha256?: string };
      readonly commands?: Readonly<Record<string, { readonly argv?: readonly string[] }>>;
      readonly default?: string;
      readonly workenv?: { readonly files?: readonly { readonly path?: string; readonly content?: string }[] };
      readonly signer?: { readonly claims?: string; readonly serial?: number };
    };
  };
}

/** Adds the command. */
export function addInspectCommand(program: Command): void {
  const command = program
    .command('inspect')
    .description('tell what a package holds; its signature is checked, its slots are not read')
    .argument('<package>', 'package file');
  withCommonOptions(command).action(async (path: string, options: CommonOptions) => {
    await runAction('inspect', options, async ({ output, cwd }) => {
      const result = await inspect(resolve(cwd, path));
      output.result(resultObject(result), resultLines(result));
      return EXIT.ok;
    });
  });
}

function resultObject(result: InspectResult): Record<string, unknown> {
  return {
    path: result.path,
    size_bytes: result.sizeBytes,
    launcher_size_bytes: result.launcherSizeBytes,
    foreign: result.foreign,
    signer: { fingerprint: result.signer.fingerprint, public_key: result.signer.publicKey },
    index: Object.fromEntries(
      // Longer numbers than these are not exact in JSON; they stay texts.
      result.index.map(({ name, value }) => [name, /^\d{1,15}$/.test(value) ? Number(value) : value]),
    ),
    regions: result.regions.map(coverageObject),
    slots: result.slots.map(slotObject),
    metadata: result.metadata,
  };
}

function slotObject(slot: InspectedSlot): Record<string, unknown> {
  const { descriptor } = slot;
  return {
    index: slot.index,
    id: slot.id,
    role: slot.role,
    offset: slot.offset,
    stored_bytes: slot.storedBytes,
    content_bytes: slot.contentBytes,
    operations: slot.operations,
    sha256: slot.sha256,
    source: slot.source,
    target: slot.target,
    purpose: slot.purpose,
    lifecycle: slot.lifecycle,
    permissions: slot.permissions,
    share: slot.share,
    unpacked_bytes: slot.unpackedBytes,
    members: slot.members,
    frames: slot.frames.map(({ storedBytes, contentBytes, sha256 }) => ({
      stored_bytes: storedBytes,
      content_bytes: contentBytes,
      sha256,
    })),
    descriptor: {
      id: descriptor.id,
      name_hash: descriptor.nameHash,
      operations: descriptor.operations,
      checksum: descriptor.checksum,
      purpose: descriptor.purpose,
      lifecycle: descriptor.lifecycle,
      permissions: descriptor.permissions,
    },
  };
}

function resultLines(result: InspectResult): string[] {
  const { package: info = {}, execution, extensions } = result.metadata as ShownMetadata;
  const flavor = extensions?.['x-flavor'];
  const row = (name: string, value: string | undefined): string[] =>
    value === undefined || value === '' ? [] : [`${name.padEnd(10)}${printable(value)}`];
  const { target, launcher, signer } = flavor ?? {};
  const floor = Object.entries(target?.floor ?? {}).map(([name, version]) => `${name} ${version}`);
  const commands = Object.entries(flavor?.commands ?? {}).map(
    ([name, { argv = [] }]) => `${name}${name === flavor?.default ? ' (default)' : ''}: ${argv.join(' ')}`,
  );
  const claims = signer?.claims === undefined ? '' : `, claims ${JSON.stringify(signer.claims)}`;
  const serial = signer?.serial === undefined ? '' : `, serial ${signer.serial}`;
  return [
    ...row('package', `${info.name ?? '?'} ${info.version ?? '?'}`),
    ...row('about', info.description),
    ...row('file', `${result.path} (${formatSize(result.sizeBytes)})`),
    ...row('signer', `${result.signer.fingerprint}${claims}${serial}`),
    ...row('target', target && [target.os, target.arch, target.libc, ...floor].filter(Boolean).join(' ')),
    ...row('runtime', runtimeText(flavor?.workenv?.files)),
    ...row(
      'launcher',
      launcher && `${launcher.kind ?? '?'} ${launcher.version ?? '?'} (${formatSize(result.launcherSizeBytes)})`,
    ),
    ...row('', launcher?.sha256),
    ...(commands.length === 0 ? row('command', execution?.command) : []),
    ...(result.foreign
      ? row('note', 'made by another builder: `flavor verify --deep` says what its signature covers')
      : []),
    ...branch(
      'commands',
      commands.map((command) => [command]),
    ),
    ...branch('slots', result.slots.map(slotLines)),
    ...branch(
      'bytes',
      result.regions.map((region) => [coverageText(region)]),
    ),
  ];
}

/** Version and origin of the interpreter; packages without one have nothing to say. */
function runtimeText(
  files: readonly { readonly path?: string; readonly content?: string }[] | undefined,
): string | undefined {
  const record = readRuntimeRecord(files?.find(({ path }) => path === 'pyvenv.cfg')?.content ?? '');
  if (record === undefined) return undefined;
  const { archiveSha256, origin, version } = record;
  const from = {
    local: 'copied from the machine that built the package; not portable',
    folder: 'from a folder; not verified',
    standalone: archiveSha256 === undefined ? 'standalone' : `standalone, archive ${archiveSha256}`,
  }[origin ?? ''];
  return `Python ${version ?? '?'}${from === undefined ? '' : ` (${from})`}`;
}

function slotLines(slot: InspectedSlot): string[] {
  const { index, id, operations, storedBytes, unpackedBytes, members, frames } = slot;
  const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
  const unpacked =
    unpackedBytes === undefined || members === undefined
      ? []
      : [`${formatSize(unpackedBytes)} in ${count(members, 'member')}`];
  const facts = [
    `${formatSize(storedBytes)} stored`,
    ...unpacked,
    ...(frames.length === 0 ? [] : [count(frames.length, 'frame')]),
  ];
  const words = (pairs: Readonly<Record<string, string | undefined>>): string =>
    Object.entries(pairs)
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
  const { role, purpose, lifecycle, permissions, target } = slot;
  const share = slot.share === undefined ? '' : slot.share ? ', shared' : ', private';
  return [
    `${index} ${id}: ${operations}, ${facts.join(', ')}`,
    `${words({ role, purpose, lifecycle, permissions, target })}${share}`,
    slot.sha256 === undefined ? 'no SHA-256 in the metadata' : `SHA-256 ${slot.sha256}`,
  ];
}

/** A heading and its entries as a tree; an entry's further lines stand below its first. */
function branch(name: string, entries: readonly (readonly string[])[]): string[] {
  if (entries.length === 0) return [];
  return [
    name,
    ...entries.flatMap(([first = '', ...more], position) => {
      const isLast = position === entries.length - 1;
      return [
        `${isLast ? '└─' : '├─'} ${printable(first)}`,
        ...more.map((line) => `${isLast ? '  ' : '│ '}   ${printable(line)}`),
      ];
    }),
  ];
}
