/**
 * The scratch folder of one operation: everything that it writes besides its output, removed however it ends.
 */

import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { FlavorError, isFlavorError, isSystemError } from './errors.js';
import type { Environment } from './python/environment.js';

/** Runs an operation with a scratch folder; its failures with files become errors that name the file. */
export async function withScratch<Result>(operation: (scratch: string) => Promise<Result>): Promise<Result> {
  let scratch: string;
  try {
    // Resolved, because what is searched for later is the path that programs see.
    scratch = await realpath(await mkdtemp(join(tmpdir(), 'flavor-pack-')));
  } catch (cause) {
    throw new FlavorError('ERR_FLAVOR_IO', `no scratch folder could be made in ${tmpdir()}`, {
      path: tmpdir(),
      hints: ['set TMPDIR to a folder that may be written'],
      cause,
    });
  }
  try {
    return await operation(scratch);
  } catch (error) {
    if (isFlavorError(error) || !isSystemError(error)) throw error;
    throw new FlavorError('ERR_FLAVOR_IO', `a file could not be read or written: ${error.path ?? scratch}`, {
      path: error.path,
      hints: error.code === 'ENOSPC' ? ['free some space, or set TMPDIR to a folder with more'] : [],
      cause: error,
    });
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Variables that keep inside the scratch folder what uv and build back ends forget in temporary folders. */
export async function temporaryFolder(scratch: string): Promise<Environment> {
  const folder = join(scratch, 'tmp');
  await mkdir(folder);
  return { TMPDIR: folder, TEMP: folder, TMP: folder };
}
