/**
 * What was chosen for a package, as a file of its dependencies slot (`_flavor/resolution.json`): name, version, kind and
 * digest of everything that is inside. No addresses: they may be private, and say nothing that the digest does not.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { foldName } from '../manifest/names.js';
import { type Distribution, headersOf } from './distributions.js';
import { type LockDocument, type LockedPackage, lockedFileName } from './lock-document.js';

/** One distribution of a package. */
export interface ResolvedDistribution {
  /** Folded name. */
  readonly name: string;
  readonly version: string;
  /** What it was installed from; `local` is a folder of the machine that built. */
  readonly kind: 'wheel' | 'sdist' | 'archive' | 'git' | 'local' | 'unknown';
  /** Lower hex, of the file that the index served. */
  readonly sha256?: string;
  /** Of a git repository. */
  readonly commit?: string;
}

/** Path of the record in the dependencies slot. */
export const RESOLUTION_FILE = '_flavor/resolution.json';

/** Finds out what each installed distribution came from. */
export async function resolvedDistributions(
  sitePackages: string,
  distributions: readonly Distribution[],
  document: LockDocument,
): Promise<ResolvedDistribution[]> {
  const result: ResolvedDistribution[] = [];
  for (const { name, version, infoFolder } of distributions) {
    const text = await readFile(join(sitePackages, infoFolder, 'WHEEL'), 'utf8').catch(() => '');
    const tags = new Set(headersOf(text, 'Tag'));
    const entry = document.packages.find(
      (candidate) => foldName(candidate.name) === name && (candidate.version ?? version) === version,
    );
    result.push({ name, version, ...originOf(entry, tags) });
  }
  return result.sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** What was not there as a wheel, so that code of it ran when it was built: as `name==version`. */
export function builtFromSource(distributions: readonly ResolvedDistribution[]): string[] {
  return distributions
    .filter(({ kind }) => kind === 'sdist' || kind === 'git')
    .map(({ name, version }) => `${name}==${version}`);
}

/** Writes the record below the root of the slot. */
export async function writeResolution(root: string, distributions: readonly ResolvedDistribution[]): Promise<void> {
  const file = join(root, RESOLUTION_FILE);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, `${JSON.stringify({ schema: 1, distributions }, null, 1)}\n`);
}

function originOf(
  entry: LockedPackage | undefined,
  tags: ReadonlySet<string>,
): Pick<ResolvedDistribution, 'kind' | 'sha256' | 'commit'> {
  if (entry === undefined) return { kind: 'unknown' };
  if (entry.directory !== undefined) return { kind: 'local' };
  if (entry.vcs !== undefined) {
    const commit = entry.vcs['commit-id'];
    return { kind: 'git', ...(commit === undefined ? {} : { commit }) };
  }
  // Some wheels claim fewer tags inside than in their name.
  const named = (entry.wheels ?? []).map((file) => ({ file, names: tagsOf(lockedFileName(file)) }));
  const wheel = (
    named.find(({ names }) => sameTags(names, tags)) ??
    named.find(({ names }) => [...tags].some((tag) => names.has(tag)))
  )?.file;
  const [kind, file] =
    entry.archive !== undefined
      ? (['archive', entry.archive] as const)
      : wheel !== undefined
        ? (['wheel', wheel] as const)
        : (['sdist', entry.sdist] as const);
  const sha256 = file?.hashes?.['sha256'];
  return { kind, ...(sha256 === undefined ? {} : { sha256 }) };
}

/** Tags in the name of a wheel, multiplied out as they stand in its WHEEL file. */
function tagsOf(fileName: string): Set<string> {
  const parts = fileName
    .replace(/\.whl$/, '')
    .split('-')
    .slice(-3);
  const [pythons = [], abis = [], platforms = []] = parts.map((part) => part.split('.'));
  return new Set(
    pythons.flatMap((python) => abis.flatMap((abi) => platforms.map((platform) => `${python}-${abi}-${platform}`))),
  );
}

function sameTags(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.size === right.size && [...left].every((tag) => right.has(tag));
}
