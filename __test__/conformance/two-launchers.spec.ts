// The launchers share one store: what one of them unpacked and recorded, the other believes exactly as far as it may. Asked
// with every ordered pair of the built launchers; what each does alone is in the cases.

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { users } from './packaged.js';
import { walk } from './suite/carry-out.js';
import { type Launcher, launchers } from './suite/launchers.js';
import { Machine } from './suite/machine.js';
import type { Start } from './suite/schema.js';
import { run } from './suite/start.js';
import { openSuite, SETTLED_MS, type Suite } from './suite/suite.js';

const STARTS = 50;
const all = launchers();
const pairs = all.flatMap((first) =>
  all
    .filter(({ name }) => name !== first.name)
    .map((second) => ({ title: `${first.name}, then ${second.name}`, first, second })),
);
const suites = new Map<string, Suite>();
const suiteOf = ({ name }: Launcher): Suite => {
  const suite = suites.get(name);
  if (suite === undefined) throw new Error('the suite is not ready');
  return suite;
};

/** The file `<package>` through a launcher of no package. */
const through = (launcher: Launcher, ...args: string[]): Start => ({
  tool: true,
  file: suiteOf(launcher).launcher,
  args: ['run', '<package>', ...args],
});

/** A machine with the demo package of each launcher: `package` and, around the second one, `other`. */
async function machine(user: (typeof users)[number], first: Launcher, second: Launcher): Promise<Machine> {
  const on = new Machine(user, suiteOf(first).launcher);
  on.install('package', await suiteOf(first).packages.make('demo'), false);
  on.install('other', await suiteOf(second).packages.make('demo'), false);
  return on;
}

const names = (folder: string): string[] => readdirSync(folder).sort();

describe.skipIf(pairs.length === 0)(`two launchers${pairs.length === 0 ? ' (skipped: there is one)' : ''}`, () => {
  beforeAll(async () => {
    for (const launcher of all) {
      const suite = openSuite(launcher);
      suites.set(launcher.name, suite);
      await suite.packages.make('demo');
    }
    await sleep(SETTLED_MS);
  });
  afterAll(() => {
    for (const suite of suites.values()) suite.close();
  });

  describe.each(users)('started by $name', (user) => {
    describe.each(pairs)('$title', ({ first, second }) => {
      it('one file that the first started is warm for the second, which writes nothing', async () => {
        using on = await machine(user, first, second);
        const report = { argv: ['<slot:0>/bin/probe', 'x'], environment: { FLAVOR_WORKENV: '<env>' } };
        await walk(suiteOf(first), on, [
          { start: through(first, 'x'), expect: { path: 'cold', report, files: { '<receipt>': { sealed: true } } } },
          {
            do: [{ remember: '<v1>', as: 'store' }],
            start: through(second, 'x'),
            expect: { path: 'warm', report, files: { '<v1>': { untouched: 'store' } } },
          },
          { start: { args: ['x'] }, expect: { path: 'warm', report, files: { '<v1>': { untouched: 'store' } } } },
        ]);
      });

      it('a store that the first made has nothing that the second would put in order', async () => {
        using on = await machine(user, first, second);
        await walk(suiteOf(first), on, [
          { start: through(first), expect: { path: 'cold' } },
          {
            do: [
              { remember: '<slot:0>', as: 'slot' },
              { remember: '<env>', as: 'environment' },
            ],
            start: { ...through(second), env: { FLAVOR_VALIDATION: 'full' } },
            expect: {
              path: 'cold',
              files: { '<slot:0>': { untouched: 'slot' }, '<env>': { untouched: 'environment' } },
            },
          },
        ]);
      });

      it('a package with the same slots around the second unpacks no shared slot, and gets its own environment and receipt', async () => {
        using on = await machine(user, first, second);
        expect(on.expand('<env:other>')).not.toBe(on.expand('<env>'));
        const log = join(on.home, 'log');
        await walk(suiteOf(first), on, [
          { start: {}, expect: { path: 'cold' } },
          {
            do: [
              { remember: '<v1>/slots', as: 'slots' },
              { remember: '<env>', as: 'environment' },
            ],
            start: { file: '<package:other>', env: { FLAVOR_LOG_PATH: log, FLAVOR_LOG_LEVEL: 'debug' } },
            expect: {
              report: { environment: { FLAVOR_WORKENV: '<env:other>' } },
              files: {
                '<v1>/slots': { untouched: 'slots' },
                '<env>': { untouched: 'environment' },
                '<env:other>.record': { sealed: true },
                '<receipt>': { sealed: true },
                '<receipt:other>': { sealed: true },
                '<v1>/tmp/*': 'absent',
              },
            },
          },
          { start: {}, expect: { path: 'warm' } },
          { start: { file: '<package:other>' }, expect: { path: 'warm' } },
        ]);
        const text = readFileSync(log, 'utf8');
        expect(text).toMatch(/cold start:/);
        expect(text).not.toMatch(/slot 0 unpacked:/);
      });

      it('a package with the same slots around the second is verified whole, although nothing of it is unpacked', async () => {
        using on = await machine(user, first, second);
        const damaged = { recipe: 'demo', edits: [{ at: 'slot:0+20', xor: '01' }] };
        on.install('damaged', await suiteOf(second).packages.make(damaged), false);
        await walk(suiteOf(first), on, [
          { start: {}, expect: { path: 'cold' } },
          {
            do: [{ remember: '<v1>/slots', as: 'slots' }],
            start: { file: '<package:damaged>' },
            expect: {
              exit: 103,
              error: 'ERR_PSPF_SLOT_DIGEST',
              files: {
                '<v1>/slots': { untouched: 'slots' },
                '<env:damaged>.record': 'absent',
                '<receipt:damaged>': 'absent',
              },
            },
          },
        ]);
      });
    });

    it(`${STARTS} first starts at once, of both packages and through both launchers, unpack once, and all run`, async () => {
      const [first, second] = all;
      if (first === undefined || second === undefined) throw new Error('there are not two launchers');
      using on = await machine(user, first, second);
      const kinds: Start[] = [{}, { file: '<package:other>' }, through(first), through(second)];
      const env = { FLAVOR_LOG_LEVEL: 'debug' };
      const starts = Array.from({ length: STARTS }, (_, number) => {
        const kind = kinds[number % kinds.length] ?? {};
        const args = [...(kind.args ?? []), `--do=exit:${number}`];
        return run(on, suiteOf(first).stage, { ...kind, args }, { env, logged: false });
      });
      const outcomes = await Promise.all(starts);
      expect(outcomes.map(({ exit }) => exit)).toEqual(Array.from({ length: STARTS }, (_, number) => number));
      const logs = outcomes.map(({ stderr }) => stderr.toString()).join('');
      expect(logs.match(/slot 0 unpacked:/g)).toHaveLength(1);
      expect(logs.match(/work environment unpacked:/g)).toHaveLength(2);
      const v1 = on.expand('<v1>');
      const folders = (name: string) =>
        names(join(v1, name)).filter((one) => lstatSync(join(v1, name, one)).isDirectory());
      expect(folders('slots')).toEqual([on.expand('<key:0>')]);
      expect(folders('envs')).toEqual([on.expand('<envname>'), on.expand('<envname:other>')].sort());
      expect(names(join(v1, 'receipts'))).toEqual(
        [on.expand('<receiptname>'), on.expand('<receiptname:other>')].sort(),
      );
      expect(names(join(v1, 'tmp'))).toEqual([]);
      await walk(suiteOf(first), on, [
        { start: through(second), expect: { path: 'warm' } },
        { start: { file: '<package:other>' }, expect: { path: 'warm' } },
      ]);
    });
  });
});
