/**
 * Takes out of a runtime what a packaged program does not need, by category, and says what each category saved. Out by
 * default is what only tests or teaches Python itself, and what only serves to build against it; the latter stays
 * when a distribution inside builds extension modules at run time. tkinter goes where nothing names it, everything else
 * only when asked for.
 *
 * `keep` and `drop` of the manifest win over every category, `keep` over `drop`.
 */

import { lstat } from 'node:fs/promises';
import { basename } from 'node:path';

import type { TrimSettings } from '../manifest/project-manifest.js';
import { type PathMatcher, pathMatcher } from '../path-patterns.js';
import type { Target } from '../platform.js';
import { readElf } from './elf.js';
import { stripElf } from './elf-strip.js';
import { layoutOf } from './layout.js';
import type { InstalledRuntime } from './session.js';
import { removeFile, walkTree } from './tree.js';

/** Parts of a runtime that can be left out. */
export type TrimCategory =
  | 'tests'
  | 'idlelib'
  | 'headers'
  | 'static'
  | 'libpython'
  | 'symbols'
  | 'tkinter'
  | 'ensurepip'
  | 'pydoc_data'
  | 'lib2to3'
  | 'drop';

/** Bytes that each category took out; categories that took out nothing are not there. */
export type TrimReport = Readonly<Partial<Record<TrimCategory, number>>>;

/** What a trim is decided by. */
export interface TrimRequest {
  readonly target: Target;
  readonly runtime: Pick<InstalledRuntime, 'root' | 'interpreter' | 'minor'>;
  readonly settings: TrimSettings;
  /** Names of the distributions that come with the program. */
  readonly distributions: readonly string[];
  /** Libraries that their binaries load. */
  readonly libraries: ReadonlySet<string>;
  /** Whether something in the package names tkinter. */
  readonly namesTkinter: boolean;
}

/** Distributions that compile extension modules where they are installed. */
const BUILDERS = new Set(['cffi', 'cython', 'nanobind', 'pybind11', 'pythran', 'torch', 'triton']);

/** `LIBRARY` stands for the folder of the standard library. */
const PATHS: Readonly<Record<Exclude<TrimCategory, 'libpython' | 'symbols' | 'drop'>, readonly string[]>> = {
  tests: [
    'LIBRARY/**/test',
    'LIBRARY/**/tests',
    'LIBRARY/lib-dynload/_test*',
    'LIBRARY/lib-dynload/_ctypes_test*',
    'LIBRARY/lib-dynload/_xxtest*',
    'LIBRARY/lib-dynload/xxlimited*',
    'LIBRARY/lib-dynload/xxsubtype*',
    'DLLs/_test*',
    'DLLs/_ctypes_test*',
  ],
  idlelib: ['LIBRARY/idlelib', 'LIBRARY/turtledemo', 'bin/idle*'],
  headers: ['include', 'lib/pkgconfig', 'bin/python*-config'],
  static: ['lib/*.a', 'LIBRARY/config-*', 'libs'],
  tkinter: [
    'LIBRARY/tkinter',
    'LIBRARY/turtle.py',
    'LIBRARY/lib-dynload/_tkinter*',
    'lib/libtcl*',
    'lib/libtk*',
    'lib/tcl*',
    'lib/tk*',
    'lib/itcl*',
    'lib/thread*',
    'DLLs/_tkinter*',
    'DLLs/tcl*',
    'DLLs/tk*',
    'tcl',
  ],
  ensurepip: ['LIBRARY/ensurepip'],
  pydoc_data: ['LIBRARY/pydoc_data'],
  lib2to3: ['LIBRARY/lib2to3', 'bin/2to3*'],
};

/** A part of a runtime that the manifest can leave out whatever else is inside. */
export type OptionalPart = keyof typeof PATHS;

/** All of them. */
export const OPTIONAL_PARTS = Object.keys(PATHS) as readonly OptionalPart[];

/** Whether a path of a runtime, whose standard library lies in the folder `library`, belongs to a part. */
export function partMatcher(part: OptionalPart, library: string): PathMatcher {
  return matcherIn(library, PATHS[part]);
}

function matcherIn(library: string, patterns: readonly string[]): PathMatcher {
  return pathMatcher(patterns.map((pattern) => pattern.replace('LIBRARY', library)));
}

/** What of a program decides about a trim besides the settings. */
export function trimCompany({
  distributions,
  libraries,
  namesTkinter,
}: Pick<TrimRequest, 'distributions' | 'libraries' | 'namesTkinter'>) {
  return {
    namesTkinter,
    isBuilding: distributions.some((name) => BUILDERS.has(name.toLowerCase())),
    asksForLibpython: [...libraries].some(isLibpython),
  };
}

function isLibpython(name: string): boolean {
  return basename(name).startsWith('libpython');
}

/** Trims the tree in place. */
export async function trimRuntime(request: TrimRequest): Promise<TrimReport> {
  const { runtime, settings, target } = request;
  const isKept = pathMatcher(settings.keep);
  const categories = await categoriesOf(request);
  const saved: Partial<Record<TrimCategory, number>> = {};
  const save = (category: TrimCategory, bytes: number): void => {
    if (bytes > 0) saved[category] = (saved[category] ?? 0) + bytes;
  };
  for await (const entry of walkTree(runtime.root)) {
    if (entry.kind === 'directory' || isKept(entry.path)) continue;
    const category = categories.find(({ matches }) => matches(entry.path))?.name;
    if (category !== undefined) {
      save(category, (await lstat(entry.absolute)).size);
      await removeFile(runtime.root, entry.path);
    } else if (settings.symbols && entry.kind === 'file' && target.os === 'linux') {
      save('symbols', await stripElf(entry.absolute));
    }
  }
  return saved;
}

interface Category {
  readonly name: TrimCategory;
  readonly matches: PathMatcher;
}

/** The categories that are in force, the first that matches a path counts. */
async function categoriesOf(request: TrimRequest): Promise<Category[]> {
  const { runtime, settings, target } = request;
  const { library } = layoutOf(target, runtime.minor);
  const category = (name: TrimCategory, patterns: readonly string[]): Category => ({
    name,
    matches: matcherIn(library, patterns),
  });
  const { isBuilding } = trimCompany(request);
  const wanted: Readonly<Record<OptionalPart, boolean>> = {
    tests: settings.tests,
    idlelib: settings.idlelib,
    headers: settings.headers && !isBuilding,
    static: settings.static,
    tkinter: settings.tkinter === 'auto' ? !request.namesTkinter : settings.tkinter,
    ensurepip: settings.ensurepip,
    pydoc_data: settings.pydocData,
    lib2to3: settings.lib2to3,
  };
  const names = OPTIONAL_PARTS.filter((name) => wanted[name]);
  // Who builds needs the recipe that Python itself was built by.
  const building = ['lib/*.a', 'LIBRARY/config-*/*.a', 'LIBRARY/config-*/*.o'];
  return [
    ...names.map((name) => category(name, name === 'static' && !wanted.headers ? building : PATHS[name])),
    ...(settings.libpython && !isBuilding && (await isLibpythonIdle(request))
      ? [category('libpython', ['lib/libpython*.so*'])]
      : []),
    category('drop', settings.drop),
  ];
}

/** Whether the interpreter has its library inside itself, and nothing else asks for the shared one. */
async function isLibpythonIdle({ libraries, runtime, target }: TrimRequest): Promise<boolean> {
  if (target.os !== 'linux') return false;
  const program = await readElf(runtime.interpreter);
  const asked = [...(program?.needed ?? []), ...libraries];
  return program !== undefined && !asked.some(isLibpython);
}
