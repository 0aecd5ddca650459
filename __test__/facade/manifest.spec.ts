// The manifest: what each key becomes, and where a refusal says that it is.

import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { TomlDocument } from '../../dist/manifest/document.js';
import { lineOfKey } from '../../dist/manifest/key-lines.js';
import { loadManifest, type ProjectManifest } from '../../dist/manifest/load.js';
import { manifestSchema } from '../../dist/manifest/schema.js';
import { splitWords } from '../../dist/manifest/words.js';
import { DEFAULT_TRIM } from '../runtime/session.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'flavor-manifest-')));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => rmSync(join(folder, 'buildconfig.toml'), { force: true }));

const PROJECT = '[project]\nname = "Sample_App"\nversion = "1.0.0"\n';

/** The manifest with some lines under `[tool.flavor]`. */
function load(flavor: string, project = PROJECT): Promise<ProjectManifest> {
  writeFileSync(join(folder, 'pyproject.toml'), `${project}[tool.flavor]\n${flavor}\n`);
  return loadManifest(folder);
}

test('a manifest without [tool.flavor] has the documented defaults', async () => {
  writeFileSync(join(folder, 'pyproject.toml'), PROJECT);
  const none = { all: [], byDistribution: new Map() };
  expect(await loadManifest(join(folder, 'pyproject.toml'))).toEqual({
    input: { kind: 'project' },
    file: join(folder, 'pyproject.toml'),
    folder,
    outputFolder: join(folder, 'dist'),
    pylock: join(folder, 'pylock.toml'),
    main: undefined,
    name: 'sample-app',
    distribution: 'Sample_App',
    version: '1.0.0',
    description: undefined,
    dependencies: [],
    optionalDependencies: new Map(),
    dependencyGroups: new Map(),
    requiresPython: undefined,
    entryPoint: undefined,
    defaultCommand: undefined,
    commands: new Map(),
    hasScripts: false,
    pythonVersion: undefined,
    includePip: true,
    smoke: undefined,
    python: {
      archive: undefined,
      path: undefined,
      sha256: undefined,
      source: 'auto',
      start: 'auto',
      flags: [],
      isolated: false,
      optimize: 0,
      trim: DEFAULT_TRIM,
    },
    slots: [],
    build: {
      preBuild: [],
      postBuild: [],
      dependencies: [],
      extraPackages: [],
      extras: [],
      groups: [],
      exclude: none,
      include: none,
      strip: false,
      index: { url: undefined, extra: [], findLinks: [], noIndex: false },
      lock: 'auto',
      requirements: [],
    },
    execution: {
      path: 'scripts',
      environment: { unset: [], pass: [], map: {}, set: {}, isolated: true },
    },
    sign: { key: undefined, keyEnv: undefined },
    targets: undefined,
    floor: {},
  });
});

describe('what keys become', () => {
  const cases: [string, string, (manifest: ProjectManifest) => unknown, unknown][] = [
    ['an entry point', 'entry_point = "a.b:c.d"', (m) => m.entryPoint, { module: 'a.b', attribute: 'c.d' }],
    ['the default command', 'default = "serve"', (m) => m.defaultCommand, 'serve'],
    ['a description of its own', 'description = "Says"', (m) => m.description, 'Says'],
    ['a smoke command of words', `smoke = "tool 'two words' x"`, (m) => m.smoke, ['tool', 'two words', 'x']],
    ['a smoke command as an array', 'smoke = ["tool", "a b"]', (m) => m.smoke, ['tool', 'a b']],
    [
      'commands in all three forms, sorted',
      '[tool.flavor.commands]\nb = ["python", "-m", "b", "{slot:runtime}"]\na = "a:main"\n[tool.flavor.commands.c]\nentry_point = "c:main"\nenv = { X = "1" }\ncwd = "{workenv}"',
      (m) => [...m.commands],
      [
        ['a', { entry: { module: 'a', attribute: 'main' }, env: {}, cwd: undefined }],
        ['b', { argv: ['python', '-m', 'b', '{slot:runtime}'], env: {}, cwd: undefined }],
        ['c', { entry: { module: 'c', attribute: 'main' }, env: { X: '1' }, cwd: '{workenv}' }],
      ],
    ],
    ['isolated by its short name', 'isolated = true', (m) => m.python.isolated, true],
    [
      'trim = false',
      '[tool.flavor.python]\ntrim = false',
      (m) => [m.python.trim.tests, m.python.trim.headers],
      [false, false],
    ],
    [
      'a trim table, with the defaults for the rest',
      '[tool.flavor.python.trim]\ntests = false\ntkinter = true\nkeep = ["lib/*"]',
      (m) => [m.python.trim.tests, m.python.trim.tkinter, m.python.trim.idlelib, m.python.trim.keep],
      [false, true, true, ['lib/*']],
    ],
    [
      'paths against the manifest, addresses as they are',
      '[tool.flavor.build]\nfind_links = ["wheels", "https://host.example/simple"]\ndependencies = ["../other"]\nrequirements = ["r.txt"]',
      (m) => [m.build.index.findLinks, m.build.dependencies, m.build.requirements],
      [[join(folder, 'wheels'), 'https://host.example/simple'], [join(folder, '../other')], [join(folder, 'r.txt')]],
    ],
    [
      'exclude by distribution, under folded names',
      '[tool.flavor.build.exclude]\n"My.Dist" = ["tests"]',
      (m) => m.build.exclude,
      { all: [], byDistribution: new Map([['my-dist', ['tests']]]) },
    ],
    [
      'exclude for all distributions and for one',
      '[tool.flavor.build.exclude]\n"*" = ["*.pyx"]\nscipy = ["scipy/**/tests"]',
      (m) => m.build.exclude,
      { all: ['*.pyx'], byDistribution: new Map([['scipy', ['scipy/**/tests']]]) },
    ],
    [
      'runtime environment rules',
      '[tool.flavor.execution.runtime.env]\nunset = ["A_*"]\npass = ["A_B"]\nmap = { OLD = "NEW" }\nset = { X = "{workenv}/x" }\nisolated = false',
      (m) => m.execution.environment,
      { unset: ['A_*'], pass: ['A_B'], map: { OLD: 'NEW' }, set: { X: '{workenv}/x' }, isolated: false },
    ],
    [
      'a key of a file',
      '[tool.flavor.sign]\nkey = "keys/private.pem"',
      (m) => m.sign.key,
      join(folder, 'keys/private.pem'),
    ],
    [
      'a slot with its defaults',
      '[[tool.flavor.slots]]\nid = "models"\nsource = "trained/"',
      (m) => m.slots,
      [
        {
          id: 'models',
          source: join(folder, 'trained'),
          sourceText: 'trained/',
          target: undefined,
          purpose: 'data',
          lifecycle: 'runtime',
          platform: undefined,
          operations: undefined,
          level: undefined,
          permissions: undefined,
          exclude: [],
          optional: false,
        },
      ],
    ],
    [
      'a slot with everything',
      '[[tool.flavor.slots]]\nid = "a"\nsource = "b"\ntarget = "{workenv}/x/y/"\npurpose = "media"\nlifecycle = "platform"\nplatform = "linux_amd64"\ncompression = "tgz"\nlevel = 9\npermissions = "0o75"\nexclude = ["*.tmp"]\noptional = true',
      (m) => m.slots,
      [
        {
          id: 'a',
          source: join(folder, 'b'),
          sourceText: 'b',
          target: 'x/y',
          purpose: 'media',
          lifecycle: 'platform',
          platform: 'linux_amd64',
          operations: 'tgz',
          level: 9,
          permissions: '0075',
          exclude: ['*.tmp'],
          optional: true,
        },
      ],
    ],
    ...(
      [
        ['data-files', 'data'],
        ['application-code', 'code'],
        ['configuration', 'config'],
        ['static-resources', 'media'],
        ['python-environment', 'runtime'],
      ] as const
    ).map(
      ([word, ours]) =>
        [
          `the guide's purpose ${word}`,
          `[[tool.flavor.slots]]\nid = "s"\nsource = "s"\npurpose = "${word}"`,
          (m: ProjectManifest) => m.slots[0]?.purpose,
          ours,
        ] as [string, string, (manifest: ProjectManifest) => unknown, unknown],
    ),
  ];
  test.each(cases)('%s', async (_name, flavor, pick, expected) => {
    expect(pick(await load(flavor))).toEqual(expected);
  });

  test('of [project]: extras, groups, and what the build back end decides', async () => {
    const stated = await load(
      '',
      `${PROJECT}optional-dependencies = { web = ["flask"] }\n[dependency-groups]\ndev = ["pytest", {include-group = "lint"}]\nlint = ["ruff"]\n`,
    );
    expect(stated.optionalDependencies).toEqual(new Map([['web', ['flask']]]));
    expect(stated.dependencyGroups).toEqual(
      new Map<string, unknown>([
        ['dev', ['pytest', { 'include-group': 'lint' }]],
        ['lint', ['ruff']],
      ]),
    );
    const open = await load(
      '',
      '[project]\nname = "x"\ndynamic = ["version", "dependencies", "optional-dependencies", "scripts"]\n',
    );
    expect([open.version, open.dependencies, open.optionalDependencies]).toEqual([undefined, undefined, undefined]);
    expect(open.hasScripts).toBe(true);
  });
});

describe('buildconfig.toml', () => {
  test('wins over [tool.flavor.build] key by key', async () => {
    writeFileSync(join(folder, 'buildconfig.toml'), '[build]\npre_build = ["make"]\nextras = []\n');
    const { build } = await load(
      '[tool.flavor.build]\npre_build = ["pytest"]\npost_build = ["true"]\nextras = ["web"]',
    );
    expect([build.preBuild, build.postBuild, build.extras]).toEqual([['make'], ['true'], []]);
  });

  test('is told by its own name and line', async () => {
    writeFileSync(join(folder, 'buildconfig.toml'), '[build]\n\npre_biuld = ["make"]\n');
    await expect(load('')).rejects.toMatchObject({
      message: 'buildconfig.toml:3: unknown key `build.pre_biuld`',
      hints: ['did you mean `pre_build`?'],
      path: join(folder, 'buildconfig.toml'),
    });
  });
});

describe('every table knows its keys', () => {
  const tables: [string, string, string, string][] = [
    ['', 'entrypoint = "a:b"', 'tool.flavor.entrypoint', 'entry_point'],
    ['[tool.flavor.python]\n', 'optimise = 1', 'tool.flavor.python.optimise', 'optimize'],
    ['[tool.flavor.python.trim]\n', 'test = true', 'tool.flavor.python.trim.test', 'tests'],
    ['[tool.flavor.build]\n', 'prebuild = []', 'tool.flavor.build.prebuild', 'pre_build'],
    ['[tool.flavor.execution]\n', 'paths = "none"', 'tool.flavor.execution.paths', 'path'],
    ['[tool.flavor.execution.runtime]\n', 'envs = {}', 'tool.flavor.execution.runtime.envs', 'env'],
    ['[tool.flavor.execution.runtime.env]\n', 'unsets = []', 'tool.flavor.execution.runtime.env.unsets', 'unset'],
    ['[tool.flavor.sign]\n', 'keyenv = "X"', 'tool.flavor.sign.keyenv', 'key_env'],
    ['[tool.flavor.commands.c]\n', 'entrypoint = "a:b"', 'tool.flavor.commands.c.entrypoint', 'entry_point'],
    [
      '[[tool.flavor.slots]]\nid = "a"\nsource = "a"\n[[tool.flavor.slots]]\nid = "b"\nsource = "b"\n',
      'life_cycel = "lazy"',
      'tool.flavor.slots[1].life_cycel',
      'lifecycle',
    ],
  ];
  test.each(tables)('%j', async (table, line, key, near) => {
    const at = PROJECT.split('\n').length + 1 + table.split('\n').length - 1;
    await expect(load(`${table}${line}`)).rejects.toMatchObject({
      code: 'ERR_FLAVOR_MANIFEST',
      message: `pyproject.toml:${at}: unknown key \`${key}\``,
      hints: [`did you mean \`${near}\`?`],
    });
  });
});

test('everything that is wrong is told at once', async () => {
  const error = await load('include_pip = 1\npython_version = "2.7"\nslots = [{ id = "a" }]').catch((reason) => reason);
  expect(error.message.split('; ')).toEqual([
    'pyproject.toml:6: `tool.flavor.python_version` is not a Python version such as `3.13` or `3.13.2`: "2.7"',
    'pyproject.toml:5: `tool.flavor.include_pip` has the wrong type (got a number: 1, expected true or false)',
    'pyproject.toml:7: `tool.flavor.slots[0].source` is missing',
  ]);
});

test('lines are found behind multi-line strings, quoted keys, inline tables and tables of tables', () => {
  const text = [
    'a = """',
    '[x]',
    'b = 1',
    '"""',
    '["x"]',
    "'b' = 2",
    'c.d = 3',
    '[[t]]',
    'n = 1',
    '[[t]]',
    'n = 2',
    '[t.u]',
    'v = { w = 1 }',
    '[[t]]',
    '[t.u]',
    'v = 1',
  ].join('\n');
  const lines: [(string | number)[], number | undefined][] = [
    [['x'], 5],
    [['x', 'b'], 6],
    [['x', 'c', 'd'], 7],
    [['t', 0, 'n'], 9],
    [['t', 1, 'n'], 11],
    [['t', 1, 'missing'], 10],
    [['t', 1, 'u', 'v', 'w'], 13],
    [['t', 2, 'u', 'v'], 16],
    [['nothing'], undefined],
  ];
  for (const [path, line] of lines) expect([path, lineOfKey(text, path)]).toEqual([path, line]);
});

test('commands are split as a shell splits words, and nothing is expanded', () => {
  const cases: [string, string[] | undefined][] = [
    ['pytest -q', ['pytest', '-q']],
    ['  a   b ', ['a', 'b']],
    [`a 'b c' "d e" f\\ g`, ['a', 'b c', 'd e', 'f g']],
    [`a"b"'c'`, ['abc']],
    ['"" x', ['', 'x']],
    ['"a \\" b \\$ \\n"', ['a " b $ \\n']],
    ['$HOME *.py | x', ['$HOME', '*.py', '|', 'x']],
    ['', []],
    ["a 'b", undefined],
    ['a "b', undefined],
    ['a \\', undefined],
  ];
  for (const [text, words] of cases) expect([text, splitWords(text)]).toEqual([text, words]);
});

test('a byte order mark and Windows line ends do not move lines', () => {
  const document = TomlDocument.parse('/p/pyproject.toml', '\uFEFF[project]\r\nname = "x"\r\nversion = 1\r\n');
  expect(() => document.checked(manifestSchema)).toThrow('pyproject.toml:3: `project.version` has the wrong type');
});
