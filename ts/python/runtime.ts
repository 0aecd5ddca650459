/**
 * Gets the interpreter that is packaged: one that the user gives, one whose archive is in uv's cache, or one that
 * uv downloads. Never the machine's own interpreter, never another version than the chosen one.
 *
 * What comes out is an untouched installation in the scratch folder: extension modules of dependencies are built
 * against it, headers included. `runtime-tree.ts` turns it into the content of a slot afterwards.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { cacheDirectory } from '../cache-directory.js';
import { FlavorError } from '../errors.js';
import { targetName, uvPlatform } from '../platform.js';
import type { Environment } from './environment.js';
import { outputCause, type ProcessOutcome } from './process.js';
import { copyGivenFolder } from './runtime-folder.js';
import { chooseRuntime, type ListedRuntime } from './runtime-list.js';
import { queryInterpreter } from './runtime-query.js';
import { type BuildSession, type RuntimeSource, runUv, type StagedRuntime } from './session.js';
import { sortedEntries } from './tree.js';

/** A runtime that the user names, by absolute path. */
export interface GivenRuntime {
  readonly path: string;
  /** Expected SHA-256, only for archives. */
  readonly sha256: string | undefined;
}

/** A dead mirror must not cost minutes; a user who knows better says so with the same variables. */
const PROBING = { UV_HTTP_RETRIES: '1', UV_HTTP_TIMEOUT: '15' } as const;
const ARCHIVE_NAME = /^cpython-(\d+)\.(\d+)\.(\d+)/;

/** Stages the runtime of a build. */
export async function stageRuntime(session: BuildSession, given: GivenRuntime | undefined): Promise<StagedRuntime> {
  if (given === undefined) return listedRuntime(session);
  let isFolder: boolean;
  try {
    isFolder = (await stat(given.path)).isDirectory();
  } catch (cause) {
    throw new FlavorError('ERR_FLAVOR_NOT_FOUND', `there is no runtime at this path: ${given.path}`, {
      path: given.path,
      cause,
    });
  }
  return isFolder ? folderRuntime(session, given.path) : archiveRuntime(session, given);
}

async function folderRuntime(session: BuildSession, path: string): Promise<StagedRuntime> {
  const root = join(session.scratch, 'python', 'given');
  await copyGivenFolder(session, path, root);
  return stagedRuntime(session, root, 'folder');
}

/** uv unpacks the archive from a list of one entry: the same code, and the same checks, as for its own ones. */
async function archiveRuntime(session: BuildSession, given: GivenRuntime): Promise<StagedRuntime> {
  const { path } = given;
  if (!/\.tar\.(gz|zst)$/.test(path)) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `not an archive of a standalone interpreter: ${path}`, {
      path,
      hints: ['archives end in .tar.gz or .tar.zst; a folder with an unpacked one is fine too'],
    });
  }
  const sha256 = await fileSha256(path);
  if (given.sha256 !== undefined && given.sha256 !== sha256) {
    throw new FlavorError(
      'ERR_FLAVOR_RUNTIME',
      `SHA-256 of the runtime archive does not match (got ${sha256}, expected ${given.sha256}): ${path}`,
      { path, hints: ['correct `sha256` under `[tool.flavor.python]`, or get the archive again'] },
    );
  }
  const version =
    ARCHIVE_NAME.exec(basename(path)) ?? /^(\d+)\.(\d+)(?:\.(\d+))?$/.exec(session.manifest.pythonVersion ?? '');
  if (version === null) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `the version of the runtime is not in its file name: ${path}`, {
      path,
      hints: ['set `python_version` under `[tool.flavor]`'],
    });
  }
  const [major = 3, minor = 0, patch = 0] = version.slice(1).map((part) => Number(part ?? 0));
  const platform = uvPlatform(session.target);
  const key = `cpython-${major}.${minor}.${patch}-${platform.os}-${platform.arch}-${platform.libc}`;
  const list = {
    [key]: {
      name: 'cpython',
      arch: { family: platform.arch, variant: null },
      os: platform.os === 'macos' ? 'darwin' : platform.os,
      libc: platform.libc,
      major,
      minor,
      patch,
      prerelease: '',
      url: pathToFileURL(path).href.replaceAll('+', '%2B'),
      sha256,
      variant: null,
      build: null,
    },
  };
  const file = join(session.scratch, 'given-runtime.json');
  await writeFile(file, JSON.stringify(list));
  const changes = {
    UV_PYTHON_DOWNLOADS_JSON_URL: file,
    UV_PYTHON_CACHE_DIR: undefined,
    UV_PYTHON_INSTALL_MIRROR: undefined,
  };
  const outcome = await install(session, key, ['--offline'], changes);
  if (outcome.exitCode !== 0) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `the runtime archive could not be unpacked: ${path}`, {
      path,
      hints: ['it must be a python-build-standalone archive, with the folder `python` at its top'],
      cause: outputCause(outcome),
    });
  }
  return stagedRuntime(session, join(installFolder(session), key), 'archive');
}

async function listedRuntime(session: BuildSession): Promise<StagedRuntime> {
  const listed = await chooseRuntime(session);
  const cache = await archiveCache(session, listed);
  const root = join(installFolder(session), listed.key);
  const before = await archivesOf(cache.path, listed);
  if (before.length > 0) {
    const outcome = await install(session, listed.key, ['--offline'], cache.changes);
    if (outcome.exitCode === 0) return stagedRuntime(session, root, await sourceOf(cache.path, listed, before));
    await handleDamage(cache, before, outcome);
  }
  const probing: Environment = Object.fromEntries(
    Object.entries(PROBING).filter(([name]) => (session.environment[name] ?? '') === ''),
  );
  const outcome = await install(session, listed.key, [], { ...cache.changes, ...probing });
  if (outcome.exitCode !== 0) throw notInstalled(session, listed, outcome);
  return stagedRuntime(session, root, await sourceOf(cache.path, listed, before));
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

/** A damaged archive of ours is removed, so that it is fetched again; one of the user's is named. */
async function handleDamage(cache: ArchiveCache, names: readonly string[], outcome: ProcessOutcome): Promise<void> {
  if (!/Hash mismatch|Failed to extract/.test(outcome.stderr)) return;
  if (!cache.isOurs) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `an archive in UV_PYTHON_CACHE_DIR is damaged: ${names.join(', ')}`, {
      path: cache.path,
      hints: ['remove that file; it is downloaded again'],
      cause: outputCause(outcome),
    });
  }
  for (const name of names) await rm(join(cache.path, name), { force: true });
}

function notInstalled(session: BuildSession, listed: ListedRuntime, outcome: ProcessOutcome): FlavorError {
  const mismatch = /Hash mismatch/.test(outcome.stderr);
  return new FlavorError(
    'ERR_FLAVOR_RUNTIME',
    mismatch
      ? `the archive of Python ${listed.version} does not have the SHA-256 of uv's download list`
      : `Python ${listed.version} for ${targetName(session.target)} could not be installed by uv`,
    {
      hints: mismatch
        ? ['the mirror serves another file than the list describes; ask whoever runs it']
        : [
            'with a mirror, set UV_PYTHON_INSTALL_MIRROR; behind a proxy, HTTPS_PROXY and SSL_CERT_FILE',
            'without a network, give an archive of a standalone interpreter with `--python-archive`',
          ],
      cause: outputCause(outcome),
    },
  );
}

function installFolder(session: BuildSession): string {
  return join(session.scratch, 'python');
}

function install(
  session: BuildSession,
  key: string,
  flags: readonly string[],
  changes: Environment,
): Promise<ProcessOutcome> {
  return runUv(session, ['python', 'install', ...flags, key], {
    ...changes,
    UV_PYTHON_INSTALL_DIR: installFolder(session),
    UV_PYTHON_INSTALL_BIN: '0',
    UV_PYTHON_INSTALL_REGISTRY: '0',
  });
}

/** Archives of a runtime in uv's archive cache: nine hex digits of the digest, then the archive's name. */
async function archivesOf(cache: string, listed: ListedRuntime): Promise<string[]> {
  if (cache === '') return [];
  const names = (await sortedEntries(cache)).filter((entry) => entry.isFile()).map((entry) => entry.name);
  return names.filter((name) => /^[0-9a-f]{9}-/.test(name) && name.includes(`-cpython-${listed.version}`));
}

/** `--offline` does not keep uv from `file:` addresses; only an unchanged cache proves that it was the source. */
async function sourceOf(cache: string, listed: ListedRuntime, before: readonly string[]): Promise<RuntimeSource> {
  const after = await archivesOf(cache, listed);
  return before.length > 0 && after.every((name) => before.includes(name)) ? 'uv-cache' : 'uv-install';
}

async function stagedRuntime(session: BuildSession, root: string, source: RuntimeSource): Promise<StagedRuntime> {
  const { interpreter, version } = await queryInterpreter(session, root);
  const minor = version.split('.').slice(0, 2).join('.');
  const wanted = session.manifest.pythonVersion;
  if (wanted !== undefined && version !== wanted && minor !== wanted) {
    throw new FlavorError(
      'ERR_FLAVOR_RUNTIME',
      `the runtime has another version than the manifest asks for (got ${version}, expected ${wanted})`,
      { hints: ['correct `python_version` under `[tool.flavor]`, or give another runtime'] },
    );
  }
  return { root, interpreter, version, minor, source, portable: true };
}

async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) hash.update(part);
  return hash.digest('hex');
}
