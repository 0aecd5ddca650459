/**
 * Names what two packages of the same project differ in: the metadata, a member of a slot, or, if all content is
 * equal, a place in the file.
 */

import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

import { extractSlots } from '../native.js';
import type { Reporter } from '../progress.js';

/** How many differences are named. */
const MAX_NAMED = 10;

/** What differs, each in words; empty if the files are equal byte by byte. */
export async function differences(
  [first, second]: readonly [string, string],
  scratch: string,
  reporter: Reporter,
): Promise<string[]> {
  const offset = await firstDifference(first, second);
  if (offset === undefined) return [];
  const folders = [join(scratch, 'first-content'), join(scratch, 'second-content')] as const;
  await extractSlots(first, folders[0], false, reporter);
  await extractSlots(second, folders[1], false, reporter);
  const [ours, theirs] = [await listing(folders[0]), await listing(folders[1])];
  const named: string[] = [];
  for (const path of [...new Set([...ours.keys(), ...theirs.keys()])].sort()) {
    if (named.length === MAX_NAMED) break;
    const what = await difference(ours.get(path), theirs.get(path), [join(folders[0], path), join(folders[1], path)]);
    if (what !== undefined) named.push(`${path} ${what}`);
  }
  return named.length > 0 ? named : [`the contents are equal, the files differ at byte ${offset}`];
}

interface Entry {
  readonly kind: 'file' | 'folder' | 'link';
  readonly mode: string;
  readonly target: string;
}

async function difference(
  one: Entry | undefined,
  other: Entry | undefined,
  paths: readonly [string, string],
): Promise<string | undefined> {
  if (one === undefined || other === undefined) return `is only in the ${one === undefined ? 'second' : 'first'} build`;
  if (one.kind !== other.kind || one.mode !== other.mode) {
    return `has another kind or mode (${one.kind} ${one.mode}, ${other.kind} ${other.mode})`;
  }
  if (one.kind === 'link' && one.target !== other.target) return `leads elsewhere (${one.target}, ${other.target})`;
  const at = one.kind === 'file' ? await firstDifference(...paths) : undefined;
  return at === undefined ? undefined : `differs at byte ${at}`;
}

async function listing(root: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  const visit = async (folder: string, prefix: string): Promise<void> => {
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const status = await lstat(path);
      const kind = status.isDirectory() ? 'folder' : status.isSymbolicLink() ? 'link' : 'file';
      entries.set(`${prefix}${name}`, {
        kind,
        mode: (status.mode & 0o777).toString(8),
        target: kind === 'link' ? await readlink(path) : '',
      });
      if (kind === 'folder') await visit(path, `${prefix}${name}/`);
    }
  };
  await visit(root, '');
  return entries;
}

/** Offset of the first byte that differs, or where the shorter file ends. */
async function firstDifference(first: string, second: string): Promise<number | undefined> {
  const { size } = await lstat(first);
  if (size <= 1 << 20 && (await lstat(second)).size <= 1 << 20) {
    return differing(await readFile(first), await readFile(second), 0);
  }
  const others = createReadStream(second)[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let [offset, theirs] = [0, Buffer.alloc(0)];
  for await (const ours of createReadStream(first) as AsyncIterable<Buffer>) {
    while (theirs.length < ours.length) {
      const next = await others.next();
      if (next.done === true) return differing(ours, theirs, offset);
      theirs = Buffer.concat([theirs, next.value]);
    }
    const found = differing(ours, theirs.subarray(0, ours.length), offset);
    if (found !== undefined) return found;
    theirs = theirs.subarray(ours.length);
    offset += ours.length;
  }
  return theirs.length > 0 || (await others.next()).done !== true ? offset : undefined;
}

function differing(one: Buffer, other: Buffer, base: number): number | undefined {
  if (one.equals(other)) return undefined;
  const shorter = Math.min(one.length, other.length);
  for (let at = 0; at < shorter; at++) if (one[at] !== other[at]) return base + at;
  return base + shorter;
}
