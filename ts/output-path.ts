/**
 * Where a package is written. Judged before the long work begins; folders are made only when the package is ready,
 * and go again if it could not be written; a package that is replaced is not lost before its successor is accepted.
 */

import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, copyFile, link, mkdir, open, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';

import { FlavorError } from './errors.js';
import { isFile } from './presence.js';

/** The last bytes of every package (FORMAT.md §1). */
const END_MARKER = Buffer.from('\u{1fa84}');

/** What decides about the path. */
export interface OutputRequest {
  /** What the user asked for: a file, an existing folder, or a folder by its trailing separator. */
  readonly output: string | undefined;
  /** Whether it is a folder in any case. */
  readonly isFolder?: boolean;
  /** Base of relative paths. */
  readonly cwd: string;
  /** Where it goes if the user asks for nothing. */
  readonly folder: string;
  readonly fileName: string;
}

/** Absolute path of the file to write. */
export async function outputPath(request: OutputRequest): Promise<string> {
  const { output, cwd, folder, fileName } = request;
  if (output === undefined) return join(folder, fileName);
  const path = resolve(cwd, output);
  const isFolder =
    request.isFolder === true ||
    /[\\/]$/.test(output) ||
    (sep === '/' && /(^|\/)\.\.?$/.test(output)) ||
    (await kindOf(path)) === 'folder';
  return isFolder ? join(path, fileName) : path;
}

/**
 * Refuses a place that cannot be written, as far as that can be known without writing, and a file that is no package:
 * a slip of the keyboard must not cost anybody a manifest or a document.
 */
export async function checkWritable(path: string): Promise<void> {
  const present = await kindOf(path);
  if (present === 'folder') throw unwritable(path, 'is a folder');
  if (present === 'other' && !(await maybeReplaced(path))) {
    throw new FlavorError('ERR_FLAVOR_OUTPUT', `the output exists and is no package: ${path}`, {
      path,
      hints: ['remove that file first, or choose another path with `--output`'],
    });
  }
  let folder = dirname(path);
  for (;;) {
    const kind = await kindOf(folder);
    if (kind === 'folder') break;
    if (kind === 'other') throw unwritable(path, `cannot be made, because this is no folder: ${folder}`);
    const parent = dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw unwritable(path, `is in a folder that may not be written: ${folder}`, cause);
  }
}

/** Makes the folder of a file for the time of an operation; keeps it only if the operation succeeds. */
export async function withFolderOf<Result>(path: string, operation: () => Promise<Result>): Promise<Result> {
  const folder = dirname(path);
  let made: string | undefined;
  try {
    made = await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw unwritable(path, 'is in a folder that cannot be made', cause);
  }
  try {
    return await operation();
  } catch (error) {
    // rmdir refuses folders that somebody else has put something into.
    for (let at = folder; made !== undefined && at.startsWith(made); at = dirname(at)) {
      await rmdir(at).catch(() => undefined);
    }
    throw error;
  }
}

/** Runs what may replace a file. If it fails, what was there before is there again, or nothing is. */
export async function restoredAfterFailure<Result>(path: string, operation: () => Promise<Result>): Promise<Result> {
  const former = await setAside(path);
  try {
    const result = await operation();
    if (former !== undefined) await rm(former, { force: true });
    return result;
  } catch (error) {
    if (former === undefined) await rm(path, { force: true });
    else await rename(former, path);
    throw error;
  }
}

/** The same with several files. */
export function allRestoredAfterFailure<Result>(
  paths: readonly string[],
  operation: () => Promise<Result>,
): Promise<Result> {
  const [first, ...others] = paths;
  if (first === undefined) return operation();
  return restoredAfterFailure(first, () => allRestoredAfterFailure(others, operation));
}

/** A second name of a file, which stays where it is; undefined if there is none. */
async function setAside(path: string): Promise<string | undefined> {
  if (!(await isFile(path))) return undefined;
  const aside = join(dirname(path), `.flavor-${randomUUID()}`);
  try {
    await link(path, aside).catch(() => copyFile(path, aside, constants.COPYFILE_EXCL)); // Not all disks have links.
  } catch (cause) {
    throw unwritable(path, 'exists and cannot be kept for the case that a hook fails', cause);
  }
  return aside;
}

/** Whether a file is empty or ends as packages do. */
async function maybeReplaced(path: string): Promise<boolean> {
  try {
    // Opening a pipe would wait for somebody at its other end.
    const status = await stat(path);
    return status.isFile() && (status.size === 0 || (await endsAsPackage(path)));
  } catch (cause) {
    throw unwritable(path, 'exists and cannot be looked at', cause);
  }
}

/** Whether a regular file ends as packages do. */
export async function endsAsPackage(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { length } = END_MARKER;
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, Math.max(0, size - length));
    return buffer.equals(END_MARKER);
  } finally {
    await file.close();
  }
}

async function kindOf(path: string): Promise<'folder' | 'other' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'other';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') return undefined;
    return 'other';
  }
}

function unwritable(path: string, why: string, cause?: unknown): FlavorError {
  return new FlavorError('ERR_FLAVOR_OUTPUT', `the output ${why}: ${path}`, { path, cause });
}
