/**
 * What could go from a package, and which line of the manifest or which option does it. Only what somebody can really
 * write is proposed, and files are chosen by the patterns and with the consequences that the build has: bytecode goes
 * with its source, what describes a distribution stays. What it saves is not known here.
 *
 * Deliberately careful: folders of tests that ordinary modules import stay, and so do sources and headers where
 * something inside compiles. What only the author can know stands in the note.
 */

import { foldName } from '../manifest/names.js';
import { pathMatcher } from '../path-patterns.js';
import { OPTIONAL_PARTS, type OptionalPart, partMatcher, trimCompany } from '../python/trim.js';
import type { SizeResult, SizeRow } from '../size.js';

/** A change that might be worth it. */
export interface Candidate {
  readonly kind:
    | 'tests'
    | 'sources'
    | 'stubs'
    | 'static'
    | 'symbols'
    | 'pip'
    | 'runtime'
    | 'duplicates'
    | 'level'
    | 'frames';
  readonly title: string;
  readonly change: string;
  readonly table: string | undefined;
  readonly note: string;
  readonly files: number;
  readonly unpackedBytes: number;
  /** Their part of the stored bytes, which says whether a trial is worth its time. */
  readonly shares: number;
  /** What it must save to be worth a line. */
  readonly least: number;
  /** What is different in the slots. */
  readonly changes: readonly SlotChange[];
}

/** What is different in one slot. */
export interface SlotChange {
  readonly slot: number;
  readonly without: string[];
  readonly level?: number;
  readonly frames: boolean;
}

type Measured = Omit<SizeResult, 'advice'>;

/** One file of a slot. */
interface SlotFile {
  readonly slot: number;
  readonly path: string;
  /** Folded name. */
  readonly distribution: string | undefined;
  /** What patterns are held against: the path below site-packages. `undefined` for what no pattern takes. */
  readonly installed: string | undefined;
  readonly storedBytes: number;
  readonly unpackedBytes: number;
}

const BUILD = '[tool.flavor.build]';
const SLOTS = '[[tool.flavor.slots]]';
const SOURCES = ['pyx', 'pxd', 'pxi', 'c', 'cc', 'cpp', 'cxx', 'cu', 'cuh', 'h', 'hh', 'hpp', 'f', 'f90', 'pyf', 'rs'];
const HIGHEST = 19;
/** Of a package; less is not worth anybody's time. */
const LEAST = 0.0003;
/** A copy that takes less is not worth a pattern of its own, and more patterns than these are not worth reading. */
const LEAST_OF_COPY = 4096;
const COPIES = 20;
/** A slot that gets smaller by less than this may stay as it is. */
const LEAST_OF_SLOT = 0.03;

/** What might be worth it. Packages of other builders are built by their own rules. */
export function candidatesOf(measured: Measured, importedTests: readonly string[]): Candidate[] {
  if (measured.foreign) return [];
  const files = filesOf(measured);
  const roleOf = (slot: number): string | undefined => measured.slots[slot]?.role;
  const installed = files.filter(({ slot }) => roleOf(slot) === 'dependencies' || roleOf(slot) === 'application');
  const runtime = files.filter(({ slot }) => roleOf(slot) === 'runtime');
  const distributions = [...new Set(installed.flatMap(({ distribution }) => distribution ?? []))];
  const { isBuilding } = trimCompany({ distributions, libraries: new Set(), namesTkinter: false });
  const found = [
    ...tests(installed, importedTests),
    ...(isBuilding ? [] : sources(installed)),
    ...(isBuilding ? [] : bySuffix(installed, 'static', 'static libraries', ['a', 'lib'], 'only compilers read them')),
    ...bySuffix(
      installed,
      'symbols',
      'debug symbols in files of their own',
      ['pdb', 'debug'],
      'only debuggers read them',
    ),
    ...(distributions.includes('lazy-loader') ? [] : stubs(installed)),
    ...pip(installed),
    ...parts(runtime),
    ...duplicates(measured, installed),
  ];
  const least = measured.sizeBytes * LEAST;
  return [
    ...found.filter(({ files: count, shares }) => count > 0 && shares >= least).map((one) => ({ ...one, least })),
    ...levels(measured, least),
    ...frames(measured),
  ];
}

function filesOf({ slots, tree }: Measured): SlotFile[] {
  const files: SlotFile[] = [];
  const visit = (row: SizeRow, distribution: string | undefined): void => {
    const below = row.kind === 'distribution' ? foldName(row.name) : distribution;
    if (row.kind === 'file' && row.slot !== undefined && row.path !== undefined) {
      const { slot, path, storedBytes, unpackedBytes } = row;
      const installed = distribution === undefined ? undefined : installedPath(slots[slot]?.role, path);
      files.push({ slot, path, distribution, installed, storedBytes, unpackedBytes });
    }
    for (const child of row.children) visit(child, below);
  };
  visit(tree, undefined);
  return files;
}

/** What lies beside site-packages and what describes a distribution is not held against patterns. */
function installedPath(role: string | undefined, path: string): string | undefined {
  const prefix = role === 'dependencies' ? 'site-packages/' : '';
  if (!path.startsWith(prefix)) return undefined;
  const installed = path.slice(prefix.length);
  return /^[^/]+\.dist-info\//.test(installed) ? undefined : installed;
}

type Removal = Pick<Candidate, 'files' | 'unpackedBytes' | 'shares' | 'changes'>;

/** Some files go, and the bytecode of those that are sources. */
function removal(all: readonly SlotFile[], chosen: readonly SlotFile[]): Removal {
  const key = (slot: number, path: string): string => `${slot} ${path}`;
  const gone = new Set(chosen.map(({ slot, path }) => key(slot, path)));
  const out = all.filter(({ slot, path }) => {
    if (gone.has(key(slot, path))) return true;
    const [, folder = '', stem = ''] = /^(.*\/)?__pycache__\/([^/.]+)\.[^/]*\.pyc$/.exec(path) ?? [];
    return stem !== '' && gone.has(key(slot, `${folder}${stem}.py`));
  });
  const slots = [...new Set(out.map(({ slot }) => slot))];
  return {
    files: out.length,
    unpackedBytes: out.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
    shares: out.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    changes: slots.map((slot) => ({
      slot,
      without: out.filter((file) => file.slot === slot).map(({ path }) => path),
      frames: false,
    })),
  };
}

/** What the patterns of `exclude` and `include` take out. */
function excluded(all: readonly SlotFile[], exclude: readonly string[], include: readonly string[] = []): Removal {
  const [goes, stays] = [pathMatcher(exclude), pathMatcher(include)];
  const chosen = all.filter(({ installed }) => installed !== undefined && goes(installed) && !stays(installed));
  return removal(all, chosen);
}

function list(patterns: readonly string[]): string {
  return `[${patterns.map((pattern) => JSON.stringify(pattern)).join(', ')}]`;
}

function lines(exclude: readonly string[], include: readonly string[] = []): string {
  return [`exclude = ${list(exclude)}`, ...(include.length === 0 ? [] : [`include = ${list(include)}`])].join('\n');
}

function tests(all: readonly SlotFile[], importedTests: readonly string[]): Omit<Candidate, 'least'>[] {
  const isImported = (folder: string): boolean =>
    importedTests.some((path) => `/${path}`.endsWith(`/${folder}`) || `/${folder}`.endsWith(`/${path}`));
  const folders = new Map<string, boolean>();
  for (const { installed = '' } of all) {
    const [folder] = /^(?:.*?\/)?tests?(?=\/)/.exec(installed) ?? [];
    if (folder === undefined) continue;
    const isTest = /\/(?:test_[^/]*|[^/]*_test|conftest)\.py$/.test(installed.slice(folder.length));
    folders.set(folder, isTest || (folders.get(folder) ?? false));
  }
  // `test` may be a module that programs use: only where test modules lie in it.
  const named = [...folders]
    .filter(([folder, hasTests]) => folder.endsWith('tests') || hasTests)
    .map(([folder]) => folder);
  const out = named.filter((folder) => !isImported(folder) && isPlain(folder));
  const kept = [...folders.keys()].filter((folder) => folder.endsWith('tests') && isImported(folder)).sort();
  const exclude = [
    ...(out.some((folder) => folder.endsWith('tests')) ? ['tests'] : []),
    ...out.filter((folder) => folder.endsWith('test')).sort(),
  ];
  if (exclude.length === 0) return [];
  return [
    {
      kind: 'tests',
      title: 'tests inside distributions',
      change: lines(exclude, kept),
      table: BUILD,
      note: 'no module outside of them imports what goes',
      ...excluded(all, exclude, kept),
    },
  ];
}

function bySuffix(
  all: readonly SlotFile[],
  kind: Candidate['kind'],
  title: string,
  suffixes: readonly string[],
  note: string,
): Omit<Candidate, 'least'>[] {
  const present = suffixes.filter((suffix) => all.some(({ installed }) => installed?.endsWith(`.${suffix}`)));
  if (present.length === 0) return [];
  const patterns = present.map((suffix) => `*.${suffix}`);
  return [{ kind, title, change: lines(patterns), table: BUILD, note, ...excluded(all, patterns) }];
}

function sources(all: readonly SlotFile[]): Omit<Candidate, 'least'>[] {
  const note = 'only needed by programs that compile extension modules';
  return bySuffix(all, 'sources', 'sources and headers of extension modules', SOURCES, note);
}

function stubs(all: readonly SlotFile[]): Omit<Candidate, 'least'>[] {
  return bySuffix(all, 'stubs', 'type stubs', ['pyi'], 'only needed by type checkers');
}

function pip(all: readonly SlotFile[]): Omit<Candidate, 'least'>[] {
  const chosen = all.filter(({ distribution }) => distribution === 'pip');
  return [
    {
      kind: 'pip',
      title: 'pip',
      change: 'include_pip = false',
      table: '[tool.flavor]',
      note: 'only needed if the program installs packages, or its user wants to',
      ...removal(all, chosen),
    },
  ];
}

const PART_NOTES: Readonly<Record<OptionalPart, string>> = {
  tests: 'only needed to test Python itself',
  idlelib: 'only needed to edit programs in it',
  headers: 'only needed by programs that compile extension modules',
  static: 'only needed to build against Python',
  tkinter: 'only needed by programs with windows of Tk; something in the package names it',
  ensurepip: 'only needed for `python -m venv` inside',
  pydoc_data: 'only needed for the texts of `help()`',
  lib2to3: 'only needed to convert programs for Python 2',
};

/** Parts of the interpreter that the manifest can leave out. */
function parts(all: readonly SlotFile[]): Omit<Candidate, 'least'>[] {
  const library = all
    .map(({ path }) => /^(lib\/python[^/]+|Lib)\/os\.py$/.exec(path)?.[1])
    .find((folder) => folder !== undefined);
  if (library === undefined) return [];
  return OPTIONAL_PARTS.map((part) => {
    const matches = partMatcher(part, library);
    const chosen = all.filter(({ path }) => matches(path));
    return {
      kind: 'runtime' as const,
      title: `${part} of the interpreter`,
      change: `${part} = true`,
      table: '[tool.flavor.python.trim]',
      note: PART_NOTES[part],
      ...removal(all, chosen),
    };
  });
}

/**
 * Copies that patterns can name. Modules stay, as who imports one means that one, and so does what somebody is bound to
 * pass on.
 */
function duplicates({ duplicates: found }: Measured, all: readonly SlotFile[]): Omit<Candidate, 'least'>[] {
  const byPlace = new Map(all.map((file) => [`${file.slot} ${file.path}`, file]));
  const mayGo = ({ installed = '', path, storedBytes }: SlotFile): boolean =>
    storedBytes >= LEAST_OF_COPY &&
    installed !== '' &&
    !/\.py[ci]?$/.test(path) &&
    !/(?:^|\/)(?:licen[cs]e|copying|notice|authors)[^/]*$/i.test(path) &&
    isPlain(installed);
  // The first one stays, also where it is no installed file.
  const copies = found.flatMap(({ copies: [, ...more] }) =>
    more.flatMap(({ slot, path }) => byPlace.get(`${slot} ${path}`) ?? []).filter(mayGo),
  );
  const worth = copies.sort((one, other) => other.storedBytes - one.storedBytes).slice(0, COPIES);
  if (worth.length === 0) return [];
  const patterns = worth.map(({ installed = '' }) => (installed.includes('/') ? installed : `/${installed}`));
  return [
    {
      kind: 'duplicates',
      title: 'files that are there twice',
      change: lines(patterns),
      table: BUILD,
      note: 'only if nothing opens them by these names',
      ...excluded(all, patterns),
    },
  ];
}

/** Whether a path stands for itself when it is a pattern. */
function isPlain(path: string): boolean {
  return !/[*?[\]]/.test(path);
}

function levels({ slots }: Measured, least: number): Candidate[] {
  const lower = slots.filter(({ level, unpackedBytes }) => level !== undefined && level < HIGHEST && unpackedBytes > 0);
  // The interpreter and what is installed have the level of the package, slots of the manifest may have their own.
  const general = slots.find(({ role, level }) => role !== 'data' && level !== undefined)?.level;
  const raised = (
    chosen: typeof lower,
  ): Pick<Candidate, 'files' | 'unpackedBytes' | 'shares' | 'changes' | 'least'> => ({
    files: 0,
    unpackedBytes: 0,
    shares: chosen.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    changes: chosen.map(({ index }) => ({ slot: index, without: [], level: HIGHEST, frames: false })),
    least,
  });
  const own = lower.filter(({ role, level }) => role === 'data' && level !== general);
  const rest = lower.filter((slot) => !own.includes(slot));
  return [
    ...(rest.length === 0
      ? []
      : [
          {
            kind: 'level' as const,
            title: `level ${HIGHEST} instead of ${[...new Set(rest.map(({ level }) => level))].join(' and ')}`,
            change: `--level ${HIGHEST}`,
            table: undefined,
            note: 'takes several times as long to build, not to start',
            ...raised(rest),
          },
        ]),
    ...own.map((slot) => ({
      kind: 'level' as const,
      title: `level ${HIGHEST} instead of ${slot.level} for slot ${slot.id}`,
      change: slotLines(slot.id, `level = ${HIGHEST}`),
      table: SLOTS,
      note: 'takes several times as long to build, not to start',
      ...raised([slot]),
    })),
  ];
}

/** Slots of the manifest that would be smaller as the build stores them by itself. */
function frames({ slots }: Measured): Candidate[] {
  const others = slots.filter(
    ({ role, level, unpackedBytes }) => role === 'data' && level === undefined && unpackedBytes > 0,
  );
  return others.map(({ id, index, operations, storedBytes, tree }) => {
    const better = tree ? 'tar.zst' : 'zstd';
    return {
      kind: 'frames',
      title: `${better} instead of ${operations} for slot ${id}`,
      change: slotLines(id, `operations = ${JSON.stringify(better)}`),
      table: SLOTS,
      note: tree ? 'where its source is a folder' : '',
      files: 0,
      unpackedBytes: 0,
      shares: storedBytes,
      least: storedBytes * LEAST_OF_SLOT,
      changes: [{ slot: index, without: [], frames: true }],
    };
  });
}

/** A line of the table of one slot. */
function slotLines(id: string, line: string): string {
  return `id = ${JSON.stringify(id)}\n${line}`;
}
