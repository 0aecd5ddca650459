// Runs the cases of `cases/*.json` against every launcher. Everything that is special to a case stands in its file; see
// cases/README.md.

import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type User, users } from './packaged.js';
import { judgeFiles, judgeStart, strayChanges } from './suite/judge.js';
import { type Launcher, launchers, programs } from './suite/launchers.js';
import { Machine } from './suite/machine.js';
import { Packages } from './suite/packages.js';
import { type Case, CaseFile, type PackageWish, type Step } from './suite/schema.js';
import { run } from './suite/start.js';
import { snapshot } from './suite/tree.js';

const folder = fileURLToPath(new URL('cases', import.meta.url));
const isRoot = process.getuid?.() === 0;
/** Longer than the two seconds of STORE.md 9.5. */
const SETTLED_MS = 2100;

interface Suite {
  readonly launcher: string;
  readonly stage: string;
  readonly packages: Packages;
}

function read<Form>(path: string, form: { parse(value: unknown): Form }): Form {
  try {
    return form.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new Error(`${basename(path)} is no file of cases: ${cause instanceof Error ? cause.message : cause}`, { cause });
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
  await walk(suite, machine, one, one.steps, '');
}

async function walk(suite: Suite, machine: Machine, one: Case, steps: readonly Step[], within: string): Promise<void> {
  for (const [position, { do: actions = [], start, meanwhile, expect = {} }] of steps.entries()) {
    const at = `${within}step ${position + 1}`;
    for (const action of actions) await machine.act(action);
    const problems: string[] = [];
    if (start !== undefined) {
      const before = expect.changes === undefined ? undefined : snapshot(machine.root);
      const given = { env: one.env ?? {}, logged: expect.path !== undefined };
      const between = meanwhile === undefined ? undefined : () => walk(suite, machine, one, meanwhile, `${at}, meanwhile `);
      const starts = Array.from({ length: start.times ?? 1 }, () => run(machine, suite.stage, start, given, between));
      for (const outcome of await Promise.all(starts)) problems.push(...judgeStart(machine, expect, outcome));
      if (before !== undefined) problems.push(...strayChanges(machine, before, expect.changes ?? []));
    }
    problems.push(...judgeFiles(machine, expect.files ?? {}));
    if (problems.length > 0) throw new Error([`${at}:`, ...problems].join('\n'));
  }
}

const shown = ({ name, slow }: Case, user: User) => `${name}${users.length > 1 ? ` (${user.name})` : ''}${slow ? ' [slow]' : ''}`;

describe.each(launchers())('$name', (launcher: Launcher) => {
  const place = mkdtempSync(join(tmpdir(), 'flavor-cases-'));
  let suite: Suite | undefined;

  beforeAll(async () => {
    chmodSync(place, 0o755);
    const tools = programs();
    // Where users without rights on this repository can reach it.
    const bare = join(place, basename(launcher.path));
    copyFileSync(launcher.path, bare);
    chmodSync(bare, 0o755);
    const stage = join(place, 'stage');
    copyFileSync(tools.stage, stage);
    const made = join(place, 'packages');
    mkdirSync(made, { mode: 0o755 });
    const recipes = JSON.parse(readFileSync(join(folder, 'recipes.json'), 'utf8')) as unknown;
    const packages = new Packages(recipes, made, { launcher: launcher.path, probe: tools.probe });
    suite = { launcher: bare, stage, packages };
    // A package that cannot be made fails the cases that wish for it.
    for (const wish of subjects.flatMap(({ cases }) => cases.flatMap(wishes))) await packages.make(wish).catch(() => {});
    await sleep(SETTLED_MS);
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

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
