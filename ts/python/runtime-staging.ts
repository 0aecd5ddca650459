/**
 * What all rungs of the ladder share: what is asked for, what a rung says that has nothing, and the last check of
 * what was staged.
 */

import { FlavorError } from '../errors.js';
import { runsHere } from '../platform.js';
import { foreignInterpreter } from './runtime-foreign.js';
import { queryInterpreter } from './runtime-query.js';
import type { BuildSession, InstalledRuntime, RuntimeSource } from './session.js';

/** A rung that has nothing. */
export interface Attempt {
  /** What was tried, as a noun. */
  readonly what: string;
  readonly why: string;
  readonly hints: readonly string[];
  readonly cause?: Error;
}

/** What helps wherever no interpreter can be had. */
export const GIVE_ARCHIVE = 'give an archive of a standalone interpreter with `--python-archive`';

/** A version such as `3.12` or `3.12.4`, or what `requires-python` says; undefined if the project does not care. */
export function requestedPython({ manifest }: BuildSession): string | undefined {
  return manifest.pythonVersion ?? manifest.requiresPython?.replaceAll(' ', '');
}

/**
 * Asks the staged interpreter who it is, and compares that with what the manifest wants. One that does not run here is
 * not asked: `promised` is the version that it was chosen by.
 */
export async function stagedRuntime(
  session: BuildSession,
  root: string,
  source: RuntimeSource,
  archiveSha256: string | undefined,
  promised?: string,
): Promise<InstalledRuntime> {
  const { interpreter, version } = runsHere(session.target)
    ? await queryInterpreter(session, root)
    : await foreignInterpreter(session.target, root, promised);
  return wantedRuntime(session, { root, interpreter, version, source, archiveSha256 });
}

/** The same of an interpreter that was asked before. */
export function wantedRuntime(
  session: BuildSession,
  found: Omit<InstalledRuntime, 'minor' | 'portable'>,
): InstalledRuntime {
  const { source, version } = found;
  const minor = version.split('.').slice(0, 2).join('.');
  const wanted = session.manifest.pythonVersion;
  if (wanted !== undefined && version !== wanted && minor !== wanted) {
    throw new FlavorError(
      'ERR_FLAVOR_RUNTIME',
      `the runtime has another version than the manifest asks for (got ${version}, expected ${wanted})`,
      { hints: ['correct `python_version` under `[tool.flavor]`, or give another runtime'] },
    );
  }
  return { ...found, minor, portable: source !== 'local' };
}
