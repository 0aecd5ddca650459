/**
 * What there is to say about a wheel that somebody gave: why it cannot be installed, and which file it was.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

import { FlavorError } from '../../errors.js';
import { targetName } from '../../platform.js';
import { uvWords } from '../dependency-errors.js';
import { writeResolution } from '../lock-record.js';
import { outputCause, type ProcessOutcome } from '../process.js';
import type { BuildSession, StagedRuntime } from '../session.js';
import type { SiteTree } from '../site-tree.js';

/** The failure of installing the wheel of the application. */
export function notInstalled(
  { manifest, target }: BuildSession,
  runtime: StagedRuntime,
  outcome: ProcessOutcome,
): FlavorError {
  const cause = outputCause(outcome);
  const { file: path, input } = manifest;
  if (input.kind !== 'wheel') {
    return new FlavorError('ERR_FLAVOR_BUILD', 'the wheel of the project cannot be installed', { cause });
  }
  const { causes, error } = uvWords(outcome.stderr);
  const name = basename(path);
  if (/not compatible|incompatible|no wheels with a matching/i.test([error, ...causes].join(' '))) {
    const where = `Python ${runtime.version} on ${targetName(target)}`;
    return new FlavorError('ERR_FLAVOR_NO_WHEEL', `${name} does not run with ${where}`, {
      path,
      hints: ['give the wheel that was built for it, or choose another Python with `--python`'],
      cause,
    });
  }
  return new FlavorError('ERR_FLAVOR_BUILD', `${name} cannot be installed: ${causes.at(-1) ?? error}`, {
    path,
    hints: ['build or download the wheel again'],
    cause,
  });
}

/** Records the digest of the wheel beside what was installed from it, as dependencies have theirs. */
export async function recordWheel({ distributions, sitePackages }: SiteTree, path: string): Promise<void> {
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  await writeResolution(
    sitePackages,
    distributions.map(({ name, version }) => ({ name, version, kind: 'wheel' as const, sha256 })),
  );
}
