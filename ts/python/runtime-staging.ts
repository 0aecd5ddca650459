/**
 * What all rungs of the ladder share: what is asked for, what a rung says that has nothing, and the last check of
 * what was staged.
 */

import { FlavorError } from '../errors.js';
import { queryInterpreter } from './runtime-query.js';
import type { BuildSession, RuntimeSource, StagedRuntime } from './session.js';

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

/** Asks the staged interpreter who it is, and compares that with what the manifest wants. */
export async function stagedRuntime(
  session: BuildSession,
  root: string,
  source: RuntimeSource,
  archiveSha256: string | undefined,
): Promise<StagedRuntime> {
  const { interpreter, version } = await queryInterpreter(session, root);
  return wantedRuntime(session, { root, interpreter, version, source, archiveSha256 });
}

/** The same of an interpreter that was asked before. */
export function wantedRuntime(session: BuildSession, found: Omit<StagedRuntime, 'minor' | 'portable'>): StagedRuntime {
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
