// Where fetched inputs lie, and how a file gets there: whole, checked, by rename.
//
// Guarantees: a file under its final name has the pinned SHA-256 or was made from one that had; a killed
// run leaves only `*.part` files, which the next run ignores. Nothing here reads the network.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/** The folder that demo and tests share. */
export function cacheDirectory(environment = process.env) {
  if (environment.FLAVOR_TEST_CACHE) return path.resolve(environment.FLAVOR_TEST_CACHE);
  // The XDG specification: a relative value is to be ignored.
  const xdg = environment.XDG_CACHE_HOME;
  const base = xdg && path.isAbsolute(xdg) ? xdg : path.join(homedir(), '.cache');
  return path.join(base, 'flavorpack-native-test');
}

/** Lower hex SHA-256 of a file, or undefined if there is no such file. */
export async function sha256OfFile(file) {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}

/** Lets `write(temporaryName)` make a file beside its place, then renames it there. */
export async function place(file, write) {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.part`;
  try {
    await write(temporary);
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}
