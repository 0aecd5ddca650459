// Faults that a file of cases cannot describe: many starts at once, starts that are killed anywhere, file systems that are full,
// read-only or noexec, and programs that are stopped. Mounts need root and a system that allows them.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { users } from './packaged.js';
import { type Launcher, launchers } from './suite/launchers.js';
import { Machine } from './suite/machine.js';
import { canMount, mounted } from './suite/mounts.js';
import type { PackageWish, Start } from './suite/schema.js';
import { type Outcome, run, type Variables } from './suite/start.js';
import { openSuite, SETTLED_MS, type Suite } from './suite/suite.js';

const BIG: PackageWish = { recipe: 'demo', change: { slots: { 1: { files: { big: { zeros: 24 * 1024 * 1024 } } } } } };
const NEWER: PackageWish = { recipe: 'demo', change: { version: '2.0' } };
const KILLS = 30;

const names = (folder: string): string[] => readdirSync(folder).sort();

describe.each(launchers())('$name', (launcher: Launcher) => {
  let suite: Suite | undefined;
  beforeAll(async () => {
    suite = openSuite(launcher);
    for (const wish of ['demo', BIG, NEWER]) await suite.packages.make(wish);
    await sleep(SETTLED_MS);
  });
  afterAll(() => suite?.close());

  const ready = (): Suite => {
    if (suite === undefined) throw new Error('the suite is not ready');
    return suite;
  };

  /** A machine with packages on it. */
  async function machine(
    user = users[0],
    packages: Record<string, PackageWish> = { package: 'demo' },
  ): Promise<Machine> {
    if (user === undefined) throw new Error('nobody is there');
    const result = new Machine(user, ready().launcher);
    for (const [name, wish] of Object.entries(packages)) {
      result.install(name, await ready().packages.make(wish), false);
    }
    return result;
  }

  function start(on: Machine, args: string[] = [], more: Start = {}, env: Variables = {}): Promise<Outcome> {
    return run(on, ready().stage, { args, ...more }, { env, logged: false });
  }

  describe.each(users)('started by $name', (user) => {
    it('fifty first starts at once of two packages that share a runtime unpack it once, and all run [slow]', async () => {
      using on = await machine(user, { package: 'demo', newer: NEWER });
      const env = { FLAVOR_LOG_LEVEL: 'debug' };
      const starts = Array.from({ length: 50 }, (_, number) =>
        start(on, ['--do=exit:3'], { file: number % 2 === 0 ? '<package>' : '<package:newer>' }, env),
      );
      const outcomes = await Promise.all(starts);
      expect(outcomes.map(({ exit }) => exit)).toEqual(Array.from({ length: 50 }, () => 3));
      const logs = outcomes.map(({ stderr }) => stderr.toString()).join('');
      expect(logs.match(/slot 0 unpacked:/g)).toHaveLength(1);
      expect(logs.match(/work environment unpacked:/g)).toHaveLength(2);
      const v1 = on.expand('<v1>');
      expect(names(join(v1, 'slots')).filter((name) => !name.endsWith('.record'))).toHaveLength(1);
      expect(names(join(v1, 'tmp'))).toEqual([]);
    });

    it(`a first start that is killed at any of ${KILLS} points leaves nothing that a later one believes [slow]`, async () => {
      using timed = await machine(user, { package: BIG });
      const began = performance.now();
      expect((await start(timed)).exit).toBe(0);
      const whole = performance.now() - began;
      let interrupted = 0;
      for (let point = 0; point < KILLS; point += 1) {
        using on = await machine(user, { package: BIG });
        const child = background(on, ready().stage);
        await sleep((whole * point) / KILLS);
        child.kill('SIGKILL');
        const ending = await ended(child);
        if (ending.signal === 'SIGKILL') interrupted += 1;
        const after = await start(on, ['--do=exit:6']);
        expect(`${after.exit} ${after.stderr}`).toBe('6 ');
        // Everything is as the package says: a full comparison has nothing to put in order.
        const full = await start(on, [], {}, { FLAVOR_VALIDATION: 'full' });
        expect(`${full.exit} ${full.stderr}`).toBe('0 ');
      }
      expect(interrupted).toBeGreaterThan(0);
    });

    it('a program is stopped and continued as if it had been started directly', async () => {
      using on = await machine(user);
      await start(on);
      const child = background(on, ready().stage, ['--do=wait']);
      await line(child, 'ready');
      child.kill('SIGSTOP');
      await until(() => state(child) === 'T');
      child.kill('SIGCONT');
      await until(() => state(child) !== 'T');
      child.stdin?.end();
      expect(await ended(child)).toEqual({ exit: 0, signal: null });
    });
  });

  describe.runIf(canMount)('on other file systems (needs root and mounts)', () => {
    it.each([
      ['noexec', 'size=64m,mode=0700,noexec'],
      ['too small', 'size=256k,mode=0700'],
      ['read-only', 'size=64m,mode=0700,ro'],
      ['without inodes', 'size=64m,mode=0700,nr_inodes=8'],
    ])('a place that is %s makes way for the next, and nothing is left in it', async (_, options) => {
      using on = await machine();
      const folder = join(on.root, 'mounted');
      await mounted(folder, options, async () => {
        const outcome = await start(on, [], {}, { FLAVOR_CACHE: folder });
        expect(`${outcome.exit} ${outcome.stderr}`).toBe('0 ');
        expect(outcome.stdout.toString()).toContain(on.expand('"program":"<slot:0>'));
        const left = spawnSync('find', [folder, '-type', 'f', '-size', '+4k']).stdout.toString();
        expect(left).toBe('');
      });
    });

    it('a full disk everywhere is one error that names every place, and freeing space lets the next start through', async () => {
      using on = await machine(users[0], { package: BIG });
      const folder = join(on.root, 'mounted');
      await mounted(folder, 'size=1m,mode=0700', async () => {
        const env = { FLAVOR_CACHE: join(folder, 'a'), HOME: join(folder, 'home'), TMPDIR: folder };
        const full = await start(on, [], {}, env);
        expect(full.exit).toBe(106);
        expect(full.stdout.toString()).toBe('');
        expect(full.stderr.toString()).toContain(join(folder, 'a'));
        expect(full.stderr.toString()).toContain('ERR_STORE_LOCATION');
        execFileSync('mount', ['-o', 'remount,size=128m', folder]);
        const outcome = await start(on, ['--do=exit:4'], {}, env);
        expect(`${outcome.exit} ${outcome.stderr}`).toBe('4 ');
      });
    });
  });
});

/** A start that goes on while the test does something. */
function background(on: Machine, stage: string, args: readonly string[] = []): ChildProcess {
  const hex = (text: string) => Buffer.from(text).toString('hex');
  const file = on.expand('<package>');
  const words = ['chdir', hex(on.root), 'env', hex(`HOME=${on.home}`), 'arg', hex(file)];
  const { uid, gid } = on.user;
  if (gid !== undefined && uid !== undefined) words.unshift('gid', String(gid), 'uid', String(uid));
  for (const argument of args) words.push('arg', hex(argument));
  return spawn(stage, [...words, 'exec', hex(file)], { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
}

async function ended(child: ChildProcess): Promise<{ exit: number | null; signal: string | null }> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
  return { exit: child.exitCode, signal: child.signalCode };
}

/** Waits until the program has printed a line. */
function line(child: ChildProcess, wanted: string): Promise<void> {
  let seen = '';
  return new Promise((resolve) => {
    child.stdout?.on('data', (bytes: Buffer) => {
      seen += bytes.toString();
      if (seen.includes(`${wanted}\n`)) resolve();
    });
  });
}

function state(child: ChildProcess): string {
  return / ([A-Z]) /.exec(readFileSync(`/proc/${child.pid}/stat`, 'utf8').replace(/^.*\)/, ''))?.[1] ?? '';
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !isSo(); tries += 1) await sleep(10);
  expect(isSo()).toBe(true);
}
