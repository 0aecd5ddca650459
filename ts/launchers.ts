/**
 * The launchers that this package brings along: the only reader of `launchers/index.json`. A launcher is handed out
 * only after its size and SHA-256 were compared with that list.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { FlavorError } from './errors.js';
import { type Target, targetName } from './platform.js';

/** A launcher whose bytes were checked. */
export interface Launcher {
  readonly path: string;
  readonly kind: string;
  readonly version: string;
  readonly sha256: string;
}

interface IndexEntry {
  readonly kind: string;
  readonly target: string;
  readonly version: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

const INDEX = new URL('./launchers/index.json', import.meta.url);

/** The launcher of a kind for a target. */
export async function findLauncher(target: Target, kind = 'rust'): Promise<Launcher> {
  const wanted = targetName(target);
  const launchers = await readIndex();
  const entry = launchers.find((candidate) => candidate.kind === kind && candidate.target === wanted);
  if (entry === undefined) {
    const available = launchers.map((candidate) => candidate.target).sort();
    throw new FlavorError('ERR_FLAVOR_LAUNCHER', `there is no ${kind} launcher for ${wanted} in this installation`, {
      hints: [`launchers are installed for: ${available.join(', ') || 'no target'}`, 'in a clone, run `npm run build`'],
    });
  }
  const path = fileURLToPath(new URL(entry.path, INDEX));
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new FlavorError('ERR_FLAVOR_LAUNCHER', `the launcher for ${wanted} cannot be read: ${path}`, { path, cause });
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (bytes.length !== entry.size || sha256 !== entry.sha256) {
    throw new FlavorError(
      'ERR_FLAVOR_LAUNCHER',
      `the launcher for ${wanted} is not the one that belongs to this installation (SHA-256: got ${sha256}, expected ${entry.sha256}): ${path}`,
      { path },
    );
  }
  return { path, kind: entry.kind, version: entry.version, sha256 };
}

async function readIndex(): Promise<readonly IndexEntry[]> {
  const path = fileURLToPath(INDEX);
  try {
    const { schema, launchers } = JSON.parse(await readFile(path, 'utf8')) as {
      schema: number;
      launchers: IndexEntry[];
    };
    if (schema !== 1) throw new Error(`schema ${schema}, expected 1`);
    return launchers;
  } catch (cause) {
    throw new FlavorError('ERR_FLAVOR_LAUNCHER', `the list of launchers cannot be read: ${path}`, { path, cause });
  }
}
