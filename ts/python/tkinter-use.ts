/**
 * Whether a package names tkinter, in source or machine code, so that the interpreter's own must be inside. Any mention
 * counts, be it in a comment: what is kept for nothing costs some megabytes, what is missing a program. What a program
 * makes up at run time, or reads from other files than modules, is not seen.
 */

import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';

import type { ProjectManifest } from '../manifest/project-manifest.js';
import { isFile } from '../presence.js';
import { walkTree } from './tree.js';

/** Modules as they are written, compiled or linked; scripts have names without a dot. */
const MODULES = /(?:\.(?:pyw?|pyx|pyc|pyd|so|dll|dylib|pth)|(?:^|\/)[^./]+)$/;
/** A script that is longer is none. */
const LONGEST_SCRIPT = 1024 * 1024;
const PIECE = 1024 * 1024;
/** More than what {@link MENTION} looks at. */
const LONGEST_MENTION = 64;
/** turtle draws with tkinter; as a word it is too common. */
const MENTION = /\b_?tkinter\b|\b(?:import|from)\s+turtle\b/;

/** Whether anything in folders, files or commands does. */
export async function nameTkinter(
  places: readonly string[],
  { commands }: Pick<ProjectManifest, 'commands'>,
): Promise<boolean> {
  if ([...commands.values()].some(({ argv = [] }) => argv.some((word) => /\b(?:tkinter|turtle)\b/.test(word))))
    return true;
  for (const place of places) {
    if (await isFile(place)) {
      if (MODULES.test(place) && (await mentions(place))) return true;
      continue;
    }
    for await (const { absolute, kind, path } of walkTree(place)) {
      // Kept trees are compiled already.
      if (kind !== 'file' || path.includes('__pycache__/') || !MODULES.test(path)) continue;
      if (await mentions(absolute)) return true;
    }
  }
  return false;
}

/** Read in pieces: libraries may be longer than a text can be. */
async function mentions(path: string): Promise<boolean> {
  const isScript = !/\.[^/]*$/.test(path);
  if (isScript && (await lstat(path)).size > LONGEST_SCRIPT) return false;
  let end = '';
  for await (const piece of createReadStream(path, { encoding: 'latin1', highWaterMark: PIECE })) {
    const text = end + piece;
    if (MENTION.test(text)) return true;
    end = text.slice(-LONGEST_MENTION);
  }
  return false;
}
