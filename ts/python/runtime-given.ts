/**
 * A runtime that the user names: an archive of a standalone interpreter, or a folder with an unpacked one.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { FlavorError } from '../errors.js';
import { runsHere, targetName, uvPlatform } from '../platform.js';
import { outputCause } from './process.js';
import { copyGivenFolder } from './runtime-folder.js';
import { installFolder, installRuntime } from './runtime-install.js';
import { keepInstallation, keptInstallation } from './runtime-kept.js';
import { stagedRuntime } from './runtime-staging.js';
import type { BuildSession, InstalledRuntime } from './session.js';

/** A runtime that the user names, by absolute path. */
export interface GivenRuntime {
  readonly path: string;
  /** Expected SHA-256, only for archives. */
  readonly sha256: string | undefined;
}

const ARCHIVE_NAME = /^cpython-(\d+)\.(\d+)\.(\d+)/;

/** Stages it. */
export async function givenRuntime(session: BuildSession, given: GivenRuntime): Promise<InstalledRuntime> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(given.path)).isDirectory();
  } catch (cause) {
    throw new FlavorError('ERR_FLAVOR_NOT_FOUND', `there is no runtime at this path: ${given.path}`, {
      path: given.path,
      cause,
    });
  }
  if (!isFolder) return archiveRuntime(session, given);
  if (!runsHere(session.target)) {
    throw new FlavorError(
      'ERR_FLAVOR_RUNTIME',
      `an interpreter for ${targetName(session.target)} cannot be asked who it is here: ${given.path}`,
      { path: given.path, hints: ['give its archive instead of the folder'] },
    );
  }
  const root = join(installFolder(session), 'given');
  await copyGivenFolder(session, given.path, root);
  return stagedRuntime(session, root, 'folder', undefined);
}

/** uv unpacks the archive from a list of one entry: the same code, and the same checks, as for its own ones. */
async function archiveRuntime(session: BuildSession, given: GivenRuntime): Promise<InstalledRuntime> {
  const { path } = given;
  if (!/\.tar\.(gz|zst)$/.test(path)) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `not an archive of a standalone interpreter: ${path}`, {
      path,
      hints: ['archives end in .tar.gz or .tar.zst; a folder with an unpacked one is fine too'],
    });
  }
  const sha256 = await fileSha256(path);
  if (given.sha256 !== undefined && given.sha256.toLowerCase() !== sha256) {
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
  const kept = await keptInstallation(session, key, sha256, 'archive');
  if (kept !== undefined) return kept;
  const outcome = await installRuntime(session, key, ['--offline'], {
    UV_PYTHON_DOWNLOADS_JSON_URL: file,
    UV_PYTHON_CACHE_DIR: undefined,
    UV_PYTHON_INSTALL_MIRROR: undefined,
  });
  if (outcome.exitCode !== 0) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `the runtime archive could not be unpacked: ${path}`, {
      path,
      hints: ['it must be a python-build-standalone archive, with the folder `python` at its top'],
      cause: outputCause(outcome),
    });
  }
  const root = join(installFolder(session), key);
  const staged = await stagedRuntime(session, root, 'archive', sha256, `${major}.${minor}.${patch}`);
  return keepInstallation(session, staged, key);
}

/** Lower hex SHA-256 of a file. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) hash.update(part);
  return hash.digest('hex');
}
