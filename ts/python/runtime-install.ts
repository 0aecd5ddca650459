/**
 * The one call of `uv python install`: into the scratch folder, with nothing left in the user's folders, and an end
 * to it whatever a server does.
 */

import { join } from 'node:path';

import type { Environment } from './environment.js';
import type { ProcessOutcome } from './process.js';
import { type BuildSession, runUv } from './session.js';

/** Longer than any download that is worth waiting for. */
const TIMEOUT_MS = 20 * 60_000;

/** Where runtimes are installed, each in a folder of its key's name. */
export function installFolder(session: BuildSession): string {
  return join(session.scratch, 'python');
}

/** Installs the runtime of a full key, libc included: without it uv fills in the host's. */
export function installRuntime(
  session: BuildSession,
  key: string,
  flags: readonly string[],
  changes: Environment,
): Promise<ProcessOutcome> {
  return runUv(
    session,
    ['python', 'install', ...flags, key],
    {
      ...changes,
      // What is asked for by its full key is asked for on purpose.
      UV_PYTHON_DOWNLOADS: 'manual',
      UV_PYTHON_INSTALL_DIR: installFolder(session),
      UV_PYTHON_INSTALL_BIN: '0',
      UV_PYTHON_INSTALL_REGISTRY: '0',
    },
    TIMEOUT_MS,
  );
}

/** Why uv failed, in its own words: the innermost cause that it names, in one line. */
export function failureOf(outcome: ProcessOutcome): string {
  if (outcome.timedOut) return `no end after ${TIMEOUT_MS / 60_000} minutes`;
  const lines = outcome.stderr.split('\n').map((line) => line.trim());
  const causes = lines.flatMap((line) => /^(?:cause|Caused by):\s*(.+)$/i.exec(line)?.[1] ?? []);
  const first = lines.find((line) => line.startsWith('error:'))?.slice('error:'.length);
  return (causes.at(-1) ?? first ?? lines.find((line) => line !== '') ?? 'no reason given').trim();
}
