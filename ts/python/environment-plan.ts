/**
 * Describes the package to the assembler: slots, and how the work environment is composed of them (design §4). Only
 * decisions stand here; sizes, digests and frames are computed where the bytes are.
 *
 * The work environment looks like a virtual environment. Its scripts name the interpreter by the absolute path of
 * the work environment, so that they work by any link and from any folder; a moved cache makes environments anew.
 */

import type { Launcher } from '../launchers.js';
import type { EntryPoint } from '../manifest/names.js';
import type { Target } from '../platform.js';
import type { CommandSet } from './commands.js';
import { knowsSafePath, type StagedRuntime } from './session.js';
import type { SiteTree } from './site-tree.js';
import type { PlannedSlot } from './slots.js';

/** Everything that the plan is made from. */
export interface PlanRequest {
  readonly name: string;
  readonly version: string;
  readonly description: string | undefined;
  readonly target: Target;
  readonly launcher: Pick<Launcher, 'kind' | 'version'>;
  readonly runtime: StagedRuntime;
  readonly dependencies: SiteTree;
  readonly application: SiteTree;
  readonly commandSet: CommandSet;
  /** The manifest's own slots, which follow. */
  readonly extraSlots: readonly PlannedSlot[];
}

interface Link {
  readonly path: string;
  readonly slot: number;
  readonly to: string;
  readonly kind: 'symlink' | 'copy';
}

interface GeneratedFile {
  readonly path: string;
  readonly content: string;
  readonly mode: '0644' | '0755';
}

/** Slot positions. The data slot exists only if the project's wheel has files beside site-packages. */
const RUNTIME = 0;
const DEPENDENCIES = 1;
const APPLICATION = 2;
const DATA = 3;

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

/** Names that must never be found on PATH in front of the user's own. */
const NOT_ON_PATH = /^(pip|python|pydoc)[\d.]*$/;

/** The manifest for assembly, as JSON text. */
export function environmentPlan(request: PlanRequest): string {
  const { application, commandSet, dependencies, runtime, target } = request;
  const hasData = application.besideFiles.length > 0;
  const sitePackages = `lib/python${runtime.minor}/site-packages`;
  const slots = [
    slotEntry(RUNTIME, 'runtime', runtime.root),
    slotEntry(DEPENDENCIES, 'dependencies', dependencies.beside),
    slotEntry(APPLICATION, 'application', application.sitePackages),
    ...(hasData ? [slotEntry(DATA, 'data', application.beside)] : []),
  ];
  const first = slots.length;
  const extra = request.extraSlots.map((planned, index) => ({ ...planned, position: first + index }));
  const variables = Object.fromEntries(
    extra.flatMap(({ position, variable }) =>
      variable === undefined ? [] : [[variable.name, `{slot:${position}}${variable.suffix}`]],
    ),
  );
  const composed = composition(request, sitePackages);
  const links = extra.flatMap(({ position, links: own }) => own.map((link) => ({ ...link, slot: position })));
  const flags = interpreterFlags(runtime);
  const argv = (name: string): string[] => ['{workenv}/bin/python', ...flags, `{workenv}/bin/${name}`];
  const commands = Object.fromEntries([...commandSet.commands.keys()].map((name) => [name, { argv: argv(name) }]));
  const plan = {
    format: 'PSPF/2025',
    package: {
      name: request.name,
      version: request.version,
      ...(request.description === undefined ? {} : { description: request.description }),
    },
    execution: { primary_slot: APPLICATION, command: argv(commandSet.defaultName).join(' '), env: {}, environment: {} },
    runtime: { env: { unset: UNSET, set: variables } },
    slots: [...slots, ...extra.map(({ entry, position }) => ({ slot: position, ...entry }))],
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
          unpack: [{ slot: APPLICATION, into: sitePackages }],
          ...composed,
          links: sorted([...composed.links, ...links]),
          path: ['scripts'],
        },
        commands,
        default: commandSet.defaultName,
      },
    },
  };
  return JSON.stringify(plan);
}

function slotEntry(position: number, role: string, source: string): Record<string, unknown> {
  return {
    slot: position,
    id: role,
    source,
    target: '{workenv}',
    operations: 'tar.zst',
    purpose: role === 'runtime' ? 'runtime' : role === 'data' ? 'data' : 'library',
    lifecycle: 'runtime',
    permissions: '0755',
  };
}

function interpreterFlags(runtime: StagedRuntime): string[] {
  return knowsSafePath(runtime) ? ['-s', '-P'] : ['-s'];
}

function composition(request: PlanRequest, sitePackages: string): { links: Link[]; files: GeneratedFile[] } {
  const { application, commandSet, dependencies, runtime } = request;
  const files = new Map<string, GeneratedFile>();
  const links = new Map<string, Link>();
  const addFile = (path: string, content: string, mode: GeneratedFile['mode']): void => {
    if (!files.has(path)) files.set(path, { path, content, mode });
  };
  const addLink = (path: string, slot: number, to: string): void => {
    if (!files.has(path) && !links.has(path)) links.set(path, { path, slot, to, kind: 'symlink' });
  };

  addFile('pyvenv.cfg', pyvenv(runtime), '0644');
  addFile(`${sitePackages}/_flavor.pth`, pathFile(dependencies.pathLines), '0644');
  const interpreter = `bin/python${runtime.minor}`;
  for (const name of ['python', 'python3', `python${runtime.minor}`]) addLink(`bin/${name}`, RUNTIME, interpreter);
  // What the project says wins over what one of its dependencies says.
  for (const scripts of [commandSet.commands, application.scripts, dependencies.scripts]) {
    for (const [name, entry] of scripts) {
      const content = script(entry, runtime);
      if (/^python[\d.]*$/.test(name)) continue;
      addFile(`bin/${name}`, content, '0755');
      if (!NOT_ON_PATH.test(name)) addFile(`scripts/${name}`, content, '0755');
    }
  }
  for (const [tree, slot] of [
    [application, DATA],
    [dependencies, DEPENDENCIES],
  ] as const) {
    for (const path of tree.besideFiles) {
      addLink(path, slot, path);
    }
  }
  return { links: sorted(links.values()), files: sorted(files.values()) };
}

function sorted<Entry extends { readonly path: string }>(entries: Iterable<Entry>): Entry[] {
  return [...entries].sort((left, right) => (left.path < right.path ? -1 : 1));
}

function pyvenv(runtime: StagedRuntime): string {
  return [
    `home = {slot:${RUNTIME}}/bin`,
    'implementation = CPython',
    'include-system-site-packages = false',
    `version = ${runtime.version}`,
    '',
  ].join('\n');
}

/** The dependencies' folder first, so that their own lines can import from it. */
function pathFile(lines: readonly string[]): string {
  const root = `{slot:${DEPENDENCIES}}/site-packages`;
  const own = lines.map((line) => (/^import[ \t]/.test(line) ? line : `${root}/${line}`));
  return [root, ...own, ''].join('\n');
}

/**
 * A script that the kernel starts through `sh` (paths with spaces, and lines longer than a shebang may be) and that
 * Python reads as a module with a string at its top.
 */
function script({ module, attribute }: EntryPoint, runtime: StagedRuntime): string {
  const [first] = attribute.split('.');
  const flags = interpreterFlags(runtime).join(' ');
  return [
    '#!/bin/sh',
    `'''exec' "{workenv}/bin/python" ${flags} "$0" "$@"`,
    `' '''`,
    'import sys',
    ...(knowsSafePath(runtime) ? [] : ['del sys.path[0]']),
    `from ${module} import ${first}`,
    "if __name__ == '__main__':",
    `    sys.exit(${attribute}())`,
    '',
  ].join('\n');
}
