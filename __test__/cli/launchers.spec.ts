// `flavor launchers`, and `flavor pack` with another launcher than the usual one. Sizes and digests are those of today's build,
// so they are compared with the files and not with a snapshot.

import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { launcherOfFile } from '../../dist/launchers.js';
import { TARGETS, targetOf } from '../../dist/platform.js';
import { machineOf } from '../../dist/python/executable-head.js';
import { ARCH, OS } from '../conformance/suite/packages.js';
import { parts } from '../interop/package-file.js';
import { type Ended, root, Workshop } from './command.js';

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
});
afterEach(() => workshop.remove());

const HOST = `${OS}_${ARCH}`;
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const installed = (kind: 'rs' | 'go'): string => join(root, 'dist/launchers', HOST, `flavor-${kind}-launcher`);

/** One launcher as `--json` has it. */
interface Described {
  readonly kind: string;
  readonly target: string;
  readonly version: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly path: string;
}

/** What is printed, with names for what depends on machine and build. */
async function flavor(...args: string[]): Promise<Ended> {
  const ended = await workshop.flavor(args);
  const clean = (text: string): string =>
    text
      .replaceAll(HOST, '<target>')
      .replaceAll(version, '<version>')
      .replaceAll(/\d+(\.\d+)? (kB|MB)/g, '<size>')
      .replaceAll(/^size \d+$/gm, 'size <bytes>')
      .replaceAll(/"size_bytes":\d+/g, '"size_bytes":<bytes>');
  return { ...ended, stdout: clean(ended.stdout), stderr: clean(ended.stderr) };
}

/** The last line of standard output; digests in it are as they are. */
async function json<T>(...args: string[]): Promise<T> {
  const { stdout } = await execa(process.execPath, [join(root, 'bin/flavor.mjs'), ...args, '--json']);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T;
}

function expectFile({ path, size_bytes, sha256 }: Described, file: string): void {
  const bytes = readFileSync(file);
  expect(path).toBe(file);
  expect(size_bytes).toBe(bytes.length);
  expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
}

describe('launchers', () => {
  test('list shows one a line, the default kind first, or one object', async () => {
    const { stdout, ...ended } = await flavor('launchers', 'list');
    expect(ended).toEqual({ exitCode: 0, stderr: '' });
    const own = stdout.split('\n').filter((line) => line.startsWith('<target> '));
    expect(own).toEqual(['rust', 'go'].map((kind) => `<target> ${kind} <version>, <size>, sha256 <sha256>`));
    const { launchers } = await json<{ launchers: Described[] }>('launchers', 'list');
    const [rust, go, ...others] = launchers.filter(({ target }) => target === HOST);
    expect(others).toEqual([]);
    expect(rust).toMatchObject({ kind: 'rust' });
    expectFile(rust as Described, installed('rs'));
    expectFile(go as Described, installed('go'));
  });

  test('a Go launcher is there for every platform, as a program of that platform, and one serves both C libraries', async () => {
    const { launchers } = await json<{ launchers: Described[] }>('launchers', 'list');
    const go = new Map(launchers.filter(({ kind }) => kind === 'go').map((one) => [one.target, one]));
    expect([...go.keys()].sort()).toEqual([...TARGETS].sort());
    for (const target of TARGETS) {
      const { arch, os } = targetOf(target);
      expect(await machineOf(go.get(target)?.path ?? '')).toEqual({ arch, os });
    }
    expect(go.get('linux_arm64_musl')?.path).toBe(go.get('linux_arm64')?.path);
  });

  test('info shows the Rust one for this platform unless it is told otherwise', async () => {
    expect(await flavor('launchers', 'info')).toMatchSnapshot('text');
    expect(await flavor('launchers', 'info', '--kind', 'go', '--target', HOST)).toMatchSnapshot('go');
    expect(await flavor('launchers', 'info', '--kind', 'go', '--json')).toMatchSnapshot('object');
    expectFile(await json<Described>('launchers', 'info'), installed('rs'));
    expectFile(await json<Described>('launchers', 'info', '--kind', 'go'), installed('go'));
  });

  test('an unknown target is told with those that there are, an unknown kind is a mistake of usage', async () => {
    expect(await flavor('launchers', 'info', '--target', 'plan9_mips')).toMatchSnapshot('target');
    const other = await flavor('launchers', 'info', '--target', 'plan9_mips', '--kind', 'go', '--json');
    expect(other.exitCode).toBe(1);
    expect(JSON.parse(other.stderr)).toMatchObject({
      code: 'ERR_FLAVOR_LAUNCHER',
      message: 'there is no go launcher for plan9_mips in this installation',
      hints: [expect.stringContaining('go launchers are installed for: darwin_amd64, '), expect.anything()],
    });
    expect(await flavor('launchers', 'info', '--kind', 'zig')).toMatchSnapshot('kind');
    expect(await flavor('launchers')).toMatchSnapshot('nothing');
  });
});

/** What `pack --json` prints about its one output. */
interface Packed {
  readonly outputs: readonly [{ readonly path: string; readonly launcher: { kind: string; version: string } }];
}

/** Packs a project into the workshop, and the launcher that the signed document names. */
async function pack(project: string, ...args: string[]) {
  const output = join(workshop.folder, 'app.psp');
  const ended = await workshop.flavor(['pack', '-m', project, '-o', output, '--level', '3', '--json', ...args]);
  expect(ended).toMatchObject({ exitCode: 0 });
  const { outputs } = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as Packed;
  const { metadata } = await json<{
    metadata: { extensions: { 'x-flavor': { launcher: Record<string, unknown> } } };
  }>('inspect', output);
  const head = parts(readFileSync(output)).launcher;
  return { output, said: outputs[0].launcher, signed: metadata.extensions['x-flavor'].launcher, head };
}

/** What the signed document says of a launcher. */
function described(kind: string, version: string, bytes: Buffer) {
  return { kind, version, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Starts a package with a home of its own; says which way its launcher took. */
async function started(output: string, ...args: string[]) {
  const home = join(workshop.folder, 'home');
  mkdirSync(home, { recursive: true });
  const env = { HOME: home, LANG: 'C.UTF-8', FLAVOR_LOG_LEVEL: 'info', FLAVOR_LOG_PATH: join(home, 'log') };
  const { exitCode, stdout, stderr } = await execa(output, args, { env, extendEnv: false, reject: false });
  const ways = readFileSync(join(home, 'log'), 'utf8').match(/(warm|cold) start:/g) ?? [];
  return { exitCode, stdout, stderr, way: ways.at(-1) };
}

describe('pack', () => {
  test('refuses an unknown kind, a kind beside a file, and a file that is not there, before the work begins', async () => {
    const project = join(root, '__test__/fixtures/no-dependencies');
    expect(await flavor('pack', '-m', project, '--launcher', 'zig')).toMatchSnapshot('kind');
    expect(await flavor('pack', '-m', project, '--launcher', 'go', '--launcher-bin', 'x')).toMatchSnapshot('both');
    expect(await flavor('pack', '-m', project, '-o', 'x.psp', '--launcher-bin', 'x')).toMatchSnapshot('missing');
  });

  test('[slow] --launcher go: the demo project runs, the second start is warm, and `inspect` says go', async () => {
    const project = join(workshop.folder, 'project');
    cpSync(join(root, '__test__/demo/project'), project, { recursive: true });
    const { output, said, signed, head } = await pack(project, '--launcher', 'go');
    const launcher = readFileSync(installed('go'));
    expect(head.equals(launcher)).toBe(true);
    expect(said).toEqual({ kind: 'go', version });
    expect(signed).toEqual(described('go', version, launcher));
    expect((await workshop.flavor(['inspect', output])).stdout).toMatch(/^launcher +go \S+ \(/m);
    expect((await workshop.flavor(['verify', output])).exitCode).toBe(0);

    await sleep(2100);
    const cold = await started(output, 'show', 'bergen');
    expect(cold).toMatchObject({ exitCode: 0, stderr: '', way: 'cold start:' });
    expect(cold.stdout).toContain('Bergen');
    expect(await started(output, 'show', 'bergen')).toEqual({ ...cold, way: 'warm start:' });
  });

  test('[slow] --launcher-bin: a file that is none of the installation is `other`, one of its own is known', async () => {
    const project = join(root, '__test__/fixtures/no-dependencies');
    const bytes = Buffer.concat([readFileSync(installed('go')), Buffer.from('not of this installation')]);
    const file = workshop.write('my launcher', bytes);
    chmodSync(file, 0o755);
    const other = await pack(project, '--launcher-bin', file);
    expect(other.head.equals(bytes)).toBe(true);
    expect(other.said).toEqual({ kind: 'other', version: 'unknown' });
    expect(other.signed).toEqual(described('other', 'unknown', bytes));
    expect(await started(other.output)).toMatchObject({ exitCode: 0, stderr: '', way: 'cold start:' });

    cpSync(installed('go'), file);
    const { sha256 } = described('go', version, readFileSync(installed('go')));
    expect(await launcherOfFile(file)).toEqual({ path: file, kind: 'go', version, sha256 });
  });
});
