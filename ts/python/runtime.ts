/**
 * Gets the interpreter that is packaged. The rungs, from the best to the last: one that the user gives; one whose
 * archive is in uv's cache; one that uv downloads; a copy of one of this machine, if the user allows that. What fails
 * for another reason than that nothing can be had (a digest that does not match, a list that cannot be read) ends the
 * build at once: falling to the next rung would hide it. Never another version than the project allows.
 *
 * What comes out is an untouched installation in the scratch folder: extension modules of dependencies are built
 * against it, headers included. `runtime-tree.ts` and `trim.ts` turn it into the content of a slot afterwards.
 */

import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import { runsHere, targetName } from '../platform.js';
import { copyInterpreter } from './local-copy.js';
import { type LocalInterpreter, localInterpreters } from './local-interpreters.js';
import { proveCopy } from './local-proof.js';
import { type GivenRuntime, givenRuntime } from './runtime-given.js';
import { managedRuntime } from './runtime-managed.js';
import { type Attempt, GIVE_ARCHIVE, requestedPython, stagedRuntime } from './runtime-staging.js';
import type { BuildSession, InstalledRuntime } from './session.js';

export type { GivenRuntime } from './runtime-given.js';

/** Stages the runtime of a build. */
export async function stageRuntime(session: BuildSession, given: GivenRuntime | undefined): Promise<InstalledRuntime> {
  if (given !== undefined) return givenRuntime(session, given);
  const choice = runsHere(session.target) || session.options.runtime === 'local' ? session.options.runtime : 'managed';
  if (choice === 'local' && !runsHere(session.target)) throw notLocal(session);
  const attempts: Attempt[] = [];
  if (choice !== 'local') {
    const managed = await managedRuntime(session);
    if (!('why' in managed)) return managed;
    attempts.push(managed);
  }
  if (choice === 'managed') throw nothingHad(session, attempts);
  const { usable, refused } = await localInterpreters(session, requestedPython(session));
  const [best] = usable;
  if (best === undefined) {
    throw nothingHad(session, [
      ...attempts,
      {
        what: 'an interpreter of this machine',
        why: refused.length === 0 ? 'there is none of that version on PATH' : refused.join(', '),
        hints: [GIVE_ARCHIVE],
      },
    ]);
  }
  return localRuntime(session, best, attempts);
}

async function localRuntime(
  session: BuildSession,
  local: LocalInterpreter,
  attempts: readonly Attempt[],
): Promise<InstalledRuntime> {
  const root = join(session.scratch, 'python', 'local');
  const copy = await copyInterpreter(local, root);
  const { hidden } = await proveCopy(session, local, copy, root);
  const runtime = await stagedRuntime(session, root, 'local', undefined);
  const because = attempts.map(({ what, why }) => `; ${what}: ${why}`).join('');
  const without = copy.leftOut.length === 0 ? '' : `; without ${copy.leftOut.join(', ')}`;
  const trial = hidden ? '' : '; the original could not be hidden for the trial run';
  session.reporter.emit({
    type: 'warning',
    message:
      `the runtime is a copy of ${local.executable} (Python ${local.version}): nobody vouches for its content, and ` +
      `the package does not run on systems older than this one${without}${trial}${because}`,
  });
  return runtime;
}

function notLocal({ target }: BuildSession): FlavorError {
  return new FlavorError(
    'ERR_FLAVOR_RUNTIME',
    `a copy of an interpreter of this machine does not run on ${targetName(target)}`,
    {
      hints: ['leave `--runtime local` (`runtime` under `[tool.flavor.python]`) out for other platforms', GIVE_ARCHIVE],
    },
  );
}

/** One sentence with everything that was tried, and what would have helped. */
export function nothingHad(session: BuildSession, attempts: readonly Attempt[], purpose = ''): FlavorError {
  const request = requestedPython(session);
  const wanted = request === undefined ? 'no Python' : `no Python ${request}`;
  const tried = attempts.map(({ what, why }) => `${what}: ${why}`).join('; ');
  const [cause] = attempts.flatMap((attempt) => (attempt.cause === undefined ? [] : [attempt.cause]));
  return new FlavorError(
    'ERR_FLAVOR_RUNTIME',
    `${wanted} could be had for ${targetName(session.target)}${purpose === '' ? '' : ` ${purpose}`}: ${tried}`,
    {
      hints: [...new Set(attempts.flatMap(({ hints }) => hints))],
      cause,
    },
  );
}
