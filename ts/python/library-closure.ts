/**
 * Which shared libraries some ELF files load, found as the dynamic loader of this machine finds them: search paths
 * of the files, then the folders of ld.so.conf, then the usual ones. Variables are left aside: what they add is not
 * part of the interpreter. Nothing is executed.
 *
 * The libraries of the C library itself, and those that every desktop or compiler brings in its own version, belong
 * to the machine that a package runs on and are never part of the closure.
 */

import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { isFile } from '../presence.js';
import { type ElfDynamics, readElf } from './elf.js';
import { sortedEntries } from './tree.js';

/** What the target's machine brings. libstdc++ and libgcc_s are asked for by wheels in the newest version there is. */
const OF_THE_MACHINE =
  /^(ld-linux.*|libc|libm|libdl|libpthread|librt|libutil|libresolv|libanl|libmvec|libnss_\w+|libthread_db|libBrokenLocale|libgcc_s|libstdc\+\+)\.so(\.\d+)*$/;

/** A library that is needed. */
export interface NeededLibrary {
  /** What files call it by. */
  readonly name: string;
  /** Where it is, without links on the way. */
  readonly path: string;
}

/** A file of the closure's start. */
export interface ClosureRoot {
  readonly path: string;
  readonly elf: ElfDynamics;
}

/** The closure, or what of it is not on this machine. */
export interface LibraryClosure {
  /** By name. */
  readonly libraries: ReadonlyMap<string, NeededLibrary>;
  /** Roots that cannot be loaded here, with the name of the library that is missing. */
  readonly missing: ReadonlyMap<string, string>;
}

/** Whether a library is left to the machine that a package runs on. */
export function isOfTheMachine(name: string): boolean {
  return OF_THE_MACHINE.test(name);
}

/** Collects what the roots need, and what that needs. `main` is the program: its search path serves all. */
export async function libraryClosure(main: ClosureRoot, roots: readonly ClosureRoot[]): Promise<LibraryClosure> {
  const system = await systemFolders();
  const libraries = new Map<string, NeededLibrary>();
  const missing = new Map<string, string>();
  const shared = foldersOf(main);
  for (const root of [main, ...roots]) {
    const found = new Map<string, NeededLibrary>();
    const lost = await collect(root, [...foldersOf(root), ...shared, ...system], found);
    if (lost === undefined) for (const [name, library] of found) libraries.set(name, library);
    else missing.set(root.path, lost);
  }
  return { libraries, missing };
}

/** Adds what one file needs; gives the name of what is not there. */
async function collect(
  from: ClosureRoot,
  folders: readonly string[],
  found: Map<string, NeededLibrary>,
): Promise<string | undefined> {
  for (const name of from.elf.needed) {
    const file = basename(name);
    if (isOfTheMachine(file) || found.has(file)) continue;
    // A name with a slash is a path; folders are not searched.
    const places = file === name ? [...foldersOf(from), ...folders] : [dirname(expanded(name, from.path))];
    const library = await find(file, from.elf.machine, places);
    if (library === undefined) return name;
    found.set(file, { name: file, path: library.path });
    const lost = await collect(library, folders, found);
    if (lost !== undefined) return lost;
  }
  return undefined;
}

async function find(name: string, machine: number, folders: readonly string[]): Promise<ClosureRoot | undefined> {
  for (const candidate of folders.map((folder) => join(folder, name))) {
    if (!(await isFile(candidate))) continue;
    const path = await realpath(candidate);
    const elf = await readElf(path);
    if (elf?.machine === machine) return { path, elf };
  }
  return undefined;
}

function foldersOf({ path, elf }: ClosureRoot): string[] {
  return (elf.searchPath?.text ?? '')
    .split(':')
    .filter((folder) => folder !== '')
    .map((folder) => expanded(folder, path));
}

/** What the loader makes of a path that one file names: `$ORIGIN` is that file's folder. */
export function expanded(text: string, path: string): string {
  return text.replaceAll(/\$ORIGIN|\$\{ORIGIN\}/g, dirname(path));
}

async function systemFolders(): Promise<string[]> {
  const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const usual = [`/lib/${triple}`, `/usr/lib/${triple}`, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
  return [...(await configured('/etc/ld.so.conf')), ...usual];
}

async function configured(file: string, depth = 0): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const folders: string[] = [];
  for (const line of text.split('\n').map((each) => each.replace(/#.*/, '').trim())) {
    const pattern = /^include\s+(\S+)$/.exec(line)?.[1];
    if (pattern !== undefined && depth < 3) folders.push(...(await included(pattern, depth)));
    else if (line.startsWith('/')) folders.push(...line.split(/[\s:,]+/));
  }
  return folders;
}

/** The patterns of ld.so.conf are those of a shell; only `folder/*.conf` is ever used. */
async function included(pattern: string, depth: number): Promise<string[]> {
  const folder = dirname(pattern);
  const name = pattern.slice(folder.length + 1);
  if (!name.startsWith('*')) return configured(pattern, depth + 1);
  const entries = (await sortedEntries(folder)).filter((entry) => entry.name.endsWith(name.slice(1)));
  return (await Promise.all(entries.map((entry) => configured(join(folder, entry.name), depth + 1)))).flat();
}
