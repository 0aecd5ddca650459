/**
 * Copies an interpreter of this machine so that it stands on its own feet: program, library, headers, and every
 * shared library that they load except those of the C library. The copied files find each other relative to
 * themselves; where that cannot be written into a file, the copy is refused.
 *
 * Left out: site-packages (a package brings its own), what nobody can carry to another machine (Tcl and Tk have
 * scripts elsewhere, NIS brings half an authentication system), modules that do not load here either.
 */

import { chmod, copyFile, cp, mkdir, readFile, readlink, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, relative, resolve, sep } from 'node:path';

import { FlavorError } from '../errors.js';
import { isFile, isFolder, isThere } from '../presence.js';
import { readElf } from './elf.js';
import { searchPathObstacle, writeSearchPath } from './elf-search-path.js';
import { type ClosureRoot, expanded, isOfTheMachine, type LibraryClosure, libraryClosure } from './library-closure.js';
import type { LocalInterpreter } from './local-interpreters.js';
import { GIVE_ARCHIVE } from './runtime-staging.js';
import { replaceInTexts, sortedEntries, walkTree } from './tree.js';

/** A copy, and what it was made of. */
export interface LocalCopy {
  /** Originals of the copied shared libraries, the interpreter's own among them. */
  readonly libraries: readonly string[];
  /** Extension modules that were left out, sorted. */
  readonly leftOut: readonly string[];
}

/** Extension modules that are not taken along. */
const NOT_CARRIED = /^(nis|_tkinter)\./;
/** Prefixes that say nothing about a machine, and that stand in texts which mean other programs. */
const SYSTEM_PREFIXES = ['/usr', '/usr/local'];

/** Copies `local` to the new folder `to`. */
export async function copyInterpreter(local: LocalInterpreter, to: string): Promise<LocalCopy> {
  const { minor, library } = local;
  const libraryTo = join(to, 'lib', `python${minor}`);
  await mkdir(join(to, 'bin'), { recursive: true });
  const program = join(to, 'bin', `python${minor}`);
  await copyFile(local.executable, program);
  await chmod(program, 0o755);
  for (const name of ['python', 'python3']) await symlink(`python${minor}`, join(to, 'bin', name));
  await cp(library, libraryTo, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => isCarried(relative(library, path)),
  });
  await checkLinks(local, libraryTo);
  await copyHeaders(local, to);
  const main = await requireElf(local.executable);
  const modules = await modulesOf(join(library, 'lib-dynload'));
  const closure = await libraryClosure(main, modules);
  const lost = closure.missing.get(main.path);
  if (lost !== undefined) throw refused(local, `${main.path} needs ${lost}, which is not on this machine`);
  for (const { name, path } of closure.libraries.values()) {
    await copyFile(path, join(to, 'lib', name));
    await chmod(join(to, 'lib', name), 0o644);
  }
  const leftOut = [...closure.missing.keys()].map((path) => basename(path));
  for (const name of leftOut) await rm(join(libraryTo, 'lib-dynload', name));
  await relocate(local, to, closure);
  if (!SYSTEM_PREFIXES.includes(local.prefix)) await replaceInTexts(to, local.prefix, to);
  await forgetSearchPaths(libraryTo);
  const dropped = (await sortedEntries(join(library, 'lib-dynload'))).map(({ name }) => name);
  return {
    libraries: [...closure.libraries.values()].map(({ path }) => path),
    leftOut: [...leftOut, ...dropped.filter((name) => NOT_CARRIED.test(name))].map(moduleName).sort(),
  };
}

/**
 * Takes search paths for libraries out of the recipe by which extension modules are built. They would lead into the
 * scratch folder, a place in which anybody may put a library later; what a module needs of the interpreter is loaded
 * by then.
 */
async function forgetSearchPaths(library: string): Promise<void> {
  const names = (await sortedEntries(library)).flatMap(({ name }) => {
    if (/^_sysconfigdata.*\.py$/.test(name)) return [name];
    return name.startsWith('config-') ? [join(name, 'Makefile')] : [];
  });
  for (const file of names.map((name) => join(library, name))) {
    if (!(await isFile(file))) continue;
    const text = await readFile(file, 'latin1');
    await writeFile(file, text.replaceAll(/-Wl,(?:[^\s,'"]+,)*?-?-rpath[,=][^\s,'"]+/g, ''), 'latin1');
  }
}

function isCarried(path: string): boolean {
  if (/(^|\/)__pycache__$/.test(path) || /^site-packages\/./.test(path)) return false;
  return !(path.startsWith('lib-dynload/') && NOT_CARRIED.test(basename(path)));
}

function moduleName(file: string): string {
  return file.replace(/\..*$/, '');
}

/** Links stay if they lead to something inside; what dangles is dropped, what leads out is refused. */
async function checkLinks(local: LocalInterpreter, folder: string): Promise<void> {
  for await (const entry of walkTree(folder)) {
    if (entry.kind !== 'link') continue;
    const target = await readlink(entry.absolute);
    const aim = resolve(dirname(entry.absolute), target);
    if (!(await isThere(join(local.library, entry.path)))) await rm(entry.absolute);
    else if (isAbsolute(target) || !aim.startsWith(folder + sep)) {
      throw refused(local, `its library holds a link that leads out of it: ${entry.path} to ${target}`);
    }
  }
}

async function copyHeaders({ minor, prefix }: LocalInterpreter, to: string): Promise<void> {
  const headers = join(prefix, 'include', `python${minor}`);
  if (!(await isFolder(headers))) return;
  await cp(await realpath(headers), join(to, 'include', `python${minor}`), { recursive: true });
}

async function requireElf(path: string): Promise<ClosureRoot> {
  const elf = await readElf(path, 'with-symbols');
  if (elf !== undefined) return { path, elf };
  throw new FlavorError('ERR_FLAVOR_RUNTIME', `not a dynamically linked ELF file: ${path}`, { path, hints: [] });
}

async function modulesOf(folder: string): Promise<ClosureRoot[]> {
  const roots: ClosureRoot[] = [];
  for (const entry of await sortedEntries(folder)) {
    if (!entry.name.endsWith('.so') || NOT_CARRIED.test(entry.name)) continue;
    roots.push(await requireElf(join(folder, entry.name)));
  }
  return roots;
}

/** Writes relative search paths. What has none is served by the program's, which goes before all others. */
async function relocate(local: LocalInterpreter, to: string, closure: LibraryClosure): Promise<void> {
  const folder = join(to, 'lib');
  const program = join(to, 'bin', `python${local.minor}`);
  const modules = join(folder, `python${local.minor}`, 'lib-dynload');
  const files = [
    program,
    ...[...closure.libraries.keys()].map((name) => join(folder, name)),
    ...(await sortedEntries(modules)).filter(({ name }) => name.endsWith('.so')).map(({ name }) => join(modules, name)),
  ];
  let programServes = false;
  for (const file of files) {
    const { elf } = await requireElf(file);
    const value = `$ORIGIN/${relative(dirname(file), folder)}`.replace(/\/$/, '');
    const why = searchPathObstacle(elf, value);
    if (why === undefined) {
      await writeSearchPath(file, elf, value);
      if (file === program) programServes = true;
      continue;
    }
    const needsCopies = elf.needed.some((name) => !isOfTheMachine(basename(name)) && !leadsInside(name, file, to));
    const isHarmless = elf.searchPath === undefined || leadsInside(elf.searchPath.text, file, to);
    if (!isHarmless || (needsCopies && !programServes)) {
      throw refused(local, `${relative(to, file)} cannot be made to find its libraries in the copy: ${why}`);
    }
  }
}

/** Whether every folder of a search path is inside of the copy. */
function leadsInside(text: string, file: string, to: string): boolean {
  return text.split(':').every((folder) => {
    const path = normalize(expanded(folder, file));
    return path === to || path.startsWith(to + sep);
  });
}

function refused(local: LocalInterpreter, why: string): FlavorError {
  return new FlavorError(
    'ERR_FLAVOR_RUNTIME',
    `Python ${local.version} of ${local.executable} cannot be copied: ${why}`,
    {
      path: local.executable,
      hints: [GIVE_ARCHIVE],
    },
  );
}
