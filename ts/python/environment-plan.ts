/**
 * Describes the package to the assembler (FORMAT.md §15): slots, commands, environment. How the work environment is
 * composed stands in composition.ts. Only decisions are made here; sizes, digests and frames are computed where the
 * bytes are.
 */

import { FlavorError } from '../errors.js';
import type { Launcher } from '../launchers.js';
import { nearestWord } from '../manifest/nearest.js';
import type { MainProgram, ProjectManifest } from '../manifest/project-manifest.js';
import type { Target } from '../platform.js';
import type { CommandSet } from './commands.js';
import { compose, DEPENDENCY_ROOT, type Link, SLOT } from './composition.js';
import { type Layout, layoutOf } from './layout.js';
import { flagsForFile, type Interpreter } from './scripts.js';
import { windowsScriptName } from './scripts-windows.js';
import type { InstalledRuntime } from './session.js';
import type { SiteTree } from './site-tree.js';
import { type PlannedSlot, withPositions } from './slots.js';
import { RUNNERS, type Start } from './start.js';

/** The interpreter of a package for Windows. */
const WINDOWS_PYTHON = `{slot:${SLOT.runtime}}/python.exe`;
/** What the program that `python -m venv` makes says to the interpreter that it starts. */
const WINDOWS_VARIABLES = { __PYVENV_LAUNCHER__: '{workenv}\\Scripts\\python.exe' };

/** Everything that the plan is made from. */
export interface PlanRequest {
  readonly manifest: ProjectManifest;
  readonly version: string;
  readonly description: string | undefined;
  readonly target: Target;
  readonly launcher: Pick<Launcher, 'kind' | 'version'>;
  readonly runtime: InstalledRuntime;
  /** Further lines of pyvenv.cfg. */
  readonly notes?: readonly string[];
  readonly interpreter: Interpreter;
  readonly dependencies: SiteTree;
  readonly application: SiteTree;
  readonly commandSet: CommandSet;
  readonly start: Start;
  /** The manifest's own slots, in their order. */
  readonly extraSlots?: readonly PlannedSlot[];
  /** Members of the runtime that stand for the interpreter on Windows. */
  readonly redirectors?: ReadonlyMap<string, string>;
}

/** Variables that would bend the packaged Python towards another installation, or make it miss its bytecode. */
const UNSET = [
  'PYTHONPATH',
  'PYTHONHOME',
  'PYTHONPLATLIBDIR',
  'PYTHONEXECUTABLE',
  'PYTHONPYCACHEPREFIX',
  '__PYVENV_LAUNCHER__',
  'VIRTUAL_ENV',
  'PYTHONOPTIMIZE',
];

/** Folders of the work environment that go in front of PATH. */
function foldersOnPath({ manifest, runtime, target }: PlanRequest): string[] {
  const { onPath, programs } = layoutOf(target, runtime.minor);
  return { scripts: [onPath], full: [programs], none: [] }[manifest.execution.path];
}

/** The manifest for assembly, as JSON text. */
export function environmentPlan(request: PlanRequest): string {
  const { application, commandSet, dependencies, manifest, runtime, target } = request;
  const hasData = application.besideFiles.length > 0;
  const slots = [
    slotEntry('runtime', runtime.root),
    slotEntry('dependencies', dependencies.beside),
    slotEntry('application', application.sitePackages),
    ...(hasData ? [slotEntry('data', application.beside)] : []),
  ];
  const extra = (request.extraSlots ?? []).map((slot, index) => ({ ...slot, position: slots.length + index }));
  const ids = [...slots, ...extra.map(({ entry }) => entry)].map(({ id }, index): [string, number] => [id, index]);
  const positions = new Map(ids);
  const { environment } = manifest.execution;
  const variables: Record<string, string> = {};
  for (const { position, variable } of extra) {
    if (variable !== undefined) variables[variable.name] = `{slot:${position}}${variable.suffix}`;
  }
  const links: Link[] = extra.flatMap(({ links, position }) => links.map((link) => ({ ...link, slot: position })));
  const plan = {
    format: 'PSPF/2025',
    package: {
      name: manifest.name,
      version: request.version,
      ...(request.description === undefined ? {} : { description: request.description }),
    },
    execution: { primary_slot: SLOT.application, command: plainCommand(request), env: {}, environment: {} },
    runtime: {
      env: {
        unset: [...new Set([...(environment.isolated ? UNSET : []), ...environment.unset])],
        ...(environment.pass.length > 0 ? { pass: environment.pass } : {}),
        ...(Object.keys(environment.map).length > 0 ? { map: environment.map } : {}),
        set: { ...variables, ...placed(environment.set, positions) },
      },
    },
    slots: [...slots, ...extra.map(({ entry }) => entry)].map((entry, slot) => ({ slot, ...entry })),
    extensions: {
      'x-flavor': {
        schema: 1,
        target,
        launcher: { kind: request.launcher.kind, version: request.launcher.version },
        slots: [
          { role: 'runtime', share: true },
          { role: 'dependencies', share: true },
          { role: 'application', share: false },
          ...(hasData ? [{ role: 'data', share: true }] : []),
          ...extra.map(({ role, share }) => ({ role, share })),
        ],
        workenv: {
          unpack: [{ slot: SLOT.application, into: layoutOf(target, runtime.minor).sitePackages }],
          ...compose({ ...request, notes: request.notes ?? [], redirectors: request.redirectors ?? new Map(), links }),
          path: foldersOnPath(request),
        },
        commands: Object.fromEntries(commandSet.names.map((name) => [name, commandEntry(request, name, positions)])),
        default: commandSet.defaultName,
      },
    },
  };
  return JSON.stringify(plan);
}

function slotEntry(role: 'runtime' | 'dependencies' | 'application' | 'data', source: string) {
  return {
    id: role,
    source,
    target: '{workenv}',
    operations: 'tar.zst',
    purpose: role === 'runtime' ? 'runtime' : role === 'data' ? 'data' : 'library',
    lifecycle: 'runtime',
    permissions: '0755',
  };
}

/** The default command for readers that know no `x-flavor.commands`. */
function plainCommand(request: PlanRequest): string {
  const { commands, defaultName, main, settings } = request.commandSet;
  if (defaultName === main?.name) return mainStart(request, main.program).join(' ');
  if (commands.has(defaultName)) return ordinaryStart(request, defaultName).join(' ');
  return (settings.get(defaultName)?.argv ?? []).join(' ');
}

function commandEntry(
  request: PlanRequest,
  name: string,
  positions: ReadonlyMap<string, number>,
): { argv: string[]; env?: Record<string, string>; cwd?: string } {
  const { argv, cwd, env = {} } = request.commandSet.settings.get(name) ?? {};
  const words = argv === undefined ? startOf(request, name) : programOf(request, name, argv);
  const variables = { ...(words[0] === WINDOWS_PYTHON ? WINDOWS_VARIABLES : {}), ...env };
  return {
    argv: words.map((word) => withPositions(word, positions)),
    ...(Object.keys(variables).length > 0 ? { env: placed(variables, positions) } : {}),
    ...(cwd === undefined ? {} : { cwd: withPositions(cwd, positions) }),
  };
}

/** How the script of that name is started. */
function startOf(request: PlanRequest, name: string): string[] {
  const { commandSet, interpreter, runtime, start, target } = request;
  const main = commandSet.main?.name === name ? commandSet.main.program : undefined;
  if (!start.runners.has(name)) {
    return main === undefined ? ordinaryStart(request, name) : mainStart(request, main);
  }
  return [
    ...pythonOf(request, main === undefined ? interpreter.flags : flagsForFile(interpreter)),
    // The runner takes these four words away again, so that the program sees the words of an ordinary start.
    '-S',
    '-X',
    `flavor=${DEPENDENCY_ROOT}`,
    `{workenv}/${layoutOf(target, runtime.minor).sitePackages}/${RUNNERS}/${name}.pyc`,
  ];
}

function ordinaryStart(request: PlanRequest, name: string): string[] {
  const { runtime, target } = request;
  const { programs } = layoutOf(target, runtime.minor);
  return [...pythonOf(request), `{workenv}/${programs}/${target.os === 'windows' ? windowsScriptName(name) : name}`];
}

/** The interpreter with its options. On Windows it is started in its own place, and told whose it is. */
function pythonOf({ interpreter, target }: PlanRequest, flags: readonly string[] = interpreter.flags): string[] {
  return [target.os === 'windows' ? WINDOWS_PYTHON : '{workenv}/bin/python', ...flags];
}

/** A program that is no function, started as Python starts it. */
function mainStart(request: PlanRequest, program: MainProgram): string[] {
  if (program.kind === 'module') return [...pythonOf(request), '-m', program.module];
  const { sitePackages } = layoutOf(request.target, request.runtime.minor);
  return [...pythonOf(request, flagsForFile(request.interpreter)), `{workenv}/${sitePackages}/${program.path}`];
}

/** What the manifest wrote as `argv`: a bare first word is a script or program of the package, or `python`. */
function programOf(request: PlanRequest, command: string, argv: readonly string[]): string[] {
  const { application, commandSet, dependencies, manifest } = request;
  const [program = '', ...rest] = argv;
  if (program.startsWith('{')) return [...argv];
  if (/^python(3(\.\d+)?)?$/.test(program)) return [...pythonOf(request), ...rest];
  const sources = [commandSet.commands, application.scripts, dependencies.scripts];
  if (program === commandSet.main?.name || sources.some((scripts) => scripts.has(program)))
    return [...startOf(request, program), ...rest];
  const beside = [...application.besideFiles, ...dependencies.besideFiles];
  const layout = layoutOf(request.target, request.runtime.minor);
  const file = programNames(request, layout, program).find((path) => beside.includes(path));
  if (file !== undefined) return [`{workenv}/${file}`, ...rest];
  const known = [
    ...sources.flatMap((scripts) => [...scripts.keys()]),
    ...beside.flatMap((path) => (path.startsWith(`${layout.programs}/`) ? path.slice(layout.programs.length + 1) : [])),
  ];
  const near = nearestWord(program, known);
  throw new FlavorError(
    'ERR_FLAVOR_ENTRY_POINT',
    `command \`${command}\` begins with \`${program}\`, which no distribution of the package installs`,
    {
      path: manifest.file,
      hints: [
        near === undefined
          ? 'name a console script of the project or of one of its dependencies, or a path that begins with `{workenv}/`'
          : `did you mean \`${near}\`?`,
      ],
    },
  );
}

/** Paths that a program of a wheel may have. */
function programNames({ target }: PlanRequest, { programs }: Layout, name: string): string[] {
  return (target.os === 'windows' ? [`${name}.exe`, name] : [name]).map((file) => `${programs}/${file}`);
}

function placed(
  variables: Readonly<Record<string, string>>,
  positions: ReadonlyMap<string, number>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, withPositions(value, positions)]));
}
