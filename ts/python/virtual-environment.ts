/**
 * Virtual environments in the scratch folder, made over the runtime that is packaged, so that extension modules
 * are chosen and built for exactly that interpreter; for another platform over the one that does its work here.
 */

import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import { outputCause } from './process.js';
import { type BuildSession, runUv, type StagedRuntime } from './session.js';
import type { FilledEnvironment } from './site-tree.js';

/** Makes an empty virtual environment. */
export async function makeEnvironment(
  session: BuildSession,
  runtime: StagedRuntime,
  name: string,
): Promise<FilledEnvironment> {
  const root = join(session.scratch, name);
  const outcome = await runUv(
    session,
    ['venv', '--quiet', '--no-project', '--python', runtime.here.interpreter, root],
    {
      UV_PYTHON_PREFERENCE: undefined,
    },
  );
  if (outcome.exitCode !== 0) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `uv cannot use the runtime of Python ${runtime.version}`, {
      cause: outputCause(outcome),
    });
  }
  return { root, minor: runtime.minor };
}
