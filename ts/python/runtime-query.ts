/**
 * Asks an interpreter who it is, and proves that it stands on its own feet: a copied interpreter that still loads
 * parts of the installation it was copied from answers every simple question correctly.
 */

import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import { outputCause, runProcess } from './process.js';
import type { BuildSession } from './session.js';
import { sortedEntries } from './tree.js';

const QUESTION = `
import json, sys
mapped = []
try:
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        mapped = sorted({line.split(None, 5)[5].strip() for line in maps if line.count("/")})
except OSError:
    pass
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "prefix": sys.base_prefix, "mapped": mapped}))
`;

/** Path and full version of the interpreter below a root; `original` is where it was copied from. */
export async function queryInterpreter(
  session: BuildSession,
  root: string,
  original?: string,
): Promise<{ readonly interpreter: string; readonly version: string }> {
  const names = (await sortedEntries(join(root, 'bin'))).filter((entry) => entry.isFile()).map((entry) => entry.name);
  const name = names.find((candidate) => /^python3\.\d+$/.test(candidate));
  if (name === undefined) {
    throw new FlavorError(
      'ERR_FLAVOR_RUNTIME',
      `there is no interpreter \`bin/python3.X\` in the runtime: ${original ?? root}`,
      {
        hints: ['the runtime must be a python-build-standalone installation'],
      },
    );
  }
  const interpreter = join(root, 'bin', name);
  const outcome = await runProcess({
    file: interpreter,
    args: ['-I', '-S', '-B', '-c', QUESTION],
    cwd: session.scratch,
    environment: { PATH: session.environment['PATH'] },
    signal: session.reporter.signal,
    timeoutMs: 60_000,
  });
  if (outcome.exitCode !== 0) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `the interpreter of the runtime does not run: ${name}`, {
      hints: ['is it for this platform?'],
      cause: outputCause(outcome),
    });
  }
  const answer = JSON.parse(outcome.stdout) as { version: string; prefix: string; mapped: string[] };
  const foreign = original === undefined ? undefined : answer.mapped.find((path) => path.startsWith(`${original}/`));
  if (answer.prefix !== root || foreign !== undefined) {
    throw new FlavorError(
      'ERR_FLAVOR_RUNTIME',
      `the interpreter cannot be moved: a copy of it uses ${foreign ?? answer.prefix}`,
      { hints: ['give a python-build-standalone installation or archive; those run from any folder'] },
    );
  }
  return { interpreter, version: answer.version };
}
