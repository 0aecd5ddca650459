// Carries a case out on a machine of its own, step by step, and fails with every difference of the first step that has one.

import type { User } from '../packaged.js';
import { judgeFiles, judgeStart, strayChanges } from './judge.js';
import { Machine } from './machine.js';
import type { Case, PackageWish, Step } from './schema.js';
import { run } from './start.js';
import type { Suite } from './suite.js';
import { snapshot } from './tree.js';

/** What a case is besides its name: all that is needed to carry it out. */
export type Procedure = Pick<Case, 'package' | 'packages' | 'machine' | 'env' | 'steps'>;

/** Makes the case's machine and packages, and walks through its steps. */
export async function carryOut(suite: Suite, one: Procedure, user: User): Promise<void> {
  using machine = new Machine(user, suite.launcher);
  machine.install('package', await suite.packages.make(one.package), isOwn(one.package));
  for (const [name, wish] of Object.entries(one.packages ?? {})) {
    machine.install(name, await suite.packages.make(wish), isOwn(wish));
  }
  for (const action of one.machine ?? []) await machine.act(action);
  await walk(suite, machine, one.steps, one.env);
}

/** Every package that a case asks for. */
export function wishesOf(one: Pick<Procedure, 'package' | 'packages'>): PackageWish[] {
  return [one.package, ...Object.values(one.packages ?? {})];
}

/** Walks through steps on a machine that is ready. */
export async function walk(
  suite: Suite,
  machine: Machine,
  steps: readonly Step[],
  env: Case['env'] = {},
  within = '',
): Promise<void> {
  for (const [position, step] of steps.entries()) {
    const at = `${within}step ${position + 1}`;
    for (const action of step.do ?? []) await machine.act(action);
    const problems = await started(suite, machine, step, env, at);
    problems.push(...judgeFiles(machine, step.expect?.files ?? {}));
    if (problems.length > 0) throw new Error([`${at}:`, ...problems].join('\n'));
  }
}

/** Makes the starts of a step; what was not as expected. */
async function started(
  suite: Suite,
  machine: Machine,
  step: Step,
  env: NonNullable<Case['env']>,
  at: string,
): Promise<string[]> {
  const { start, meanwhile, expect = {} } = step;
  if (start === undefined) return [];
  const before = expect.changes === undefined ? undefined : snapshot(machine.root);
  const given = { env, logged: expect.path !== undefined };
  const between = meanwhile && (() => walk(suite, machine, meanwhile, env, `${at}, meanwhile `));
  const starts = Array.from({ length: start.times ?? 1 }, () => run(machine, suite.stage, start, given, between));
  const problems = (await Promise.all(starts)).flatMap((outcome) => judgeStart(machine, expect, outcome));
  if (before !== undefined) problems.push(...strayChanges(machine, before, expect.changes ?? []));
  return problems;
}

function isOwn(wish: PackageWish): boolean {
  return typeof wish === 'object' && wish.own === true;
}
