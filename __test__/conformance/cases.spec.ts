// Runs the cases of `cases/*.json` against every launcher. Everything that is special to a case stands in its file; see
// cases/README.md.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type User, users } from './packaged.js';
import { judgeFiles, judgeStart, strayChanges } from './suite/judge.js';
import { type Launcher, launchers } from './suite/launchers.js';
import { Machine } from './suite/machine.js';
import { type Case, CaseFile, type PackageWish, type Step } from './suite/schema.js';
import { run } from './suite/start.js';
import { openSuite, SETTLED_MS, type Suite } from './suite/suite.js';
import { snapshot } from './suite/tree.js';

const folder = fileURLToPath(new URL('cases', import.meta.url));
const isRoot = process.getuid?.() === 0;
function read<Form>(path: string, form: { parse(value: unknown): Form }): Form {
  try {
    return form.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new Error(`${basename(path)} is no file of cases: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

const subjects = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && name !== 'recipes.json' && name !== 'elsewhere.json')
  .sort()
  .map((name) => ({ name: name.replace('.json', ''), ...read(join(folder, name), CaseFile) }));

/** Those of this session who can run a case. Only root can give files to others. */
function usersOf(one: Case): User[] {
  const { users: wanted } = one;
  if (!isRoot && /"owner":"(root|other)"/.test(JSON.stringify(one))) return [];
  if (wanted === 'root') return users.filter(() => isRoot).slice(0, 1);
  if (wanted === 'unprivileged') return isRoot ? users.slice(1) : [...users];
  return [...users];
}

const isWish = (wish: PackageWish | undefined): wish is PackageWish => wish !== undefined;
const wishes = (one: Case) => [one.package, ...Object.values(one.packages ?? {})].filter(isWish);
const isOwn = (wish: PackageWish) => typeof wish === 'object' && wish.own === true;

async function carryOut(suite: Suite, one: Case, user: User): Promise<void> {
  using machine = new Machine(user, suite.launcher);
  machine.install('package', await suite.packages.make(one.package), isOwn(one.package));
  for (const [name, wish] of Object.entries(one.packages ?? {})) {
    machine.install(name, await suite.packages.make(wish), isOwn(wish));
  }
  for (const action of one.machine ?? []) await machine.act(action);
  await walk(suite, machine, one, one.steps);
}

async function walk(suite: Suite, machine: Machine, one: Case, steps: readonly Step[], within = ''): Promise<void> {
  for (const [position, step] of steps.entries()) {
    const at = `${within}step ${position + 1}`;
    for (const action of step.do ?? []) await machine.act(action);
    const problems = await started(suite, machine, one, step, at);
    problems.push(...judgeFiles(machine, step.expect?.files ?? {}));
    if (problems.length > 0) throw new Error([`${at}:`, ...problems].join('\n'));
  }
}

/** Makes the starts of a step; what was not as expected. */
async function started(suite: Suite, machine: Machine, one: Case, step: Step, at: string): Promise<string[]> {
  const { start, meanwhile, expect = {} } = step;
  if (start === undefined) return [];
  const before = expect.changes === undefined ? undefined : snapshot(machine.root);
  const given = { env: one.env ?? {}, logged: expect.path !== undefined };
  const between = meanwhile && (() => walk(suite, machine, one, meanwhile, `${at}, meanwhile `));
  const starts = Array.from({ length: start.times ?? 1 }, () => run(machine, suite.stage, start, given, between));
  const problems = (await Promise.all(starts)).flatMap((outcome) => judgeStart(machine, expect, outcome));
  if (before !== undefined) problems.push(...strayChanges(machine, before, expect.changes ?? []));
  return problems;
}

const shown = ({ name, slow }: Case, user: User) =>
  `${name}${users.length > 1 ? ` (${user.name})` : ''}${slow ? ' [slow]' : ''}`;

describe.each(launchers())('$name', (launcher: Launcher) => {
  let suite: Suite | undefined;
  beforeAll(async () => {
    suite = await openSuite(launcher);
    // Made before they are needed, so that all are older than two seconds then. One that cannot be made fails its cases.
    for (const wish of subjects.flatMap(({ cases }) => cases.flatMap(wishes))) {
      await suite.packages.make(wish).catch(() => {});
    }
    await sleep(SETTLED_MS);
  });
  afterAll(() => suite?.close());

  for (const subject of subjects) {
    describe.concurrent(subject.name, () => {
      for (const one of subject.cases) {
        for (const user of usersOf(one)) {
          it(shown(one, user), async () => {
            if (suite === undefined) throw new Error('the suite is not ready');
            await carryOut(suite, one, user);
          });
        }
        if (usersOf(one).length === 0) it.skip(`${one.name} (needs root)`);
      }
    });
  }
});
