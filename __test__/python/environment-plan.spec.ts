// What the manifest says about commands, PATH, slots and the interpreter, as the assembler is told.

import { expect, it } from 'vitest';
import { chooseCommands } from '../../dist/python/commands.js';
import { environmentPlan, type PlanRequest } from '../../dist/python/environment-plan.js';
import { interpreterOf } from '../../dist/python/scripts.js';

const RUNTIME = {
  root: '/r',
  interpreter: '/r/bin/python3.14',
  version: '3.14.6',
  minor: '3.14',
  source: 'archive',
  portable: true,
  archiveSha256: undefined,
} as const;
const PYTHON = { start: 'auto', flags: [], isolated: false, optimize: 0 } as const;
const ENVIRONMENT = { unset: [], pass: [], map: {}, set: {}, isolated: true };

type Settings = {
  entry?: { module: string; attribute: string };
  argv?: string[];
  env?: Record<string, string>;
  cwd?: string;
};

interface Setup {
  readonly commands?: Record<string, Settings>;
  readonly manifest?: Record<string, unknown>;
  readonly request?: Partial<PlanRequest>;
  readonly runners?: readonly string[];
}

function tree(scripts: Record<string, string>, besideFiles: readonly string[] = []) {
  const entries = Object.entries(scripts).map(([name, module]) => [name, { module, attribute: 'main' }] as const);
  const pathFiles = { lines: [], files: [], customizers: [] };
  return {
    sitePackages: '/s',
    beside: '/b',
    besideFiles,
    distributions: [],
    scripts: new Map(entries),
    pathFiles,
    built: [],
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the plan is JSON, judged by the assembler
function planOf({ commands = {}, manifest = {}, request = {}, runners = [] }: Setup = {}): any {
  const settings = Object.entries(commands).map(([name, one]) => [name, { env: {}, cwd: undefined, ...one }] as const);
  const full = {
    name: 'app',
    file: '/p/pyproject.toml',
    python: PYTHON,
    commands: new Map(settings),
    execution: { path: 'scripts', environment: ENVIRONMENT },
    ...manifest,
  } as unknown as PlanRequest['manifest'];
  const application = tree({ app: 'app' });
  const dependencies = tree({ gunicorn: 'gunicorn.app', pip: 'pip.main' }, ['bin/ruff', 'share/x/y']);
  return JSON.parse(
    environmentPlan({
      manifest: full,
      version: '1.0',
      description: undefined,
      target: { os: 'linux', arch: 'amd64', libc: 'gnu' },
      launcher: { kind: 'rust', version: '1' },
      runtime: RUNTIME,
      interpreter: interpreterOf(RUNTIME, full.python, full.file),
      application,
      dependencies,
      commandSet: chooseCommands(full, application.scripts),
      start: { mode: 'fast', reason: undefined, runners: new Set(runners), dependencyPaths: application.pathFiles },
      ...request,
    }),
  );
}

const commandOf = (setup: Setup, name: string) => planOf(setup).extensions['x-flavor'].commands[name];
const python = ['{workenv}/bin/python', '-s', '-P'];

it('a command with a runner starts fast, one without starts its script', () => {
  const fast = '{workenv}/lib/python3.14/site-packages/_flavor_start/app.pyc';
  expect(commandOf({ runners: ['app'] }, 'app').argv).toEqual([
    ...python,
    ...['-S', '-X', 'flavor={slot:1}/site-packages', fast],
  ]);
  expect(commandOf({}, 'app').argv).toEqual([...python, '{workenv}/bin/app']);
});

it('commands of the manifest name console scripts, programs of wheels, python, or paths inside', () => {
  const commands = {
    serve: { argv: ['gunicorn', 'app:wsgi'], env: { PORT: '1', DATA: '{slot:models}/x' }, cwd: '{slot:models}' },
    lint: { argv: ['ruff', 'check'] },
    shell: { argv: ['python', '-i'] },
    own: { argv: ['{workenv}/share/x/y'] },
  };
  const links = [{ path: 'share/models', to: '', kind: 'symlink' as const }];
  const entry = { id: 'models', source: '/m', target: '{workenv}/m', operations: 'tar.zst', purpose: 'data' };
  const slot = { entry: { ...entry, lifecycle: 'cache', permissions: '0755' }, share: true, role: 'data' as const };
  const variable = { name: 'FLAVOR_SLOT_MODELS', suffix: '' };
  const request = { extraSlots: [{ ...slot, links, variable }] };
  const plan = planOf({ commands, request });
  expect(plan.extensions['x-flavor'].commands).toMatchObject({
    serve: {
      argv: [...python, '{workenv}/bin/gunicorn', 'app:wsgi'],
      env: { PORT: '1', DATA: '{slot:3}/x' },
      cwd: '{slot:3}',
    },
    lint: { argv: ['{workenv}/bin/ruff', 'check'] },
    shell: { argv: [...python, '-i'] },
    own: { argv: ['{workenv}/share/x/y'] },
  });
  expect(plan.slots[3]).toMatchObject({ slot: 3, id: 'models' });
  expect(plan.runtime.env.set).toEqual({ FLAVOR_SLOT_MODELS: '{slot:3}' });
  expect(plan.extensions['x-flavor'].workenv.links).toContainEqual({ ...links[0], slot: 3 });
});

it('a first word that nothing installs is refused with the word that was meant', () => {
  expect(() => planOf({ commands: { serve: { argv: ['gunicron'] } } })).toThrow(
    expect.objectContaining({ code: 'ERR_FLAVOR_ENTRY_POINT', hints: ['did you mean `gunicorn`?'] }),
  );
});

it('the default command is the one that is named, and a name without a command is refused', () => {
  const commands = { serve: { argv: ['gunicorn'] } };
  expect(planOf({ commands, manifest: { defaultCommand: 'serve' } }).extensions['x-flavor'].default).toBe('serve');
  expect(planOf({ commands }).extensions['x-flavor'].default).toBe('app');
  expect(() => planOf({ commands, manifest: { defaultCommand: 'server' } })).toThrow(
    expect.objectContaining({ code: 'ERR_FLAVOR_ENTRY_POINT', hints: ['did you mean `serve`?'] }),
  );
});

it.each([
  ['scripts', ['scripts']],
  ['full', ['bin']],
  ['none', []],
])('execution.path = %s', (path, expected) => {
  const plan = planOf({ manifest: { execution: { path, environment: ENVIRONMENT } } });
  expect(plan.extensions['x-flavor'].workenv.path).toEqual(expected);
});

it('scripts holds programs of wheels and console scripts, never python and pip; bin holds all', () => {
  const { files, links } = planOf().extensions['x-flavor'].workenv;
  const paths = [...files, ...links].map(({ path }: { path: string }) => path).sort();
  expect(paths.filter((path) => path.startsWith('scripts/'))).toEqual([
    'scripts/app',
    'scripts/gunicorn',
    'scripts/ruff',
  ]);
  const bin = ['app', 'gunicorn', 'pip', 'python', 'python3', 'python3.14', 'ruff'].map((name) => `bin/${name}`);
  expect(paths.filter((path) => path.startsWith('bin/'))).toEqual(bin);
});

it('the user’s rules for variables come on top of those for Python, unless these are not wanted', () => {
  const environment = { ...ENVIRONMENT, unset: ['AWS_*'], pass: ['AWS_REGION'], map: { A: 'B' }, set: { C: 'd' } };
  const { env } = planOf({ manifest: { execution: { path: 'none', environment } } }).runtime;
  expect(env.unset).toEqual(expect.arrayContaining(['PYTHONPATH', 'PYTHONHOME', 'AWS_*']));
  expect(env).toMatchObject({ pass: ['AWS_REGION'], map: { A: 'B' }, set: { C: 'd' } });
  const open = planOf({ manifest: { execution: { path: 'none', environment: { ...environment, isolated: false } } } });
  expect(open.runtime.env.unset).toEqual(['AWS_*']);
});

it('options of the interpreter stand in commands and scripts alike', () => {
  const settings = { ...PYTHON, isolated: true, optimize: 2, flags: ['-X', 'utf8', '-W', 'error::UserWarning:a b'] };
  const plan = planOf({ manifest: { python: settings } });
  const flags = ['-I', '-OO', '-X', 'utf8', '-W', 'error::UserWarning:a b'];
  expect(plan.extensions['x-flavor'].commands.app.argv).toEqual([
    '{workenv}/bin/python',
    ...flags,
    '{workenv}/bin/app',
  ]);
  const script = plan.extensions['x-flavor'].workenv.files.find(({ path }: { path: string }) => path === 'bin/app');
  expect(script.content.split('\n').slice(0, 3)).toEqual([
    '#!/bin/sh',
    `'''exec' "{workenv}/bin/python" -I -OO -X utf8 -W "error::UserWarning:a b" "$0" "$@"`,
    "' '''",
  ]);
  expect(() => planOf({ manifest: { python: { ...PYTHON, flags: ['-W', '"'] } } })).toThrow(
    expect.objectContaining({ code: 'ERR_FLAVOR_MANIFEST' }),
  );
});

it('functions that tool.flavor names may return more than an exit code, console scripts may not', () => {
  const commands = { web: { entry: { module: 'app', attribute: 'create_app' } } };
  const { files } = planOf({ commands }).extensions['x-flavor'].workenv;
  const content = (name: string): string => files.find(({ path }: { path: string }) => path === `bin/${name}`).content;
  expect(content('web')).toContain('result = _result.finish(result)');
  expect(content('app')).not.toContain('_result');
  expect(content('app')).toContain('    sys.exit(main())');
});
