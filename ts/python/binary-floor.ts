/**
 * What the binaries of some trees ask of the machine: the lowest version of the system's library that serves all of
 * them, which is what `x-flavor.target.floor` says (FORMAT.md 6), and the libraries that they name. Read from the
 * files themselves, because a wheel's tag and a runtime's name only promise it.
 */

import { basename } from 'node:path';

import type { Target } from '../platform.js';
import { ELF_MACHINE, readElf } from './elf.js';
import { machOMinimum } from './mach-o.js';
import { walkTree } from './tree.js';

/** Lowest versions by name, `glibc` or `macos`; empty where nothing is asked for. */
export type Floor = Readonly<Partial<Record<'glibc' | 'macos', string>>>;

/** Endings of files that are never loaded as machine code; most files of a package have one of these. */
const TEXTS =
  /\.(pyc?|pyi|pyx|pxd|txt|json|toml|cfg|h|hpp|c|html|css|js|md|rst|typed|pth|png|svg|gz|zip|csv|xml|ya?ml)$/;

/** The ABI changes of glibc that have a name instead of a version. */
const NAMED_VERSIONS: Readonly<Record<string, string>> = { GLIBC_ABI_DT_RELR: '2.36' };

/** What binaries ask for. */
export interface BinaryNeeds {
  readonly floor: Floor;
  /** Names of shared libraries; on Linux only. */
  readonly libraries: ReadonlySet<string>;
}

/** Looks at everything below the roots. */
export async function binaryNeeds(target: Target, roots: readonly string[]): Promise<BinaryNeeds> {
  const name = target.os === 'darwin' ? 'macos' : 'glibc';
  let floor: Floor = {};
  const libraries = new Set<string>();
  for (const root of roots) {
    for await (const entry of walkTree(root)) {
      if (entry.kind !== 'file' || TEXTS.test(basename(entry.path))) continue;
      const asked = await needsOf(target, entry.absolute);
      for (const version of asked.versions) floor = highestFloor(floor, { [name]: version });
      for (const library of asked.libraries) libraries.add(library);
    }
  }
  return { floor, libraries };
}

/** A binary that asks for more than is wanted. */
export interface DemandingFile {
  /** Below its root, with `/`. */
  readonly path: string;
  readonly name: 'glibc' | 'macos';
  readonly version: string;
  readonly wanted: string;
}

/** The binaries that ask for more than a wanted floor; nothing is looked at where the floor of all of them says enough. */
export async function filesAbove(
  target: Target,
  roots: readonly string[],
  floor: Floor,
  wanted: Floor,
): Promise<DemandingFile[]> {
  const name = target.os === 'darwin' ? 'macos' : 'glibc';
  const limit = wanted[name];
  const highest = floor[name];
  if (limit === undefined || highest === undefined || !isNewer(highest, limit)) return [];
  const found: DemandingFile[] = [];
  for (const root of roots) {
    for await (const entry of walkTree(root)) {
      if (entry.kind !== 'file' || TEXTS.test(basename(entry.path))) continue;
      const { versions } = await needsOf(target, entry.absolute);
      const version = versions.find((candidate) => isNewer(candidate, limit));
      if (version !== undefined) found.push({ path: entry.path, name, version, wanted: limit });
    }
  }
  return found;
}

/** What one file asks for; nothing if it is no binary of the target. */
async function needsOf(
  { arch, libc, os }: Target,
  path: string,
): Promise<{ readonly versions: readonly string[]; readonly libraries: readonly string[] }> {
  if (os === 'darwin') {
    const minimum = await machOMinimum(path, arch);
    return { versions: minimum === undefined ? [] : [minimum], libraries: [] };
  }
  const elf = os === 'linux' ? await readElf(path) : undefined;
  if (elf?.machine !== ELF_MACHINE[arch]) return { versions: [], libraries: [] };
  return { versions: libc === 'gnu' ? elf.versions.flatMap(glibcVersion) : [], libraries: elf.needed };
}

/** Joins floors: the higher one of each name. */
export function highestFloor(...floors: readonly Floor[]): Floor {
  const result: Partial<Record<'glibc' | 'macos', string>> = {};
  for (const floor of floors) {
    for (const name of ['glibc', 'macos'] as const) {
      const [version, known] = [floor[name], result[name]];
      if (version !== undefined && (known === undefined || isNewer(version, known))) result[name] = version;
    }
  }
  return result;
}

function glibcVersion(name: string): string[] {
  const version = NAMED_VERSIONS[name] ?? /^GLIBC_(\d+(?:\.\d+)+)$/.exec(name)?.[1];
  return version === undefined ? [] : [version];
}

function isNewer(left: string, right: string): boolean {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
