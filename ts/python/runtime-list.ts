/**
 * Which runtime is taken: the newest stable one of uv's download list that the project allows. A list that the
 * user supplies is copied first, so that what was checked is what is used, and its entry must have a SHA-256:
 * uv installs an entry without one unchecked.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { FlavorError } from '../errors.js';
import { type Target, targetName, uvPlatform } from '../platform.js';
import type { Environment } from './environment.js';
import { httpGet } from './http-get.js';
import { outputCause } from './process.js';
import { type Attempt, GIVE_ARCHIVE, requestedPython } from './runtime-staging.js';
import { type BuildSession, runUv } from './session.js';

/** A runtime that uv can download. */
export interface ListedRuntime {
  /** uv's full key, libc included. */
  readonly key: string;
  readonly version: string;
  /** File name of the archive. */
  readonly archiveName: string;
  /** Digest of the archive, if the list is one that we read; uv keeps those of its own list to itself. */
  readonly sha256: string | undefined;
  /** Whether the archive is a file of this machine, so that keeping a copy of it helps nobody. */
  readonly isLocal: boolean;
  /** Undefined if uv does not say it. */
  readonly url: string | undefined;
  /** Variables under which uv sees the same list again. */
  readonly changes: Environment;
}

interface ListEntry {
  readonly key: string;
  readonly version: string;
  readonly os: string;
  readonly arch: string;
  readonly libc: string;
  readonly variant: string;
  readonly url: string | null;
  readonly implementation: string;
}

const MAX_LIST_BYTES = 64 * 1024 * 1024;
/** uv reads a file or its own list: nothing that takes time. */
const LIST_TIMEOUT_MS = 60_000;
const LIST_VARIABLE = 'UV_PYTHON_DOWNLOADS_JSON_URL';

/** Oldest minor version that packages can hold. */
const OLDEST_MINOR = 9;

/** Chooses the runtime for a build, or says why there is none. */
export async function chooseRuntime(session: BuildSession): Promise<ListedRuntime | Attempt> {
  const { manifest, target } = session;
  const request = requestedPython(session);
  const wanted = request === undefined ? 'Python' : `Python ${request}`;
  const { changes, entries, list } = await listedRuntimes(session);
  const newest = entriesFor(target, entries)[0];
  if (newest === undefined) {
    return {
      what: list === undefined ? `the list of uv ${session.uv.version}` : `the list of ${LIST_VARIABLE}`,
      why: `it has ${request === undefined ? 'none' : `no ${wanted}`} for ${targetName(target)}`,
      hints: [
        manifest.pythonVersion === undefined
          ? 'choose a version with `python_version` under `[tool.flavor]`'
          : 'choose another `python_version` under `[tool.flavor]`',
        GIVE_ARCHIVE,
      ],
    };
  }
  const sha256 = list === undefined ? undefined : requireDigest(list.document, newest.key);
  return {
    key: newest.key,
    version: newest.version,
    archiveName: decodeURIComponent((newest.url ?? '').split('/').at(-1) ?? ''),
    sha256,
    url: newest.url ?? undefined,
    isLocal: newest.url?.startsWith('file:') ?? false,
    changes,
  };
}

/** The newest version that the project allows and that each of the targets has; undefined if there is none. */
export async function commonVersion(session: BuildSession, targets: readonly Target[]): Promise<string | undefined> {
  const { entries } = await listedRuntimes(session);
  const [first = [], ...others] = targets.map((target) => entriesFor(target, entries).map(({ version }) => version));
  return first.find((version) => others.every((versions) => versions.includes(version)));
}

type UserList = NonNullable<Awaited<ReturnType<typeof userList>>>;

/** What uv can download for a version that the project allows, for any platform. */
async function listedRuntimes(
  session: BuildSession,
): Promise<{ readonly entries: readonly ListEntry[]; readonly changes: Environment; readonly list?: UserList }> {
  const request = requestedPython(session);
  const list = await userList(session);
  const changes = list?.changes ?? {};
  const outcome = await runUv(
    session,
    [
      ...['python', 'list', '--only-downloads', '--all-versions', '--all-platforms', '--all-arches'],
      ...['--output-format', 'json', ...(request ? [request] : [])],
    ],
    { ...changes, UV_PYTHON_DOWNLOADS: 'manual', UV_PYTHON_INSTALL_DIR: join(session.scratch, 'python') },
    LIST_TIMEOUT_MS,
  );
  const wanted = request === undefined ? 'Python' : `Python ${request}`;
  if (outcome.exitCode !== 0) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `uv could not tell which runtimes there are for ${wanted}`, {
      cause: outputCause(outcome),
    });
  }
  return {
    entries: JSON.parse(outcome.stdout || '[]') as ListEntry[],
    changes,
    ...(list === undefined ? {} : { list }),
  };
}

/** Entries for a target, the newest first. */
function entriesFor(target: Target, entries: readonly ListEntry[]): ListEntry[] {
  const platform = uvPlatform(target);
  const candidates = entries.filter(
    (entry) =>
      entry.implementation === 'cpython' &&
      entry.variant === 'default' &&
      isSupported(entry.version) &&
      entry.os === platform.os &&
      entry.arch === platform.arch &&
      entry.libc === platform.libc,
  );
  return candidates.sort((left, right) => compareVersions(right.version, left.version));
}

/** Finished versions only. */
function isSupported(version: string): boolean {
  const minor = /^3\.(\d+)\.\d+$/.exec(version)?.[1];
  return minor !== undefined && Number(minor) >= OLDEST_MINOR;
}

async function userList(
  session: BuildSession,
): Promise<{ readonly document: Record<string, unknown>; readonly changes: Environment } | undefined> {
  const location = session.environment[LIST_VARIABLE] ?? '';
  if (location === '') return undefined;
  let text: string;
  try {
    text = await readLocation(location, session);
    const document = JSON.parse(text) as Record<string, unknown>;
    const copy = join(session.scratch, 'downloads.json');
    await writeFile(copy, text);
    return { document, changes: { [LIST_VARIABLE]: copy } };
  } catch (cause) {
    if (session.reporter.signal.aborted) throw cause;
    throw new FlavorError('ERR_FLAVOR_RUNTIME', `the list of runtimes in ${LIST_VARIABLE} could not be read`, {
      hints: [`correct ${LIST_VARIABLE}, or unset it to use uv's own list`],
      cause,
    });
  }
}

async function readLocation(location: string, session: BuildSession): Promise<string> {
  if (location.startsWith('file:')) return readFile(fileURLToPath(location), 'utf8');
  if (!/^https?:/.test(location)) return readFile(resolve(session.manifest.folder, location), 'utf8');
  const { body } = await httpGet({
    url: new URL(location),
    accept: 'application/json',
    environment: session.environment,
    signal: session.reporter.signal,
    maxBytes: MAX_LIST_BYTES,
  });
  return body.toString('utf8');
}

function requireDigest(document: Record<string, unknown>, key: string): string {
  // uv shows another name for the system than its lists have.
  const entry = (document[key] ?? document[key.replace('-macos-', '-darwin-')]) as
    | { readonly sha256?: unknown }
    | undefined;
  if (typeof entry?.sha256 === 'string' && /^[0-9a-f]{64}$/i.test(entry.sha256)) return entry.sha256.toLowerCase();
  throw new FlavorError('ERR_FLAVOR_RUNTIME', `the list of ${LIST_VARIABLE} has no SHA-256 for ${key}`, {
    hints: ['add `sha256` to the entry; without it nobody could tell which interpreter is packed'],
  });
}

function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let index = 0; index < 3; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
