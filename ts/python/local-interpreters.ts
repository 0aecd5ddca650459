/**
 * Finds interpreters of this machine that could be copied into a package, and says of each of the others why it
 * cannot: uv knows where interpreters are, and which of them the project allows. Interpreters that pyenv has but
 * does not currently offer count as well. Each candidate is asked where its files are; nothing else of it is run.
 */

import { readFile, readlink, realpath } from 'node:fs/promises';
import { basename, delimiter, dirname, isAbsolute, join } from 'node:path';

import { isSystemError } from '../errors.js';
import { uvPlatform } from '../platform.js';
import { outputCause, runProcess } from './process.js';
import { type BuildSession, runUv } from './session.js';
import { sortedEntries } from './tree.js';

/** An interpreter and where its files are; all paths without links on the way. */
export interface LocalInterpreter {
  readonly version: string;
  readonly minor: string;
  readonly executable: string;
  readonly prefix: string;
  /** `<prefix>/lib/python3.X`. */
  readonly library: string;
}

/** What was found. */
export interface LocalInterpreters {
  /** Newest first. */
  readonly usable: readonly LocalInterpreter[];
  /** One sentence for each that was passed over. */
  readonly refused: readonly string[];
}

interface Facts {
  readonly version: string;
  readonly prefix: string;
  readonly executable: string;
  readonly library: string;
  readonly platlibdir: string;
}

const QUESTION = `
import json, os, sys, sysconfig
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3],
    "prefix": os.path.realpath(sys.base_prefix),
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "library": os.path.realpath(os.path.dirname(os.__file__)),
    "platlibdir": getattr(sys, "platlibdir", "lib"),
}))
`;
const OLDEST_MINOR = 9;
const TIMEOUT_MS = 20_000;

/** Looks for interpreters that a request such as `3.12` or `>=3.11` allows. */
export async function localInterpreters(
  session: BuildSession,
  request: string | undefined,
): Promise<LocalInterpreters> {
  const { libc } = uvPlatform(session.target);
  if (libc !== 'gnu') return { usable: [], refused: ['interpreters are copied on Linux with glibc only'] };
  const usable = new Map<string, LocalInterpreter>();
  const refused = new Map<string, string>();
  for (const path of await candidates(session, request)) {
    const facts = await factsOf(session, path);
    if (facts === undefined || usable.has(facts.executable) || refused.has(facts.executable)) continue;
    const why = await obstacle(facts);
    if (why === undefined) {
      const { version, executable, prefix, library } = facts;
      const minor = version.split('.').slice(0, 2).join('.');
      usable.set(facts.executable, { version, minor, executable, prefix, library });
    } else {
      refused.set(facts.executable, `${facts.version} of ${facts.executable} ${why}`);
    }
  }
  return { usable: [...usable.values()], refused: [...refused.values()] };
}

/** Paths of interpreters, newest version first. */
async function candidates(session: BuildSession, request: string | undefined): Promise<string[]> {
  const path = [session.environment['PATH'] ?? '', ...(await pyenvFolders(session))].join(delimiter);
  const outcome = await runUv(
    session,
    ['python', 'list', '--only-installed', '--output-format', 'json', ...(request === undefined ? [] : [request])],
    // Not those that uv installed into the scratch folder of this build.
    { PATH: path, UV_PYTHON_PREFERENCE: 'managed', UV_PYTHON_DOWNLOADS: 'never' },
    3 * TIMEOUT_MS,
  );
  if (outcome.exitCode !== 0) return [];
  const entries = JSON.parse(outcome.stdout || '[]') as {
    readonly path: string | null;
    readonly version: string;
    readonly variant: string;
    readonly implementation: string;
  }[];
  return entries
    .filter(
      ({ implementation, variant, version }) =>
        implementation === 'cpython' && variant === 'default' && isSupported(version),
    )
    .flatMap(({ path: found }) => (found === null ? [] : [found]));
}

function isSupported(version: string): boolean {
  const [, minor] = /^3\.(\d+)\.\d+$/.exec(version) ?? [];
  return minor !== undefined && Number(minor) >= OLDEST_MINOR;
}

/** pyenv has one program of a name on PATH, for the version that is chosen at the moment. */
async function pyenvFolders(session: BuildSession): Promise<string[]> {
  const folders: string[] = [];
  for (const folder of (session.environment['PATH'] ?? '').split(delimiter)) {
    if (!isAbsolute(folder) || basename(folder) !== 'shims') continue;
    const versions = join(dirname(folder), 'versions');
    folders.push(...(await sortedEntries(versions)).map(({ name }) => join(versions, name, 'bin')));
  }
  return folders;
}

async function factsOf(session: BuildSession, path: string): Promise<Facts | undefined> {
  try {
    const outcome = await runProcess({
      file: path,
      args: ['-I', '-S', '-B', '-c', QUESTION],
      cwd: session.scratch,
      environment: session.environment,
      signal: session.reporter.signal,
      timeoutMs: TIMEOUT_MS,
    });
    if (outcome.exitCode !== 0) throw outputCause(outcome);
    return JSON.parse(outcome.stdout) as Facts;
  } catch (error) {
    if (session.reporter.signal.aborted) throw error;
    return undefined;
  }
}

/** Why an interpreter cannot be copied. */
async function obstacle(facts: Facts): Promise<string | undefined> {
  const { prefix, library, version } = facts;
  const minor = version.split('.').slice(0, 2).join('.');
  const site = await readFile(join(library, 'site.py'), 'utf8').catch(() => '');
  if (site.includes('dist-packages')) return 'is laid out by Debian (dist-packages instead of site-packages)';
  for (const name of ['sitecustomize.py', 'usercustomize.py']) {
    const path = join(library, name);
    const link = await readlink(path).catch(() => undefined);
    if (link !== undefined) return `runs ${await realpath(path).catch(() => link)} in every program`;
    if ((await readFile(path).catch(notThere)) !== undefined) return `runs ${path} in every program`;
  }
  if (facts.platlibdir !== 'lib' || library !== join(prefix, 'lib', `python${minor}`)) {
    return `keeps its library in ${library}, where no relocated interpreter looks`;
  }
  return undefined;
}

function notThere(error: unknown): undefined {
  if (isSystemError(error)) return undefined;
  throw error;
}
