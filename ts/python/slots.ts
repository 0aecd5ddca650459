/**
 * The manifest's own slots, on the way from the project folder to the plan. A slot that the target has no use for is
 * left out; a source that is missing fails the build, unless the manifest calls the slot optional. Sources are read,
 * never written; what `exclude` takes out is taken out of a copy.
 */

import { constants } from 'node:fs';
import { copyFile, mkdir, open, readlink, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { throwIfAborted } from '../cancellation.js';
import { FlavorError } from '../errors.js';
import type { ProjectManifest, SlotSettings } from '../manifest/project-manifest.js';
import { hasPlaceAtStart, isSeenAtTarget, slotVariable } from '../manifest/slot-rules.js';
import { pathMatcher } from '../path-patterns.js';
import { type Target, targetName } from '../platform.js';
import type { BuildSession } from './session.js';
import { sortedEntries } from './tree.js';

/** A slot of the manifest as the plan will have it, but for its position. */
export interface PlannedSlot {
  /** Entry of the plan's `slots` (FORMAT.md §15). */
  readonly entry: {
    readonly id: string;
    readonly source: string;
    readonly target: string;
    readonly operations: string;
    readonly purpose: string;
    readonly lifecycle: string;
    readonly permissions: string;
    /** Compression of its own, instead of the package's. */
    readonly level?: 3 | 9 | 19;
  };
  /** Entry of `x-flavor.slots`. */
  readonly share: boolean;
  readonly role: 'data';
  /** What leads into it from the work environment. */
  readonly links: readonly SlotLink[];
  /** Variable that says where it is, where that is known when the program starts. */
  readonly variable?: {
    readonly name: string;
    /** What follows `{slot:N}`: empty, or `/` and the one file of the slot. */
    readonly suffix: string;
  };
}

/** A path of the work environment that leads into a slot. */
export interface SlotLink {
  readonly path: string;
  /** Member of the slot; empty for its root. */
  readonly to: string;
  readonly kind: 'symlink' | 'copy';
}

/** Puts positions in the place of ids in `{slot:ID}`. Every id was found in the manifest before. */
export function withPositions(text: string, positions: ReadonlyMap<string, number>): string {
  return text.replaceAll(/\{slot:([^}]*)\}/g, (placeholder, id: string) => {
    const position = positions.get(id);
    return position === undefined ? placeholder : `{slot:${position}}`;
  });
}

/**
 * The slots that a package for the target has, by the manifest and by what is there: the first thing that is asked
 * of them, so that a missing folder costs nobody a build.
 */
export async function presentSlots(manifest: ProjectManifest, target: Target): Promise<SlotSettings[]> {
  const present: SlotSettings[] = [];
  for (const slot of manifest.slots) {
    if (!isFor(slot, target)) continue;
    if ((await kindOf(slot)) !== undefined) present.push(slot);
    else if (!slot.optional) {
      throw new FlavorError(
        'ERR_FLAVOR_NOT_FOUND',
        `slot \`${slot.id}\`: there is nothing at its source: ${slot.source}`,
        {
          path: slot.source,
          hints: ['correct `source`, make it with a `pre_build` hook, or write `optional = true`'],
        },
      );
    }
  }
  checkMentions(manifest, present, target);
  return present;
}

/** Slots of the package, staged. `commands` are the names of all its commands. */
export async function stageSlots(session: BuildSession, commands: ReadonlySet<string>): Promise<PlannedSlot[]> {
  const planned: PlannedSlot[] = [];
  for (const slot of await presentSlots(session.manifest, session.target)) {
    throwIfAborted(session.reporter.signal);
    if (slot.lifecycle === 'shutdown' && !commands.has(slot.id)) {
      throw refused(slot, 'a shutdown slot needs a command of its name, which runs after the program', [
        `write \`${slot.id} = "package.module:function"\` under \`[tool.flavor.commands]\``,
      ]);
    }
    planned.push((await kindOf(slot)) === 'folder' ? await folderSlot(session, slot) : await fileSlot(session, slot));
  }
  return planned;
}

/** Whether a package for a target has a slot. */
function isFor({ platform }: SlotSettings, { os, arch }: Target): boolean {
  return platform === undefined || platform === os || platform === `${os}_${arch}`;
}

async function kindOf({ source }: SlotSettings): Promise<'folder' | 'file' | undefined> {
  try {
    const status = await stat(source);
    return status.isDirectory() ? 'folder' : status.isFile() ? 'file' : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Nothing may name a slot that this package does not have. */
function checkMentions(manifest: ProjectManifest, present: readonly SlotSettings[], target: Target): void {
  const absent = manifest.slots.map(({ id }) => id).filter((id) => !present.some((slot) => slot.id === id));
  const texts = [
    ...[...manifest.commands].flatMap(([name, { argv = [], cwd = '', env }]) =>
      [...argv, cwd, ...Object.values(env)].map((text): [string, string] => [`the command \`${name}\``, text]),
    ),
    ...Object.entries(manifest.execution.environment.set).map(([name, text]): [string, string] => [
      `the variable ${name}`,
      text,
    ]),
  ];
  for (const [who, text] of texts) {
    const id = absent.find((candidate) => text.includes(`{slot:${candidate}}`));
    if (id === undefined) continue;
    throw new FlavorError(
      'ERR_FLAVOR_MANIFEST',
      `${who} names the slot \`${id}\`, which is not in this package for ${targetName(target)}`,
      { path: manifest.file, hints: [`look at \`platform\` and \`optional\` of slot \`${id}\``] },
    );
  }
}

/** A folder is an archive, whatever comes behind. */
async function folderSlot(session: BuildSession, slot: SlotSettings): Promise<PlannedSlot> {
  const { id, lifecycle, target = id } = slot;
  const source = slot.exclude.length === 0 ? slot.source : await thinnedCopy(session, slot);
  return {
    entry: entryOf(slot, { source, target, operations: archived(slot.operations), permissions: '0755' }),
    share: true,
    role: 'data',
    links:
      // On Windows environments have no links.
      lifecycle === 'init' || (session.target.os === 'windows' && isSeenAtTarget(lifecycle))
        ? await copies(slot, source, target)
        : isSeenAtTarget(lifecycle)
          ? [{ path: target, to: '', kind: 'symlink' }]
          : [],
    ...variableOf(slot, ''),
  };
}

async function fileSlot({ target: platform }: BuildSession, slot: SlotSettings): Promise<PlannedSlot> {
  const { id, lifecycle, source } = slot;
  const operations = slot.operations ?? ((await isCompressed(source)) ? 'raw' : 'zstd');
  const kind = lifecycle === 'init' || platform.os === 'windows' ? 'copy' : 'symlink';
  if (isArchive(operations)) {
    if (kind === 'copy' && isSeenAtTarget(lifecycle)) {
      throw refused(slot, 'the files of an archive cannot be copied when the environment is made', [
        'give the folder as `source`',
      ]);
    }
    const { target = id } = slot;
    const links: SlotLink[] = isSeenAtTarget(lifecycle) ? [{ path: target, to: '', kind }] : [];
    return {
      entry: entryOf(slot, { source, target, operations, permissions: '0755' }),
      share: true,
      role: 'data',
      links,
      ...variableOf(slot, ''),
    };
  }
  const path = slot.target ?? `${id}/${basename(source)}`;
  const name = basename(path);
  const { mode } = await stat(source);
  return {
    entry: entryOf(slot, {
      source,
      target: name,
      operations,
      permissions: slot.permissions ?? ((mode & 0o100) === 0 ? '0644' : '0755'),
    }),
    share: true,
    role: 'data',
    links: isSeenAtTarget(lifecycle) ? [{ path, to: name, kind }] : [],
    ...variableOf(slot, `/${name}`),
  };
}

function entryOf(
  { id, level, lifecycle, purpose }: SlotSettings,
  parts: Pick<PlannedSlot['entry'], 'source' | 'target' | 'operations' | 'permissions'>,
): PlannedSlot['entry'] {
  const own = level === undefined ? {} : { level };
  return { id, ...parts, target: `{workenv}/${parts.target}`, purpose, lifecycle, ...own };
}

function variableOf({ id, lifecycle }: SlotSettings, suffix: string): Pick<PlannedSlot, 'variable'> {
  return hasPlaceAtStart(lifecycle) ? { variable: { name: slotVariable(id), suffix } } : {};
}

function isArchive(operations: string): boolean {
  return /^(tar|tgz|tzst)/i.test(operations);
}

/** `gzip` on a folder means an archive that is compressed so. */
function archived(operations = 'tar.zst'): string {
  if (isArchive(operations)) return operations;
  return /^(raw|none)$/i.test(operations) ? 'tar' : `tar|${operations}`;
}

/** First bytes of what does not become smaller: gzip, bzip2, xz, zstd, zip, PNG, JPEG. */
const COMPRESSED = ['1f8b', '425a68', 'fd377a585a00', '28b52ffd', '504b0304', '89504e47', 'ffd8ff'];

async function isCompressed(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
    const start = buffer.subarray(0, bytesRead).toString('hex');
    return COMPRESSED.some((magic) => start.startsWith(magic));
  } finally {
    await file.close();
  }
}

/** Files of an init slot, each as a copy in the work environment. */
async function copies(slot: SlotSettings, source: string, target: string): Promise<SlotLink[]> {
  const found: SlotLink[] = [];
  const visit = async (folder: string, below: string): Promise<void> => {
    for (const entry of await sortedEntries(folder)) {
      const to = `${below}${entry.name}`;
      if (entry.isDirectory()) await visit(join(folder, entry.name), `${to}/`);
      else if (entry.isFile()) found.push({ path: `${target}/${to}`, to, kind: 'copy' });
      else
        throw refused(slot, `only files can be copied when the environment is made, and this is none: ${to}`, [
          '`exclude` it',
        ]);
    }
  };
  await visit(source, '');
  return found;
}

async function thinnedCopy(session: BuildSession, slot: SlotSettings): Promise<string> {
  const root = join(session.scratch, 'slots', `of-the-manifest-${slot.id}`);
  const isOut = pathMatcher(slot.exclude);
  const visit = async (from: string, to: string, below: string): Promise<void> => {
    throwIfAborted(session.reporter.signal);
    await mkdir(to, { recursive: true });
    for (const entry of await sortedEntries(from)) {
      const path = `${below}${entry.name}`;
      if (isOut(path)) continue;
      const [source, copy] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory()) await visit(source, copy, `${path}/`);
      else if (entry.isSymbolicLink()) await symlink(await readlink(source), copy);
      else await copyFile(source, copy, constants.COPYFILE_FICLONE);
    }
  };
  await visit(slot.source, root, '');
  return root;
}

function refused({ id, source }: SlotSettings, message: string, hints: readonly string[]): FlavorError {
  return new FlavorError('ERR_FLAVOR_MANIFEST', `slot \`${id}\`: ${message}`, { path: source, hints });
}
