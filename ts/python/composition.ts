/**
 * How a work environment is composed of the slots: links into shared ones, and generated files (STORE.md §8). It looks
 * like a virtual environment, so that Python and every tool understand it (design §4).
 *
 * One folder (`bin`) holds the interpreter, all scripts and the programs of wheels; another (`scripts`), which goes in
 * front of PATH, the same without what must never be found before the user's own.
 *
 * Environments on Windows have no links, because making one takes a right that users do not have: files are copied, and
 * the interpreter's place is taken by the program that `python -m venv` puts there. It starts the interpreter that
 * pyvenv.cfg names.
 */

import type { Target } from '../platform.js';
import type { CommandEntry, CommandSet } from './commands.js';
import { type Layout, layoutOf } from './layout.js';
import { type Interpreter, script } from './scripts.js';
import { windowsScript, windowsScriptName, windowsStarter } from './scripts-windows.js';
import type { InstalledRuntime } from './session.js';
import type { SiteTree } from './site-tree.js';
import { PATH_FILE, type Start } from './start.js';

/** A link of the work environment. */
export interface Link {
  readonly path: string;
  readonly slot: number;
  readonly to: string;
  readonly kind: 'symlink' | 'copy';
}

/** A generated text. */
export interface GeneratedFile {
  readonly path: string;
  readonly content: string;
  readonly mode: '0644' | '0755';
}

/** Positions of the slots that every package has. */
export const SLOT = { runtime: 0, dependencies: 1, application: 2, data: 3 } as const;

/** What an environment is composed of. */
export interface CompositionRequest {
  readonly target: Target;
  readonly runtime: InstalledRuntime;
  readonly interpreter: Interpreter;
  readonly dependencies: SiteTree;
  readonly application: SiteTree;
  readonly commandSet: CommandSet;
  readonly start: Start;
  /** Further lines of pyvenv.cfg. */
  readonly notes: readonly string[];
  /** Links into the manifest's own slots. */
  readonly links: readonly Link[];
  /** Members of the runtime that stand for the interpreter in an environment on Windows, by file name. */
  readonly redirectors: ReadonlyMap<string, string>;
}

/** Names that must never be found on PATH in front of the user's own. */
const NOT_ON_PATH = /^(pip|python|pydoc|idle)[\d.]*$/;
const INTERPRETER = /^python[\d.]*$/;

/** Where the root of the dependencies lies for files and arguments. */
export const DEPENDENCY_ROOT = `{slot:${SLOT.dependencies}}/site-packages`;

/** Links and files, each sorted by path. What the project says wins over what one of its dependencies says. */
export function compose(request: CompositionRequest): { links: Link[]; files: GeneratedFile[] } {
  const { application, commandSet, dependencies, runtime, start, target } = request;
  const layout = layoutOf(target, runtime.minor);
  const kind = target.os === 'windows' ? 'copy' : 'symlink';
  const files = new Map<string, GeneratedFile>();
  const links = new Map<string, Link>();
  const addFile = (path: string, content: string, mode: GeneratedFile['mode']): void => {
    if (!files.has(path) && !links.has(path)) files.set(path, { path, content, mode });
  };
  const addLink = (link: Link): void => {
    if (!files.has(link.path) && !links.has(link.path)) links.set(link.path, link);
  };

  addFile('pyvenv.cfg', pyvenv(runtime, layout, request.notes), '0644');
  addFile(`${layout.sitePackages}/${PATH_FILE}`, pathFile(start), '0644');
  for (const [name, to] of interpretersOf(request)) {
    addLink({ path: `${layout.programs}/${name}`, slot: SLOT.runtime, to, kind });
  }
  for (const link of request.links) addLink(link);
  for (const [tree, slot] of [
    [{ scripts: commandSet.commands, besideFiles: [] }, SLOT.application],
    [application, SLOT.data],
    [dependencies, SLOT.dependencies],
  ] as const) {
    for (const [name, entry] of tree.scripts) {
      if (INTERPRETER.test(name)) continue;
      for (const [path, content] of scriptFiles(request, layout, name, entry)) addFile(path, content, '0755');
    }
    for (const path of tree.besideFiles) {
      addLink({ path, slot, to: path, kind });
      const [folder, program = '', ...below] = path.split('/');
      if (folder !== layout.programs || below.length > 0 || NOT_ON_PATH.test(program)) continue;
      addLink({ path: `${layout.onPath}/${program}`, slot, to: path, kind });
    }
  }
  const sorted = <Entry extends { readonly path: string }>(entries: Iterable<Entry>): Entry[] =>
    [...entries].sort((left, right) => (left.path < right.path ? -1 : 1));
  return { links: sorted(links.values()), files: sorted(files.values()) };
}

/** Names of the interpreter in an environment, with the member of the runtime that each is. */
function interpretersOf({ redirectors, runtime, target }: CompositionRequest): Iterable<readonly [string, string]> {
  if (target.os === 'windows') return redirectors;
  return ['python', 'python3', `python${runtime.minor}`].map((name) => [name, `bin/python${runtime.minor}`]);
}

/** The files of a console script. */
function scriptFiles(
  { interpreter, target }: CompositionRequest,
  { onPath, programs }: Layout,
  name: string,
  entry: CommandEntry,
): (readonly [string, string])[] {
  const isOnPath = !NOT_ON_PATH.test(name);
  if (target.os === 'windows') {
    return [
      [`${programs}/${windowsScriptName(name)}`, windowsScript(entry, interpreter)],
      [`${programs}/${name}.cmd`, windowsStarter(name, interpreter, '')],
      ...(isOnPath ? [[`${onPath}/${name}.cmd`, windowsStarter(name, interpreter, `..\\${programs}\\`)] as const] : []),
    ];
  }
  const content = script(entry, interpreter);
  return [[`${programs}/${name}`, content], ...(isOnPath ? [[`${onPath}/${name}`, content] as const] : [])];
}

function pyvenv(runtime: InstalledRuntime, { home }: Layout, notes: readonly string[]): string {
  return [
    `home = {slot:${SLOT.runtime}}${home === '' ? '' : `/${home}`}`,
    'implementation = CPython',
    'include-system-site-packages = false',
    `version = ${runtime.version}`,
    ...notes,
    '',
  ].join('\n');
}

/**
 * The folder of the dependencies first, so that lines behind it can import from there. Lines that were understood
 * stand here as they are; where one was not, `site` reads the files in their own folder, as in any environment, because
 * such code may look for it.
 */
function pathFile({ dependencyPaths: { lines } }: Start): string {
  const own = lines.some(({ kind }) => kind === 'code')
    ? ['import site, sys; site.addsitedir(sys.path[-1])']
    : lines.flatMap((line) => {
        if (line.kind === 'inert') return [];
        return [line.kind === 'path' ? `${DEPENDENCY_ROOT}/${line.path}` : line.text];
      });
  return [DEPENDENCY_ROOT, ...own, ''].join('\n');
}
