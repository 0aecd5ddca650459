/** `flavor inspect`: what a package says about itself, its signature checked. */

import { resolve } from 'node:path';

import type { Command } from 'commander';

import { type InspectResult, inspect } from '../../index.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT } from '../exit.js';
import { formatSize, printable } from '../output.js';

/** The parts of the signed metadata that are shown. Everything else of it is in `metadata` of the JSON object. */
interface ShownMetadata {
  readonly package?: { readonly name?: string; readonly version?: string; readonly description?: string };
  readonly extensions?: {
    readonly 'x-flavor'?: {
      readonly target?: { readonly os?: string; readonly arch?: string; readonly libc?: string };
      readonly launcher?: { readonly kind?: string; readonly version?: string };
      readonly commands?: Readonly<Record<string, unknown>>;
      readonly default?: string;
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
    signer: result.signer,
    slots: result.slots.map(({ index, id, role, offset, storedBytes, contentBytes, operations, members }) => ({
      index,
      id,
      role,
      offset,
      stored_bytes: storedBytes,
      content_bytes: contentBytes,
      operations,
      members,
    })),
    metadata: result.metadata,
  };
}

function resultLines(result: InspectResult): string[] {
  const { package: info = {}, extensions } = result.metadata as ShownMetadata;
  const flavor = extensions?.['x-flavor'];
  const row = (name: string, value: string | undefined): string[] =>
    value === undefined || value === '' ? [] : [`${name.padEnd(10)}${printable(value)}`];
  const target = flavor?.target;
  const launcher = flavor?.launcher;
  const commands = Object.keys(flavor?.commands ?? {}).map((name) =>
    name === flavor?.default ? `${name} (default)` : name,
  );
  return [
    ...row('package', `${info.name ?? '?'} ${info.version ?? '?'}`),
    ...row('about', info.description),
    ...row('file', `${result.path} (${formatSize(result.sizeBytes)})`),
    ...row('signer', result.signer.fingerprint),
    ...row('target', target && [target.os, target.arch, target.libc].filter(Boolean).join(' ')),
    ...row(
      'launcher',
      launcher && `${launcher.kind ?? '?'} ${launcher.version ?? '?'} (${formatSize(result.launcherSizeBytes)})`,
    ),
    ...row('commands', commands.join(', ')),
    ...(result.foreign ? row('note', 'made by another builder') : []),
    ...result.slots.flatMap(({ index, id, storedBytes, contentBytes, operations }) =>
      row(
        `slot ${index}`,
        `${id}: ${formatSize(storedBytes)} stored, ${formatSize(contentBytes)} unpacked, ${operations}`,
      ),
    ),
  ];
}
