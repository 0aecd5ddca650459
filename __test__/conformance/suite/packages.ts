// Packages from recipes: one of the project's builders writes them around the launcher under test; what no writer of ours
// would write is forged afterwards. Each different wish is made once in a run.

import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DESCRIPTOR, type Parts, parts, publicKeyOf, sha256, text } from '../../interop/package-file.js';
import { repair } from '../repair.js';
import type { Builder } from './builders.js';
import { forged, type RawSlot } from './forge.js';
import { type Json, patched } from './patch.js';
import { type Bytes, type Edit, type PackageWish, Recipe, Recipes } from './schema.js';

const SIGNATURE = 128;
/** Lifecycles, patterns and the like that a builder may not know; they are signed in afterwards. */
const KEPT = ['runtime', 'startup', 'eager', 'cache', 'cached'];

/** A finished package, and what its names in a store are made of. */
export interface Made {
  readonly path: string;
  readonly file: string;
  readonly facts: Facts;
}

/** What STORE.md derives names from; of a damaged package what the undamaged one has. */
export interface Facts {
  readonly name: string;
  readonly version: string;
  readonly digest16: string;
  /** Name of its work environment. */
  readonly environment: string;
  readonly signature16: string;
  readonly fingerprint: string;
  readonly publicKey: string;
  readonly keys: readonly string[];
  readonly json: string;
}

/** Makes packages, each wish once. */
export class Packages {
  private readonly made = new Map<string, Promise<Made>>();
  private readonly recipes: Record<string, Json>;

  constructor(
    recipes: unknown,
    private readonly folder: string,
    private readonly tools: { readonly launcher: string; readonly probe: string; readonly builder: Builder },
  ) {
    this.recipes = Recipes.parse(recipes) as Record<string, Json>;
  }

  /** The package of a wish. */
  make(wish: PackageWish): Promise<Made> {
    const { own: _, ...wanted } = typeof wish === 'string' ? { recipe: wish } : wish;
    const key = JSON.stringify(wanted);
    const known = this.made.get(key) ?? this.write(wanted, createHash('sha256').update(key).digest('hex').slice(0, 16));
    this.made.set(key, known);
    return known;
  }

  private async write(wish: Exclude<PackageWish, string>, id: string): Promise<Made> {
    const base = this.recipes[wish.recipe];
    if (base === undefined) throw new Error(`there is no recipe \`${wish.recipe}\``);
    const { signed, ...change } = (wish.change ?? {}) as { [key: string]: Json };
    const recipe = Recipe.parse(patched(base, change));
    // Not merged with the recipe's: a `null` in it is for the document.
    const documents = [documentChange(recipe), (recipe.signed ?? {}) as Json, signed ?? {}];
    const folder = join(this.folder, id);
    mkdirSync(folder, { mode: 0o755 });
    const path = join(folder, wish.file ?? `${recipe.name}.psp`);
    const sources = recipe.slots.map((slot, position) => this.source(slot, join(folder, `slot-${position}`)));
    const raw = rawSlots(recipe);
    if (!(await this.assembled(recipe, sources, path))) {
      // The builder knows better than to write it. So it writes a simple one, and the rest is signed in.
      const { environment: _, execution: __, ...rest } = recipe;
      const simple = { workenv: Recipe.shape.workenv.parse({}), commands: SIMPLE, default: 'simple' };
      if (!(await this.assembled({ ...rest, ...simple }, sources, path)))
        throw new Error(`no package of ${wish.recipe}`);
      documents.unshift(refusedParts(recipe));
    }
    let bytes: Buffer = readFileSync(path);
    if (raw.length > 0 || documents.some((document) => Object.keys(document as object).length > 0)) {
      bytes = forged(bytes, raw, documents, recipe.key);
    }
    const facts = factsOf(bytes);
    if (wish.edits !== undefined) bytes = edited(bytes, wish.edits);
    writeFileSync(path, bytes);
    chmodSync(path, 0o755);
    return { path, file: wish.file ?? `${recipe.name}.psp`, facts };
  }

  /** Whether the builder wrote it. */
  private assembled(recipe: Recipe, sources: readonly string[], output: string): Promise<boolean> {
    const { workenv, commands } = recipe;
    const plan = {
      format: 'PSPF/2025',
      package: { name: recipe.name, version: recipe.version, description: recipe.description },
      execution: { primary_slot: 0, command: '{workenv}/bin/probe', env: recipe.execution ?? {} },
      runtime: {
        env: { unset: (recipe.environment?.unset ?? []).filter(isPlain), set: recipe.environment?.set ?? {} },
      },
      slots: recipe.slots.map(({ id, lifecycle = 'runtime' }, position) => ({
        slot: position,
        id,
        source: sources[position],
        target: '{workenv}',
        operations: 'tar.zst',
        purpose: 'data',
        lifecycle: KEPT.includes(lifecycle) ? lifecycle : 'runtime',
        permissions: '0755',
      })),
      extensions: {
        'x-flavor': {
          schema: 1,
          target: { os: OS, arch: ARCH, libc: 'gnu' },
          launcher: { kind: 'rust', version: '0.1.0' },
          slots: recipe.slots.map(({ role, share }) => ({ role, share })),
          workenv,
          commands,
          default: recipe.default,
        },
      },
    };
    const { builder, launcher } = this.tools;
    return builder.build({ plan: JSON.stringify(plan), output, launcher, seed: recipe.key });
  }

  /** Writes the files of a slot. */
  private source(slot: Recipe['slots'][number], folder: string): string {
    mkdirSync(folder);
    for (const [name, file] of Object.entries(slot.files ?? {})) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      if (file === null) mkdirSync(path, { recursive: true });
      else if (typeof file === 'string') writeFileSync(path, file);
      else if ('link' in file) symlinkSync(file.link, path);
      else if ('zeros' in file) writeFileSync(path, Buffer.alloc(file.zeros));
      else if ('probe' in file) writeFileSync(path, readFileSync(this.tools.probe), { mode: 0o755 });
      else {
        writeFileSync(path, file.text);
        chmodSync(path, Number.parseInt(file.mode, 8));
      }
    }
    return folder;
  }
}

/** `FLAVOR_OS` and `FLAVOR_ARCH` of this machine. */
export const OS = process.platform === 'darwin' ? 'darwin' : process.platform === 'win32' ? 'windows' : 'linux';
export const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';

const SIMPLE = { simple: { argv: ['{slot:0}/x'] } };

/** Everything that the simple package lacks. */
function refusedParts({ workenv, commands, default: first, environment, execution = {} }: Recipe): Json {
  const { set, unset } = environment ?? {};
  const env: Json = { ...(set === undefined ? {} : { set }), ...(unset === undefined ? {} : { unset }) };
  return {
    runtime: { env },
    execution: { env: execution, environment: execution },
    extensions: { 'x-flavor': { workenv, commands: { simple: null, ...commands }, default: first } },
  };
}

function isPlain(name: string): boolean {
  return !/[*?[]/.test(name);
}

function rawSlots({ slots }: Recipe): RawSlot[] {
  return slots.flatMap(({ members, claims }, position) =>
    members === undefined ? [] : [{ position, members, claims }],
  );
}

/** What is signed in after assembly. */
function documentChange(recipe: Recipe): { [key: string]: Json } {
  const slots: { [key: string]: Json } = {};
  for (const [position, { lifecycle, platform }] of recipe.slots.entries()) {
    const change: { [key: string]: Json } = {};
    if (lifecycle !== undefined && !KEPT.includes(lifecycle)) change['lifecycle'] = lifecycle;
    if (platform !== undefined) change['platform'] = platform;
    if (Object.keys(change).length > 0) slots[position] = change;
  }
  const change: { [key: string]: Json } = Object.keys(slots).length > 0 ? { slots } : {};
  const { pass, map, unset } = recipe.environment ?? {};
  if (pass !== undefined || map !== undefined || unset?.some((name) => !isPlain(name))) {
    const env: { [key: string]: Json } = {};
    if (unset !== undefined) env['unset'] = unset;
    if (pass !== undefined) env['pass'] = pass;
    if (map !== undefined) env['map'] = map;
    change['runtime'] = { env };
  }
  return change;
}

/** Names that the store gives to a package (STORE.md 2.2, 4.1). */
export function factsOf(file: Buffer): Facts {
  const taken = parts(file);
  const json = text(taken);
  const document = JSON.parse(json) as {
    package: { name: string; version: string };
    slots: { operations: string; target: string; permissions: string; size: number; checksum: string }[];
    extensions?: {
      'x-flavor'?: { commands?: object; slots: { frames?: { stored: number; content: number; sha256: string }[] }[] };
    };
  };
  const flavor = document.extensions?.['x-flavor'];
  const keys = (flavor?.slots ?? []).map(({ frames }, position) => {
    const slot = document.slots[position];
    if (slot === undefined) return '';
    const lines = ['flavor-slot 1', slot.operations, 'profile unix-1'];
    if (!slot.operations.startsWith('tar'))
      lines.push(`mode ${slot.permissions} ${slot.target.replace('{workenv}/', '')}`);
    for (const { stored, content, sha256 } of frames ?? []) lines.push(`${stored} ${content} ${sha256}`);
    if (frames === undefined) lines.push(`${slot.size} ${slot.size} ${slot.checksum.replace('sha256:', '')}`);
    return createHash('sha256')
      .update(`${lines.join('\n')}\n`)
      .digest('hex');
  });
  const publicKey = taken.index.subarray(64, 96);
  const { name, version } = document.package;
  const digest16 = sixteen(json);
  // STORE.md 8.7: what is started as its `execution` says.
  const chains = taken.slots.slice(0, document.slots.length).map(({ descriptor }) => descriptor.subarray(40, 48));
  const reading = Buffer.concat([Buffer.from(`${json}\0`), ...chains]);
  const isPrivate = Object.keys(flavor?.commands ?? {}).length === 0;
  return {
    name,
    version,
    digest16,
    environment: isPrivate
      ? `${sixteen(name)}-${folderName(version)}-${sixteen(reading)}`
      : `${folderName(name)}-${folderName(version)}-${digest16}`,
    signature16: taken.index.subarray(SIGNATURE, SIGNATURE + 8).toString('hex'),
    fingerprint: sha256(publicKey).toString('hex'),
    publicKey: publicKey.toString('hex'),
    keys,
    json,
  };
}

function sixteen(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/** STORE.md 2.2. */
function folderName(text: string): string {
  return Buffer.from(text)
    .toString('latin1')
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .slice(0, 64);
}

/** Digest of the public key of a seed text. */
export function fingerprintOf(seed: string): string {
  return sha256(publicKeyOf(seed)).toString('hex');
}

/** A file with changes made to it, one after another. */
export function edited(file: Buffer, edits: readonly Edit[]): Buffer {
  let bytes = Buffer.from(file);
  for (const edit of edits) {
    const at = placeOf(bytes, edit.at ?? 0);
    if (edit.xor !== undefined) {
      for (const [index, mask] of Buffer.from(edit.xor, 'hex').entries())
        bytes[at + index] = (bytes[at + index] ?? 0) ^ mask;
    }
    if (edit.write !== undefined) bytesOf(edit.write).copy(bytes, at);
    if (edit.truncate !== undefined)
      bytes = bytes.subarray(0, edit.truncate < 0 ? bytes.length + edit.truncate : edit.truncate);
    if (edit.append !== undefined) bytes = Buffer.concat([bytes, bytesOf(edit.append)]);
    if (edit.repair === true) repair(bytes);
  }
  return bytes;
}

/** `metadata+20`, `slot:1-1`, `trailer`: a place in a package; a number below zero counts from the end. */
function placeOf(bytes: Buffer, at: number | string): number {
  if (typeof at === 'number') return at < 0 ? bytes.length + at : at;
  const found = /^(launcher|metadata|table|trailer|slot:\d+)([+-]\d+)?$/.exec(at);
  if (found === null) throw new Error(`\`${at}\` is no place in a package`);
  const [, region = '', offset = '0'] = found;
  const taken = parts(bytes);
  return startOf(region, taken, bytes.length) + Number(offset);
}

function startOf(region: string, { index, slots }: Parts, length: number): number {
  if (region === 'launcher') return 0;
  if (region === 'metadata') return Number(index.readBigUInt64LE(24));
  if (region === 'table') return Number(index.readBigUInt64LE(40));
  if (region === 'trailer') return length - 8200;
  const slot = slots[Number(region.slice(5))];
  if (slot === undefined) throw new Error(`there is no ${region}`);
  return Number(slot.descriptor.readBigUInt64LE(DESCRIPTOR.offset));
}

/** The bytes that a case gives as text, hex digits or repetition. */
export function bytesOf(bytes: Bytes): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes);
  return 'hex' in bytes ? Buffer.from(bytes.hex, 'hex') : Buffer.from(bytes.repeat.repeat(bytes.times));
}
