/**
 * Walking and changing staged trees. Orders are by code unit, so that two machines see the same sequence.
 * Nothing here follows a link.
 */

import type { Dirent } from 'node:fs';
import { readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** One entry below a root. */
export interface TreeEntry {
  /** Path from the root, with `/`. */
  readonly path: string;
  /** Path on this machine. */
  readonly absolute: string;
  readonly kind: 'file' | 'directory' | 'link';
}

/** Every entry below a folder, parents before children, siblings sorted. */
export async function* walkTree(root: string, prefix = ''): AsyncGenerator<TreeEntry> {
  for (const entry of await sortedEntries(join(root, prefix))) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    const kind = entry.isDirectory() ? 'directory' : entry.isSymbolicLink() ? 'link' : 'file';
    yield { path, absolute: join(root, path), kind };
    if (kind === 'directory') yield* walkTree(root, path);
  }
}

/** Entries of one folder, sorted by name; none if the folder does not exist. */
export async function sortedEntries(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Removes files and folders below a root; what is not there is no error. */
export async function removeAll(root: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(join(root, path), { recursive: true, force: true });
}

/** Removes a file below a root, and the folders around it that are empty then. */
export async function removeFile(root: string, path: string): Promise<void> {
  await rm(join(root, path), { force: true });
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    try {
      await rmdir(join(root, folder));
    } catch {
      return;
    }
  }
}

/** Removes every `__pycache__` below a root. */
export async function removeBytecode(root: string): Promise<void> {
  const found: string[] = [];
  for await (const entry of walkTree(root)) {
    if (entry.kind === 'directory' && entry.path.endsWith('__pycache__')) found.push(entry.path);
  }
  await removeAll(root, found);
}

/** Replaces a text in the files below a root that hold it and no NUL bytes. */
export async function replaceInTexts(root: string, text: string, replacement: string): Promise<void> {
  const needle = Buffer.from(text);
  for await (const entry of walkTree(root)) {
    if (entry.kind !== 'file') continue;
    const content = await readFile(entry.absolute);
    if (!content.includes(needle) || content.includes(0)) continue;
    await writeFile(
      entry.absolute,
      content.toString('latin1').replaceAll(needle.toString('latin1'), replacement),
      'latin1',
    );
  }
}

/** Paths of the files below a root that contain a text. */
export async function filesContaining(root: string, text: string): Promise<string[]> {
  const needle = Buffer.from(text);
  const found: string[] = [];
  for await (const entry of walkTree(root)) {
    if (entry.kind === 'file' && (await readFile(entry.absolute)).includes(needle)) found.push(entry.path);
  }
  return found;
}
