/**
 * Lock documents of the standard form (`pylock.toml`): what uv resolves to, whatever it was resolved from. They are
 * read here as far as we need them and written again; uv judges markers, picks files and compares digests.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';

import { parse, stringify } from 'smol-toml';

import { FlavorError, messageOf } from '../errors.js';
import { foldName } from '../manifest/names.js';

/** One file of a locked package. */
export interface LockedFile {
  url?: string;
  path?: string;
  name?: string;
  hashes?: Record<string, string>;
  [key: string]: unknown;
}

/** One locked package. */
export interface LockedPackage {
  name: string;
  version?: string;
  marker?: string;
  index?: string;
  directory?: { path: string; editable?: boolean; subdirectory?: string };
  vcs?: { type?: string; url?: string; path?: string; 'commit-id'?: string; [key: string]: unknown };
  archive?: LockedFile;
  sdist?: LockedFile;
  wheels?: LockedFile[];
  [key: string]: unknown;
}

/** A lock document. */
export interface LockDocument {
  packages: LockedPackage[];
  extras?: string[];
  'dependency-groups'?: string[];
  [key: string]: unknown;
}

/** Reads a document; paths in it become absolute. */
export async function readLockDocument(file: string): Promise<LockDocument> {
  let document: Partial<LockDocument>;
  try {
    document = parse(await readFile(file, 'utf8')) as Partial<LockDocument>;
  } catch (cause) {
    throw malformed(file, messageOf(cause).split('\n')[0] ?? '', cause);
  }
  if (!/^1(\.\d+)?$/.test(String(document['lock-version'] ?? ''))) {
    throw malformed(file, `its \`lock-version\` is ${JSON.stringify(document['lock-version'] ?? null)}, not 1.0`);
  }
  const packages = document.packages ?? [];
  if (!Array.isArray(packages) || packages.some((entry) => typeof entry?.name !== 'string')) {
    throw malformed(file, '`packages` holds an entry without a name');
  }
  for (const entry of packages) {
    for (const place of [entry.directory, entry.vcs, entry.archive, entry.sdist, ...(entry.wheels ?? [])]) {
      if (place?.path !== undefined && !isAbsolute(place.path)) place.path = resolve(dirname(file), place.path);
    }
  }
  return { ...document, packages };
}

/** Writes a document. */
export async function writeLockDocument(file: string, document: LockDocument): Promise<void> {
  await writeFile(file, `${stringify(document)}\n`);
}

/** A document without the packages of some names. */
export function withoutPackages(document: LockDocument, names: ReadonlySet<string>): LockDocument {
  return { ...document, packages: document.packages.filter(({ name }) => !names.has(foldName(name))) };
}

/** Digests of a package's files, as `sha256:…`. */
export function digestsOf(entry: LockedPackage): string[] {
  return filesOf(entry).flatMap(({ hashes }) =>
    Object.entries(hashes ?? {}).map(([algorithm, digest]) => `${algorithm}:${digest}`.toLowerCase()),
  );
}

/** A package with only those of its files that have one of the digests. */
export function restrictedTo(entry: LockedPackage, digests: ReadonlySet<string>): LockedPackage {
  const fits = (file: LockedFile | undefined): boolean =>
    file !== undefined && digestsOf({ name: entry.name, archive: file }).some((digest) => digests.has(digest));
  const { wheels, sdist, archive, ...rest } = entry;
  return {
    ...rest,
    ...(fits(archive) ? { archive } : {}),
    ...(fits(sdist) ? { sdist } : {}),
    ...(wheels === undefined ? {} : { wheels: wheels.filter(fits) }),
  };
}

function filesOf({ archive, sdist, wheels = [] }: LockedPackage): LockedFile[] {
  return [...wheels, ...(sdist === undefined ? [] : [sdist]), ...(archive === undefined ? [] : [archive])];
}

/** Name of a file in a lock document. */
export function lockedFileName({ name, url, path }: LockedFile): string {
  const last = (name ?? path ?? url ?? '').split(/[?#]/, 1)[0]?.split('/').at(-1) ?? '';
  return name === undefined && path === undefined ? decodeURIComponent(last) : last;
}

function malformed(file: string, why: string, cause?: unknown): FlavorError {
  return new FlavorError('ERR_FLAVOR_LOCK', `the lock file is not valid: ${file}: ${why}`, {
    path: file,
    hints: ['`flavor lock` writes it anew'],
    cause,
  });
}
