/**
 * From what the tables say to what the packager works with: paths become absolute, the guide's words the format's,
 * commands of words lists, and buildconfig.toml is put on top. Everything was checked before.
 */

import { dirname, join, resolve } from 'node:path';

import { foldName, packageName, parseEntryPoint } from './names.js';
import type {
  BuildSettings,
  CommandSettings,
  FilePatterns,
  ProjectManifest,
  PythonSettings,
  SlotSettings,
} from './project-manifest.js';
import { flavorTable, type ManifestDocument } from './schema.js';
import { PURPOSES } from './schema-words.js';
import { targetPath } from './slot-rules.js';
import { splitWords } from './words.js';

/** Name of the standard lock file. */
export const PYLOCK = 'pylock.toml';

type FlavorTable = NonNullable<NonNullable<ManifestDocument['tool']>['flavor']>;
type BuildTable = FlavorTable['build'];

/** The manifest of a project; `build` is what is left of `[tool.flavor.build]` under buildconfig.toml. */
export function resolveManifest(file: string, document: ManifestDocument, build: BuildTable): ProjectManifest {
  const { project } = document;
  const flavor = document.tool?.flavor ?? flavorTable.parse({});
  const folder = dirname(file);
  const isDynamic = (key: string): boolean => project.dynamic?.includes(key) ?? false;
  const { package_name: named, smoke } = flavor;
  const env = flavor.execution.runtime.env;
  return {
    input: { kind: 'project' },
    file,
    folder,
    outputFolder: join(folder, 'dist'),
    pylock: join(folder, PYLOCK),
    main: undefined,
    name:
      named === undefined
        ? packageName(project.name, '`project.name`', file)
        : packageName(named, '`tool.flavor.package_name`', file),
    distribution: project.name,
    version: project.version,
    description: flavor.description ?? project.description,
    dependencies: isDynamic('dependencies') ? undefined : (project.dependencies ?? []),
    optionalDependencies: isDynamic('optional-dependencies')
      ? undefined
      : new Map(Object.entries(project['optional-dependencies'] ?? {})),
    dependencyGroups: new Map(Object.entries(document['dependency-groups'] ?? {})),
    requiresPython: project['requires-python'],
    entryPoint: flavor.entry_point === undefined ? undefined : parseEntryPoint(flavor.entry_point),
    defaultCommand: flavor.default,
    commands: commandSettings(flavor),
    hasScripts:
      isDynamic('scripts') ||
      isDynamic('entry-points') ||
      Object.keys({ ...project.scripts, ...project['gui-scripts'] }).length > 0,
    pythonVersion: flavor.python_version,
    includePip: flavor.include_pip,
    smoke: typeof smoke === 'string' ? splitWords(smoke) : smoke,
    python: pythonSettings(flavor, folder),
    slots: flavor.slots.map((slot) => slotSettings(slot, folder)),
    build: buildSettings(build, folder),
    execution: {
      path: flavor.execution.path,
      environment: { unset: env.unset, pass: env.pass, map: env.map, set: env.set, isolated: env.isolated },
    },
    sign: { key: absolute(folder, flavor.sign.key), keyEnv: flavor.sign.key_env },
    targets: flavor.targets,
    floor: flavor.floor,
  };
}

function commandSettings({ commands }: FlavorTable): ReadonlyMap<string, CommandSettings> {
  const entries = Object.entries(commands).map(([name, command]): [string, CommandSettings] => {
    const table = typeof command === 'string' ? { entry_point: command, env: {} } : command;
    if (Array.isArray(table)) return [name, { argv: table, env: {}, cwd: undefined }];
    const { argv, cwd, entry_point: text, env } = table;
    const entry = text === undefined ? undefined : parseEntryPoint(text);
    return [name, { ...(entry === undefined ? {} : { entry }), ...(argv === undefined ? {} : { argv }), env, cwd }];
  });
  return new Map(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
}

function pythonSettings({ isolated, python }: FlavorTable, folder: string): PythonSettings {
  const { trim } = python;
  const table = typeof trim === 'boolean' ? undefined : trim;
  const isTrimmed = trim !== false;
  return {
    archive: absolute(folder, python.archive),
    path: absolute(folder, python.path),
    sha256: python.sha256?.toLowerCase(),
    source: python.runtime,
    start: python.start,
    flags: python.flags,
    isolated: isolated ?? python.isolated,
    optimize: python.optimize,
    trim: {
      tests: table?.tests ?? isTrimmed,
      idlelib: table?.idlelib ?? isTrimmed,
      headers: table?.headers ?? isTrimmed,
      static: table?.static ?? isTrimmed,
      libpython: table?.libpython ?? isTrimmed,
      symbols: table?.symbols ?? isTrimmed,
      tkinter: table?.tkinter ?? (isTrimmed ? 'auto' : false),
      ensurepip: table?.ensurepip ?? false,
      pydocData: table?.pydoc_data ?? false,
      lib2to3: table?.lib2to3 ?? false,
      keep: table?.keep ?? [],
      drop: table?.drop ?? [],
    },
  };
}

function slotSettings(slot: FlavorTable['slots'][number], folder: string): SlotSettings {
  return {
    id: slot.id,
    source: resolve(folder, slot.source),
    sourceText: slot.source,
    target: slot.target === undefined ? undefined : targetPath(slot.target),
    purpose: PURPOSES[slot.purpose] ?? slot.purpose,
    lifecycle: slot.lifecycle,
    platform: slot.platform,
    operations: slot.operations ?? slot.compression,
    level: slot.level,
    permissions: slot.permissions?.replace(/^0o/, '').padStart(4, '0'),
    exclude: slot.exclude,
    optional: slot.optional,
  };
}

function buildSettings(build: BuildTable, folder: string): BuildSettings {
  return {
    preBuild: build.pre_build,
    postBuild: build.post_build,
    dependencies: build.dependencies.map((path) => resolve(folder, path)),
    extraPackages: build.extra_packages,
    extras: build.extras,
    groups: build.groups,
    exclude: filePatterns(build.exclude),
    include: filePatterns(build.include),
    strip: build.strip,
    index: {
      url: build.index,
      extra: build.extra_index,
      findLinks: build.find_links.map((place) => absoluteUnlessUrl(folder, place)),
      noIndex: build.no_index,
    },
    lock: build.lock,
    requirements: build.requirements.map((path) => resolve(folder, path)),
  };
}

/** A path against a folder; addresses stay. */
export function absoluteUnlessUrl(folder: string, place: string): string {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(place) ? place : resolve(folder, place);
}

function filePatterns(patterns: BuildTable['exclude']): FilePatterns {
  if (Array.isArray(patterns)) return { all: patterns, byDistribution: new Map() };
  const { '*': all = [], ...byName } = patterns;
  return {
    all,
    byDistribution: new Map(Object.entries(byName).map(([name, globs]) => [foldName(name), globs])),
  };
}

function absolute(folder: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(folder, path);
}
