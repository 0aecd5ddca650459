/**
 * Standalone interpreters, as uv knows them: from an archive that is kept in a cache, else from the network or the
 * user's mirror. Digests are uv's: those of its own list, or of the list that the user supplies.
 */

import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { cacheDirectory } from '../cache-directory.js';
import { FlavorError, isSystemError } from '../errors.js';
import { type Environment, isOn } from './environment.js';
import { outputCause, type ProcessOutcome } from './process.js';
import { fileSha256 } from './runtime-given.js';
import { failureOf, installFolder, installRuntime } from './runtime-install.js';
import { keepInstallation, keptInstallation } from './runtime-kept.js';
import { chooseRuntime, type ListedRuntime } from './runtime-list.js';
import { type Attempt, GIVE_ARCHIVE, stagedRuntime } from './runtime-staging.js';
import type { BuildSession, InstalledRuntime, RuntimeSource } from './session.js';
import { sortedEntries } from './tree.js';

/** A dead mirror must not cost minutes; a user who knows better says so with the same variables. */
const PROBING = { UV_HTTP_RETRIES: '1', UV_HTTP_TIMEOUT: '15' } as const;

const WRONG_ARCHIVE = 'the mirror serves another file than the list describes; ask whoever runs it';
/** An archive is unpacked while it arrives, so that a lost connection looks like a damaged archive. */
const CUT_OFF = /timed out|timeout|connection|error reading a body|end of file|incomplete/i;

/** Stages the newest one that the project allows, or says why there is none. */
export async function managedRuntime(session: BuildSession): Promise<InstalledRuntime | Attempt> {
  const listed = await chooseRuntime(session);
  if ('why' in listed) return listed;
  const cache = await archiveCache(session, listed);
  const root = join(installFolder(session), listed.key);
  const stage = async (before: readonly string[]): Promise<InstalledRuntime> => {
    const [source, sha256] = await originOf(cache.path, listed, before);
    const staged = await stagedRuntime(session, root, source, sha256, listed.version);
    return keepInstallation(session, staged, listed.key);
  };
  const before = await archivesOf(cache.path, listed);
  const digest = listed.sha256 ?? (session.cache && (await digestOf(cache.path, before)));
  const kept = await keptInstallation(session, listed.key, digest, 'build-cache');
  if (kept !== undefined) return kept;
  if (before.length > 0) {
    const outcome = await installRuntime(session, listed.key, ['--offline'], cache.changes);
    if (outcome.exitCode === 0) return stage(before);
    await handleDamage(cache, before, outcome);
  }
  const obstacle = downloadObstacle(session, listed) ?? (await localObstacle(listed));
  if (obstacle !== undefined) return obstacle;
  const probing: Environment = Object.fromEntries(
    Object.entries(PROBING).filter(([name]) => (session.environment[name] ?? '') === ''),
  );
  const outcome = await installRuntime(session, listed.key, [], { ...cache.changes, ...probing });
  return outcome.exitCode === 0 ? stage(before) : notInstalled(listed, outcome);
}

/** What the user forbids is not tried. */
function downloadObstacle({ environment, options }: BuildSession, listed: ListedRuntime): Attempt | undefined {
  if (listed.isLocal) return undefined;
  const what = `uv's archive of ${listed.key}`;
  const isOffline = options.offline || isOn(environment['UV_OFFLINE']);
  const forbidden = isOffline
    ? `${options.offline ? '--offline' : 'UV_OFFLINE'} forbids to get it`
    : environment['UV_PYTHON_DOWNLOADS'] === 'never'
      ? 'UV_PYTHON_DOWNLOADS=never forbids to get it'
      : undefined;
  if (forbidden === undefined) return undefined;
  return {
    what,
    why: `it is not in the archive cache, and ${forbidden}`,
    hints: ['set UV_PYTHON_CACHE_DIR to a folder that holds the archive', GIVE_ARCHIVE],
  };
}

/** What lies on this machine can be looked at first; uv would unpack another archive before it noticed. */
async function localObstacle(listed: ListedRuntime): Promise<Attempt | undefined> {
  if (!listed.isLocal || listed.url === undefined || listed.sha256 === undefined) return undefined;
  const path = fileURLToPath(listed.url);
  let got: string;
  try {
    got = await fileSha256(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return {
      what: `uv's archive of ${listed.key}`,
      why: `it cannot be read (${error.code ?? error.message}): ${path}`,
      hints: ['correct the address in the list of UV_PYTHON_DOWNLOADS_JSON_URL'],
      cause: error,
    };
  }
  if (got === listed.sha256) return undefined;
  throw new FlavorError(
    'ERR_FLAVOR_RUNTIME',
    `the archive of Python ${listed.version} does not match (got SHA-256 ${got}, expected ${listed.sha256}): ${path}`,
    { path, hints: [WRONG_ARCHIVE] },
  );
}

interface ArchiveCache {
  /** Empty if archives are not kept. */
  readonly path: string;
  readonly isOurs: boolean;
  readonly changes: Environment;
}

/** The user's archive cache, else one of ours; none for local archives, which uv would refuse to copy when offline. */
async function archiveCache(session: BuildSession, listed: ListedRuntime): Promise<ArchiveCache> {
  const chosen = session.environment['UV_PYTHON_CACHE_DIR'] ?? '';
  if (chosen !== '') {
    return { path: resolve(session.manifest.folder, chosen), isOurs: false, changes: listed.changes };
  }
  if (listed.isLocal) return { path: '', isOurs: true, changes: listed.changes };
  const path = join(cacheDirectory(session.environment), 'runtimes');
  await mkdir(path, { recursive: true, mode: 0o700 });
  return { path, isOurs: true, changes: { ...listed.changes, UV_PYTHON_CACHE_DIR: path } };
}

/** Whether an archive is not what it should be; one that a full disk kept from being unpacked is not called so. */
function isDamaged({ stderr }: ProcessOutcome): boolean {
  return /Hash mismatch|Failed to extract/.test(stderr) && !/No space left on device/.test(stderr);
}

/** A damaged archive of ours is removed, so that it is fetched again; one of the user's is named. */
async function handleDamage(cache: ArchiveCache, names: readonly string[], outcome: ProcessOutcome): Promise<void> {
  if (!isDamaged(outcome)) return;
  if (!cache.isOurs) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `an archive in UV_PYTHON_CACHE_DIR is damaged: ${names.join(', ')}`, {
      path: cache.path,
      hints: ['remove that file; it is downloaded again'],
      cause: outputCause(outcome),
    });
  }
  for (const name of names) await rm(join(cache.path, name), { force: true });
}

/** A wrong archive is no reason to look elsewhere: somebody serves what nobody promised. */
function notInstalled(listed: ListedRuntime, outcome: ProcessOutcome): Attempt {
  const cause = outputCause(outcome);
  if (isDamaged(outcome) && !CUT_OFF.test(outcome.stderr)) {
    throw new FlavorError(
      'ERR_FLAVOR_RUNTIME',
      `the archive of Python ${listed.version} is not the one of uv's download list: ${failureOf(outcome)}`,
      { hints: [WRONG_ARCHIVE], cause },
    );
  }
  return {
    what: `uv's archive of ${listed.key}`,
    why: failureOf(outcome),
    hints: [
      'with a mirror, set UV_PYTHON_INSTALL_MIRROR; behind a proxy, HTTPS_PROXY and SSL_CERT_FILE',
      'on a slow network, set UV_HTTP_TIMEOUT and UV_HTTP_RETRIES',
      GIVE_ARCHIVE,
    ],
    cause,
  };
}

/** Archives of a runtime in uv's archive cache: nine hex digits of the digest, then the archive's name. */
async function archivesOf(cache: string, listed: ListedRuntime): Promise<string[]> {
  if (cache === '') return [];
  const names = (await sortedEntries(cache)).filter((entry) => entry.isFile()).map((entry) => entry.name);
  return names.filter((name) => /^[0-9a-f]{9}-/.test(name) && name.slice(10) === listed.archiveName);
}

/** `--offline` does not keep uv from `file:` addresses; only an unchanged cache proves that it was the source. */
async function originOf(
  cache: string,
  listed: ListedRuntime,
  before: readonly string[],
): Promise<readonly [RuntimeSource, string | undefined]> {
  const after = await archivesOf(cache, listed);
  const source = before.length > 0 && after.every((name) => before.includes(name)) ? 'uv-cache' : 'uv-install';
  if (listed.sha256 !== undefined) return [source, listed.sha256];
  // uv compared the archive with its own list, which it does not show; the cache holds what was compared.
  return [source, await digestOf(cache, after)];
}

/** Digest of the one archive whose content is what its name says. */
async function digestOf(cache: string, names: readonly string[]): Promise<string | undefined> {
  const digests = await Promise.all(names.map((name) => fileSha256(join(cache, name))));
  const genuine = digests.filter((digest, index) => names[index]?.startsWith(digest.slice(0, 9)));
  return genuine.length === 1 ? genuine[0] : undefined;
}
