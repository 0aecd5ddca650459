/**
 * Finds uv: FLAVOR_UV, then PATH, then the pinned wheel of the package index, kept in the user's cache. What is
 * fetched is compared with the digests that this package was published with before anything of it is written.
 */

import { constants } from 'node:fs';
import { access, chmod, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';

import { unzipSync } from 'fflate';

import { cacheDirectory } from '../cache-directory.js';
import { FlavorError } from '../errors.js';
import { hostTarget, targetName } from '../platform.js';
import type { Reporter } from '../progress.js';
import type { Environment } from './environment.js';
import { fetchIndexFile } from './index-client.js';
import { runProcess } from './process.js';
import { UV_VERSION, UV_WHEELS } from './uv-digests.js';

/** The uv that is used. */
export interface Uv {
  readonly path: string;
  readonly version: string;
}

/** Flags that we pass exist since this version; an older uv on PATH is passed over. */
const OLDEST_USABLE = [0, 8, 0] as const;
const PROGRAM = process.platform === 'win32' ? 'uv.exe' : 'uv';

/** Where uv comes from, as far as it must be decided. */
export interface UvRequest {
  readonly environment: Environment;
  readonly cwd: string;
  readonly reporter: Reporter;
}

/** Finds or fetches uv. */
export async function findUv(request: UvRequest): Promise<Uv> {
  const { environment, cwd, reporter } = request;
  const named = environment['FLAVOR_UV'] ?? '';
  if (named !== '') {
    const path = resolve(cwd, named);
    const version = await versionOf(path, request);
    if (version === undefined) {
      throw new FlavorError('ERR_FLAVOR_UV', `FLAVOR_UV does not name a uv program: ${path}`, {
        path,
        hints: ['unset FLAVOR_UV to let flavor find or fetch uv'],
      });
    }
    return { path, version };
  }
  for (const folder of (environment['PATH'] ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, PROGRAM);
    const version = await versionOf(path, request);
    if (version !== undefined && isUsable(version)) return { path, version };
  }
  const path = await fetchedUv(request);
  reporter.emit({ type: 'stage', stage: 'uv', state: 'done', detail: `uv ${UV_VERSION}` });
  return { path, version: UV_VERSION };
}

async function versionOf(path: string, { environment, cwd, reporter }: UvRequest): Promise<string | undefined> {
  try {
    await access(path, constants.X_OK);
    if (!(await stat(path)).isFile()) return undefined;
    const outcome = await runProcess({
      file: path,
      args: ['--version'],
      cwd,
      environment,
      signal: reporter.signal,
      timeoutMs: 20_000,
    });
    return outcome.exitCode === 0 ? /^uv (\d+\.\d+\.\d+)/.exec(outcome.stdout)?.[1] : undefined;
  } catch (error) {
    if (reporter.signal.aborted) throw error;
    return undefined;
  }
}

function isUsable(version: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, oldest] of OLDEST_USABLE.entries()) {
    const part = parts[index] ?? 0;
    if (part !== oldest) return part > oldest;
  }
  return true;
}

async function fetchedUv(request: UvRequest): Promise<string> {
  const { environment, reporter } = request;
  const target = targetName(hostTarget());
  const wheel = UV_WHEELS[target];
  const path = join(cacheDirectory(environment), 'tools', `uv-${UV_VERSION}-${target}`, PROGRAM);
  if ((await versionOf(path, request)) === UV_VERSION) return path;
  if (wheel === undefined) {
    throw new FlavorError('ERR_FLAVOR_UV', `no uv is published for ${target}`);
  }
  reporter.emit({ type: 'stage', stage: 'uv', state: 'start', detail: `fetching uv ${UV_VERSION}` });
  try {
    const bytes = await fetchIndexFile({ project: 'uv', ...wheel, environment, signal: reporter.signal });
    const member = `uv-${UV_VERSION}.data/scripts/${PROGRAM}`;
    const program = unzipSync(bytes, { filter: (file) => file.name === member })[member];
    if (program === undefined) throw new Error(`${wheel.fileName} does not hold ${member}`);
    await publish(path, program);
  } catch (cause) {
    if (reporter.signal.aborted) throw cause;
    throw new FlavorError('ERR_FLAVOR_UV', `uv ${UV_VERSION} is not on this machine and could not be fetched`, {
      hints: [
        'install uv and put it on PATH, or set FLAVOR_UV to its path',
        'behind a company index, set UV_DEFAULT_INDEX; behind a proxy, HTTPS_PROXY and SSL_CERT_FILE',
      ],
      cause,
    });
  }
  return path;
}

async function publish(path: string, program: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const staged = `${path}.${process.pid}`;
  try {
    await writeFile(staged, program, { flag: 'wx', mode: 0o755 });
    await chmod(staged, 0o755);
    await rename(staged, path);
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
}
