/**
 * The launchers that this package brings along: the only reader of `launchers/index.json`. A launcher is handed out
 * only after its size and SHA-256 were compared with that list.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { FlavorError } from './errors.js';
import { type Target, targetName } from './platform.js';

/** The implementations that an installation may bring along; they behave alike. */
export const LAUNCHER_KINDS = ['rust', 'go'] as const;

/** One of {@link LAUNCHER_KINDS}. */
export type LauncherKind = (typeof LAUNCHER_KINDS)[number];

/** A launcher whose bytes were checked. */
export interface Launcher {
  readonly path: string;
  /** `other` for a file that is none of this installation's. */
  readonly kind: LauncherKind | 'other';
  readonly version: string;
  readonly sha256: string;
}

/** A launcher of this installation, as its list describes it. */
export interface InstalledLauncher {
  readonly kind: LauncherKind;
  /** Such as `linux_amd64`. */
  readonly target: string;
  readonly version: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower hex SHA-256 of the file. */
  readonly sha256: string;
}

interface IndexEntry {
  readonly kind: LauncherKind;
  readonly target: string;
  readonly version: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

const INDEX = new URL('./launchers/index.json', import.meta.url);

/** What this installation brings along, by target and kind. The files are not looked at. */
export async function installedLaunchers(): Promise<readonly InstalledLauncher[]> {
  const order = ({ target, kind }: IndexEntry) => `${target} ${LAUNCHER_KINDS.indexOf(kind)}`;
  const entries = [...(await readIndex())].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return entries.map(({ size, path, ...entry }) => ({
    ...entry,
    sizeBytes: size,
    path: fileURLToPath(new URL(path, INDEX)),
  }));
}

/** The launcher of a kind for a target. */
export async function findLauncher(target: Target, kind: LauncherKind = 'rust'): Promise<Launcher> {
  const installed = await installedLaunchers();
  return checkedLauncher(pickLauncher(installed, targetName(target), kind));
}

/** The entry of a kind for a target. */
export function pickLauncher(
  installed: readonly InstalledLauncher[],
  target: string,
  kind: LauncherKind,
): InstalledLauncher {
  const entry = installed.find((candidate) => candidate.kind === kind && candidate.target === target);
  if (entry !== undefined) return entry;
  const available = installed.filter((candidate) => candidate.kind === kind).map((candidate) => candidate.target);
  throw new FlavorError('ERR_FLAVOR_LAUNCHER', `there is no ${kind} launcher for ${target} in this installation`, {
    hints: [
      `${kind} launchers are installed for: ${available.join(', ') || 'no target'}`,
      'in a clone, run `npm run build`',
    ],
  });
}

/** Compares the file of an entry with what the list says. */
export async function checkedLauncher(entry: InstalledLauncher): Promise<Launcher> {
  const { path, kind, target, version } = entry;
  const { size, sha256 } = await digest(path, `the launcher for ${target}`);
  if (size !== entry.sizeBytes || sha256 !== entry.sha256) {
    throw new FlavorError(
      'ERR_FLAVOR_LAUNCHER',
      `the launcher for ${target} is not the one that belongs to this installation (SHA-256: got ${sha256}, expected ${entry.sha256}): ${path}`,
      { path },
    );
  }
  return { path, kind, version, sha256 };
}

/** A launcher that the caller names; kind and version are known if its bytes are those of an installed one. */
export async function launcherOfFile(path: string): Promise<Launcher> {
  const { sha256 } = await digest(path, 'the launcher');
  const known = (await installedLaunchers()).find((entry) => entry.sha256 === sha256);
  return { path, kind: known?.kind ?? 'other', version: known?.version ?? 'unknown', sha256 };
}

async function digest(path: string, what: string): Promise<{ readonly size: number; readonly sha256: string }> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new FlavorError('ERR_FLAVOR_LAUNCHER', `${what} cannot be read: ${path}`, { path, cause });
  }
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
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
