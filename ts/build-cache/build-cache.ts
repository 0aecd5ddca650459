/**
 * The build cache: what packing makes again and again from the same things, kept between builds in the folder `build`
 * of the user's cache (or FLAVOR_BUILD_CACHE). Compressed frames (the assembler's business, in `frames`), and finished
 * trees: a runtime as it was installed, a runtime as a slot holds it, installed dependencies.
 *
 * Guaranteed: a package is the same byte for byte with and without it. What is kept is found by everything that it was
 * made from, the program of this packager included; trees appear by one rename, are used where they lie, and are never
 * changed: one that was, by whomever, is not found any more (fingerprint.ts) and is made anew. Nothing here fails a
 * build: a folder that cannot be used is one warning. It holds no key material and no values of variables.
 *
 * Not kept: what has no digest that somebody checked (interpreters of this machine, given folders, distributions built
 * from source), because nothing says that it is the same the next time.
 */

import { createHash, randomUUID } from 'node:crypto';
import { constants, mkdirSync } from 'node:fs';
import { cp, lstat, mkdir, readFile, realpath, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

import { cacheDirectory } from '../cache-directory.js';
import { isSystemError, messageOf } from '../errors.js';
import type { Reporter } from '../progress.js';
import type { Environment } from '../python/environment.js';
import { fingerprint } from './fingerprint.js';
import { removeUnused, TREE_KINDS } from './unused.js';

/** Trees that are kept. */
export type TreeKind = (typeof TREE_KINDS)[number];

/** An opened cache. */
export interface BuildCache {
  /** Absolute, without links on the way. */
  readonly root: string;
  /** Folder of compressed frames. */
  readonly frames: string;
  readonly reporter: Reporter;
  /** Folders in which this build stages trees. */
  readonly staged: Set<string>;
}

/** A tree that is kept, and what is known about it. */
export interface KeptTree<Facts> {
  /** Its root; to be read only. */
  readonly root: string;
  readonly facts: Facts;
}

interface Entry<Facts> {
  readonly fingerprint: string;
  readonly facts: Facts;
}

const TAG =
  'Signature: 8a477f597d28d172789f06886806bc55\n# Kept by flavor between builds; may be removed at any time.\n';
const TREE = 'tree';
const ENTRY = 'entry.json';
const MAP = '<map>';

/** Where the cache lies; it may not exist. */
export function buildCacheFolder(environment: Environment): string {
  const chosen = environment['FLAVOR_BUILD_CACHE'] ?? '';
  return isAbsolute(chosen) ? chosen : join(cacheDirectory(environment), 'build');
}

/** Opens the cache, and makes it if need be; undefined, after a warning, where it cannot be used. */
export async function openBuildCache(environment: Environment, reporter: Reporter): Promise<BuildCache | undefined> {
  const folder = buildCacheFolder(environment);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const root = await realpath(folder);
    await checkOwner(root);
    for (const name of ['frames', 'tmp', ...TREE_KINDS]) await mkdir(join(root, name), { mode: 0o700 }).catch(ifThere);
    await writeFile(join(root, 'CACHEDIR.TAG'), TAG, { flag: 'wx' }).catch(ifThere);
    return { root, frames: join(root, 'frames'), reporter, staged: new Set() };
  } catch (error) {
    const hint = '`--no-cache` does without it, FLAVOR_BUILD_CACHE names another folder';
    reporter.emit({ type: 'warning', message: `the build cache cannot be used: ${messageOf(error)}; ${hint}` });
    return undefined;
  }
}

/** Ends the use of a cache by a build: what nobody used for a month goes. */
export async function closeBuildCache({ root, staged }: BuildCache): Promise<void> {
  // What cannot be removed now can be the next time.
  for (const folder of staged) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  await removeUnused(root, Date.now()).catch(() => undefined);
}

/** The tree of a key; undefined if there is none, or one that was changed. */
export async function findTree<Facts>(
  cache: BuildCache,
  kind: TreeKind,
  key: string,
): Promise<KeptTree<Facts> | undefined> {
  const folder = join(cache.root, kind, key);
  try {
    const entry = opened<Entry<Facts>>(await readFile(join(folder, ENTRY), 'utf8'));
    const root = treePath(cache, kind, key);
    if (entry === undefined || fingerprint(root) !== entry.fingerprint) return undefined;
    const now = new Date();
    await utimes(join(folder, ENTRY), now, now);
    return { root, facts: entry.facts };
  } catch {
    return undefined;
  }
}

/** Where a tree will lie. */
export function treePath(cache: BuildCache, kind: TreeKind, key: string): string {
  return join(cache.root, kind, key, TREE);
}

/** A folder of the cache that nobody else knows, for a tree that is to be kept. */
export function stagingFolder(cache: BuildCache): string {
  const folder = join(cache.root, 'tmp', randomUUID());
  mkdirSync(folder, { mode: 0o700 });
  cache.staged.add(folder);
  return join(folder, TREE);
}

/**
 * Keeps a tree that lies in a folder of {@link stagingFolder}, and says where it is now. What another build kept in the
 * meantime is taken instead; where nothing can be kept, the tree stays as it is until the build ends, after a warning.
 */
export async function keepTree<Facts>(
  cache: BuildCache,
  kind: TreeKind,
  key: string,
  tree: KeptTree<Facts>,
): Promise<KeptTree<Facts>> {
  const [staged, folder] = [dirname(tree.root), join(cache.root, kind, key)];
  const kept = { root: join(folder, TREE), facts: tree.facts };
  try {
    const entry: Entry<Facts> = { fingerprint: fingerprint(tree.root), facts: tree.facts };
    await writeFile(join(staged, ENTRY), sealed(entry));
    if (await renamed(staged, folder)) return kept;
    const other = await findTree<Facts>(cache, kind, key);
    if (other !== undefined) return other;
    // A changed one stands in the way. Whoever still runs from it has a day until it goes.
    await rename(folder, join(cache.root, 'tmp', randomUUID()));
    return (await renamed(staged, folder)) ? kept : tree;
  } catch (error) {
    notKept(cache, error);
    return tree;
  }
}

/** Copies a tree as it stands: equal bytes and modes, links as they are; blocks are shared where the disk can. */
export async function copyTree(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
}

/** Moves a tree; the way may lead to another disk. */
export async function moveTree(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'EXDEV') throw error;
    await copyTree(from, to);
    await rm(from, { recursive: true, force: true });
  }
}

/** Says once in a build that something could not be kept. */
export function notKept(cache: BuildCache, error: unknown): void {
  if (cache.reporter.signal.aborted || warned.has(cache)) return;
  warned.add(cache);
  cache.reporter.emit({
    type: 'warning',
    message: `the build cache cannot be written, the build goes on without it: ${messageOf(error)}`,
  });
}

const warned = new WeakSet<BuildCache>();

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isSystemError(error) && ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code ?? '')) return false;
    throw error;
  }
}

/** What is known about a tree is written with its own digest: it goes into packages like the tree. */
function sealed(value: unknown): string {
  const content = JSON.stringify(value, written);
  return JSON.stringify({ content, sha256: digestOf(content) });
}

function opened<Value>(text: string): Value | undefined {
  const { content, sha256 } = JSON.parse(text) as { content: string; sha256: string };
  return digestOf(content) === sha256 ? (JSON.parse(content, revived) as Value) : undefined;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Maps are written as their entries. */
function written(_: string, value: unknown): unknown {
  return value instanceof Map ? { [MAP]: [...value] } : value;
}

function revived(_: string, value: unknown): unknown {
  const entries = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[MAP] : undefined;
  return Array.isArray(entries) ? new Map(entries as [unknown, unknown][]) : value;
}

function ifThere(error: unknown): void {
  if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
}

/** Nobody but the user may put anything in, not even by renaming a folder on the way (STORE.md 3). */
async function checkOwner(root: string): Promise<void> {
  const user = process.geteuid?.();
  if (user === undefined) return;
  for (let path = root; ; path = dirname(path)) {
    const { uid, mode } = await lstat(path);
    const isOwn = uid === user || (path !== root && uid === 0);
    const isOpen = (mode & 0o022) !== 0 && (path === root || (mode & 0o1000) === 0);
    if (!isOwn || isOpen) throw new Error(`${path} may be changed by others`);
    if (path === dirname(path)) return;
  }
}
