/**
 * Bounds the build cache: what was not used for 30 days goes when a build ends, and what a build that was killed left
 * behind. Time stamps are those of a frame's file and of a tree's `entry.json`.
 */

import { randomUUID } from 'node:crypto';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders of trees; each tree has a folder of its key's name with `tree` and `entry.json`. */
export const TREE_KINDS = ['installations', 'runtimes', 'dependencies'] as const;

const DAY_MS = 24 * 60 * 60 * 1000;
/** Longer than a build takes. */
const LEFTOVER_MS = DAY_MS;

/** Days after which an unused entry goes. */
export const UNUSED_DAYS = 30;

/** One thing in the cache. */
export interface CacheEntry {
  readonly path: string;
  readonly kind: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly lastUsed: number;
}

/** Removes what was not used for so long before `now` (milliseconds since 1970). Returns what went. */
export async function removeUnused(
  root: string,
  now: number,
  { maxAgeMs = UNUSED_DAYS * DAY_MS, dryRun = false, withSizes = false } = {},
): Promise<CacheEntry[]> {
  const gone: CacheEntry[] = [];
  for (const entry of await cacheEntries(root, withSizes)) {
    const age = now - entry.lastUsed;
    if (age < (entry.kind === 'tmp' ? LEFTOVER_MS : maxAgeMs)) continue;
    gone.push(entry);
    if (!dryRun) await removeEntry(root, entry);
  }
  return gone;
}

/** Everything in the cache. Sizes of trees are found out only when asked for. */
export async function cacheEntries(root: string, withSizes = false): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const kind of ['frames', 'tmp', ...TREE_KINDS]) {
    for (const name of await namesIn(join(root, kind))) {
      const path = join(root, kind, name);
      // A tree that is not whole has the stamp of its folder.
      const status = (await statusOf(join(path, 'entry.json'))) ?? (await statusOf(path));
      if (status === undefined) continue;
      const bytes = kind === 'frames' ? status.size : withSizes ? await sizeOf(path) : 0;
      entries.push({ path, kind, bytes, lastUsed: status.mtimeMs });
    }
  }
  return entries;
}

/** Renamed first: a build that looks for it meanwhile finds all of it or nothing. */
async function removeEntry(root: string, { kind, path }: CacheEntry): Promise<void> {
  const aside = kind === 'frames' || kind === 'tmp' ? path : join(root, 'tmp', randomUUID());
  if (aside !== path) await rename(path, aside);
  await rm(aside, { recursive: true, force: true });
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

function statusOf(path: string) {
  return lstat(path).catch(() => undefined);
}

async function sizeOf(path: string): Promise<number> {
  const status = await statusOf(path);
  if (status?.isDirectory() !== true) return status?.size ?? 0;
  let bytes = 0;
  for (const name of await namesIn(path)) bytes += await sizeOf(join(path, name));
  return bytes;
}
