// Ordinary projects, packed as their authors would: from the project folder, without options.

import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, inject, test } from 'vitest';
import '../conformance/packaged.js';
import { root, Workshop } from './command.js';

const flavor = join(root, 'bin/flavor.mjs');

/** Paths and contents of all files below a folder, but for one folder. */
function files(folder: string, without: string): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }))
    .filter(({ path }) => !path.startsWith(join(folder, without)));
  return new Map(
    paths.map(({ entry, path }) => [path.slice(folder.length), entry.isFile() ? readFileSync(path, 'hex') : '']),
  );
}

/** Packs a fixture from its folder, as its author would; looks at the package, and returns its bytes. */
async function packedAndRun(
  fixture: string,
  file: string,
  says: RegExp,
  env: Record<string, string> = {},
): Promise<Buffer> {
  const workshop = new Workshop();
  const project = join(workshop.folder, 'a project');
  cpSync(join(root, '__test__/fixtures', fixture), project, { recursive: true });
  const before = files(project, 'dist');
  const packed = await workshop.flavor(['pack', '--cwd', project, '--level', '3'], { env });
  expect(packed.stderr).not.toMatch(/error|warning/i);
  expect(packed.exitCode).toBe(0);
  expect(readdirSync(join(project, 'dist'))).toEqual([file]);
  expect(files(project, 'dist')).toEqual(before);
  expect(readdirSync(workshop.scratch())).toEqual([]);

  const output = join(project, 'dist', file);
  expect(statSync(output).mode & 0o777).toBe(0o755);
  const last = packed.stdout.trimEnd().split('\n').at(-1);
  expect(last).toMatch(new RegExp(`${file}.* MB.*${env['FLAVOR_SEED'] === undefined ? 'ephemeral' : 'seed'}.*${file}`));
  expect((await workshop.flavor(['verify', output])).exitCode).toBe(0);
  const home = join(workshop.folder, 'home');
  mkdirSync(home);
  const started = await execa(output, [], { env: { HOME: home }, extendEnv: false });
  expect(started.stderr).toBe('');
  expect(started.stdout).toMatch(says);
  const bytes = readFileSync(output);
  workshop.remove();
  return bytes;
}

describe('a package of an ordinary project', () => {
  test('[slow] hatchling: runs, verifies, and is the only new thing in the project folder', async () => {
    await packedAndRun('hello-hatchling', 'hello-1.0.0.psp', /\S/);
  });

  test('[slow] setuptools: runs, verifies, and is the only new thing in the project folder', async () => {
    await packedAndRun('hello-setuptools', 'hello-setuptools-0.3.1.psp', /^hello from setuptools 3 11$/);
  });

  test('[slow] without dependencies: the same, and has the same bytes when it is built again elsewhere with the same key', async () => {
    const seed = { FLAVOR_SEED: 'the same' };
    const one = await packedAndRun('no-dependencies', 'alone-2.0.0.psp', /\S/, seed);
    const workshop = new Workshop();
    const project = join(workshop.folder, 'another folder');
    cpSync(join(root, '__test__/fixtures/no-dependencies'), project, { recursive: true });
    chmodSync(join(project, 'src/alone/__init__.py'), 0o600);
    const packed = await workshop.flavor(['pack', '--cwd', project, '--level', '3', '-q'], { env: seed });
    expect(packed.stderr).toBe('');
    expect(one.equals(readFileSync(join(project, 'dist/alone-2.0.0.psp')))).toBe(true);
    workshop.remove();
  });
});

describe('flavor run', () => {
  const workshop = new Workshop();
  const file = inject('probePackage');
  afterAll(() => workshop.remove());

  test('[slow] passes arguments, standard input and the exit code', async () => {
    const facts = await workshop.flavor(['run', file, 'facts', '--json', '-q', '--', 'a b\n"c"']);
    const report = JSON.parse(facts.stdout) as { arguments: string[]; environment: Record<string, string> };
    expect(report.arguments).toEqual(['facts', '--json', '-q', '--', 'a b\n"c"']);
    expect(report.environment).not.toHaveProperty('FLAVOR_LAUNCHER_CLI');
    expect((await workshop.flavor(['run', file, 'exit', '7'])).exitCode).toBe(7);
    expect((await workshop.flavor(['run', file, 'cat'], { input: 'to the program\n' })).stdout).toBe(
      'to the program\n',
    );
  });

  test.each([
    ['SIGTERM', 33, null],
    ['SIGUSR2', null, 'SIGUSR2'],
  ] as const)('[slow] passes %s to the program and ends as the program does', async (signal, code, by) => {
    const env = { ...process.env, FLAVOR_CACHE: join(workshop.folder, 'cache') };
    const child = spawn(process.execPath, [flavor, 'run', file, 'wait'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((ready) => child.stdout.once('data', ready));
    const ended = new Promise((end) => child.once('exit', (...how) => end(how)));
    child.kill(signal);
    expect(await ended).toEqual([code, by]);
  });
});
