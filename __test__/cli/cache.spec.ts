// `flavor cache` over a store that a real package unpacked itself into.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, lstatSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { type Ended, Workshop, withoutSharedBuildCache } from './command.js';

withoutSharedBuildCache();

let workshop: Workshop;
let file: string;
let v1: string;
beforeEach(() => {
  workshop = new Workshop();
  file = join(workshop.folder, 'probe.psp');
  v1 = join(workshop.folder, 'cache/v1');
});
afterEach(() => workshop.remove());

/** Environment of a start: nothing but the store. */
const env = (): Record<string, string> => ({ FLAVOR_CACHE: join(workshop.folder, 'cache'), PATH: '/usr/bin:/bin' });

/** Starts the package, so that it is unpacked and has a receipt. */
async function unpacked(): Promise<void> {
  cpSync(inject('probePackage'), file);
  // A package that was written just now gets no receipt (STORE.md 9.5).
  await sleep(2100);
  await execa(file, [], { env: env(), extendEnv: false });
}

/** The places of the person who runs the tests are left alone. */
const home = (): Record<string, string> => ({ HOME: join(workshop.folder, 'home'), XDG_CACHE_HOME: '' });

/** Makes every stamp look as old. */
function grow(days: number): void {
  const then = Date.now() / 1000 - days * 86_400;
  for (const folder of ['envs', 'slots', 'locks', 'receipts']) {
    for (const name of readdirSync(join(v1, folder))) utimesSync(join(v1, folder, name), then, then);
  }
}

const folders = (name: string): string[] =>
  readdirSync(join(v1, name)).filter((entry) => lstatSync(join(v1, name, entry)).isDirectory());

/** A command whose output does not depend on the day and on what is in the package. */
async function flavor(...args: string[]): Promise<Ended> {
  const ended = await workshop.flavor(args, { env: home() });
  const clean = (text: string): string =>
    text
      .replaceAll(/-[0-9a-f]{16}\b/g, '-<digest>')
      .replaceAll(/\d{4}-\d\d-\d\d(T[\d:.]+Z)?/g, '<time>')
      .replaceAll(/ *\b\d+(\.\d+)? (B|kB|MB|GB)\b/g, ' <size>')
      .replaceAll(/\d+ files/g, '<files>');
  return { ...ended, stdout: clean(ended.stdout), stderr: clean(ended.stderr) };
}

/** What a command prints with `--json`. */
interface Result {
  readonly ok?: boolean;
  readonly environments?: readonly { readonly in_use: boolean }[];
  readonly findings?: readonly { readonly condition: string }[];
}

async function json(...args: string[]): Promise<{ exitCode: number | undefined; result: Result }> {
  const ended = await workshop.flavor([...args, '--json'], { env: home() });
  return { exitCode: ended.exitCode, result: JSON.parse(ended.stdout) as Result };
}

describe('a store that does not exist', () => {
  test('is empty, and nothing is created', async () => {
    for (const args of [['list'], ['info'], ['prune'], ['verify'], ['repair']]) {
      expect(await flavor('cache', ...args, '--store', 'nowhere'), args[0]).toMatchSnapshot();
    }
    expect(existsSync(join(workshop.folder, 'nowhere'))).toBe(false);
  });

  test('has nothing to remove', async () => {
    expect(await flavor('cache', 'remove', 'probe')).toMatchSnapshot();
  });
});

describe('mistakes', () => {
  test.each([
    [['prune', '--max-age', 'soon']],
    [['prune', '--max-size', '2 apples']],
    [['prune', '--max-age', '1', '--older-than', '1']],
    [['remove']],
    [['verify', 'missing.psp']],
    [['nonsense']],
  ])('%j is told', async (args) => {
    expect(await flavor('cache', ...args)).toMatchSnapshot();
  });

  test('a store that others could write is refused', async () => {
    const open = join(workshop.folder, 'open');
    await execa('mkdir', ['-m', '0777', open]);
    const ended = await flavor('cache', 'list', '--store', 'open');
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain('writable by nobody else');
  });
});

describe('[slow] a store with a package', () => {
  beforeEach(unpacked);

  test('is listed and told about', async () => {
    expect(await flavor('cache', 'list')).toMatchSnapshot();
    expect(await flavor('cache', 'info')).toMatchSnapshot();
    expect(await flavor('workenv', 'inspect', 'probe')).toMatchSnapshot();
    const { result } = await json('workenv', 'list');
    expect(result).toMatchObject({
      type: 'result',
      command: 'cache list',
      environments: [
        {
          name: 'probe',
          version: '1.2.3',
          in_use: false,
          complete: true,
          packages: [{ path: '<folder>/probe.psp', present: true }],
          slots: ['<sha256>', '<sha256>'],
        },
      ],
      receipts: [{ valid: true, package: 'probe', present: true }],
    });
  });

  test('prune spares what was used within a day and takes what is old; the next start works', async () => {
    expect(await flavor('cache', 'prune', '--max-age', '0', '--max-size', '0')).toMatchSnapshot();
    expect(folders('slots')).toHaveLength(2);
    grow(40);
    expect(await flavor('clean', '--dry-run')).toMatchSnapshot();
    expect(folders('slots')).toHaveLength(2);
    expect(await flavor('workenv', 'clean', '--older-than', '35', '-y')).toMatchSnapshot();
    for (const name of ['envs', 'slots', 'tmp', 'receipts']) expect(readdirSync(join(v1, name)), name).toEqual([]);
    expect((await execa(file, [], { env: env(), extendEnv: false })).exitCode).toBe(0);
  });

  test('what belongs to a package that is gone goes before its time', async () => {
    grow(3);
    expect((await json('cache', 'prune')).result).toMatchObject({ removed: [] });
    rmSync(file);
    expect((await json('cache', 'prune')).result).toMatchObject({
      removed: [
        { kind: 'receipt', reason: 'package-gone' },
        { kind: 'environment', reason: 'package-gone' },
        { kind: 'slot', reason: 'unreferenced' },
        { kind: 'slot', reason: 'unreferenced' },
      ],
      left_bytes: 0,
    });
  });

  test('remove takes a package by name or by file, but not under a running program', async () => {
    const program: ChildProcess = spawn(file, ['run', workshop.write('wait.py', 'input()\n')], { env: env() });
    try {
      // The folder that the program runs from is in its arguments as soon as it is Python.
      while ((await json('cache', 'list')).result.environments?.[0]?.in_use !== true) await sleep(20);
      expect(await flavor('cache', 'remove', 'probe')).toMatchSnapshot();
      expect(folders('envs')).toHaveLength(1);
    } finally {
      program.stdin?.end('\n');
      await once(program, 'exit');
    }
    expect((await json('cache', 'remove', './probe.psp', '--dry-run')).result).toMatchObject({ dry_run: true });
    expect(await flavor('cache', 'remove', './probe.psp')).toMatchSnapshot();
    expect(folders('slots')).toEqual([]);
  });

  test('verify finds a changed file, repair restores it from the package', async () => {
    expect((await json('cache', 'verify')).result).toMatchObject({ ok: true });
    const slot = folders('slots').find((name) => existsSync(join(v1, 'slots', name, 'bin')));
    const python = join(v1, 'slots', String(slot), 'bin', 'python3');
    const before = readFileSync(python);
    const after = Buffer.from(before);
    after[before.length >> 1] = (after[before.length >> 1] ?? 0) ^ 1;
    rmSync(python);
    writeFileSync(python, after, { mode: 0o755 });

    const found = await json('cache', 'verify');
    expect(found.exitCode).toBe(3);
    expect(found.result).toMatchObject({ ok: false });
    const conditions = found.result.findings?.map(({ condition }) => condition);
    expect(conditions?.sort()).toEqual(['changed', 'intact', 'intact']);
    const repaired = await json('cache', 'repair');
    expect([repaired.exitCode, repaired.result.ok]).toEqual([0, true]);
    expect(readFileSync(python).equals(before)).toBe(true);
    expect((await json('cache', 'verify')).exitCode).toBe(0);
    expect((await execa(file, [], { env: env(), extendEnv: false })).exitCode).toBe(0);
  });

  test('verify names what it cannot find the package of, and takes one that it is given', async () => {
    const moved = join(workshop.folder, 'moved.psp');
    cpSync(file, moved);
    rmSync(file);
    const lost = await flavor('cache', 'verify');
    expect(lost.exitCode).toBe(0);
    expect(lost.stdout.match(/its package was not found/g)).toHaveLength(3);
    const { result } = await json('cache', 'verify', 'moved.psp');
    expect(result.findings).toMatchObject(Array(3).fill({ condition: 'intact', package: '<folder>/moved.psp' }));
  });
});
