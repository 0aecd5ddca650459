/**
 * `lock`: writes what a package of the project will hold as a standard lock file (`pylock.toml`), which `pack` obeys from
 * then on. Resolves through uv for every platform, keeps versions that a former lock file has where they still fit,
 * and puts neither credentials nor paths of this machine into the file.
 */

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, relative, resolve } from 'node:path';
import { baseFolder, openRuntime, type ProjectOptions, readProject, withSession } from './build-session.js';
import { FlavorError } from './errors.js';
import type { ProjectManifest } from './manifest/load.js';
import { isFile } from './presence.js';
import { type ObservableOptions, observed, type Reporter, stage } from './progress.js';
import { wholeDocument } from './python/lock-additions.js';
import { type LockDocument, readLockDocument } from './python/lock-document.js';
import { chooseLock } from './python/lock-file.js';
import { renderLock } from './python/lock-rendering.js';
import {
  checkSelection,
  lockedDocument,
  type ProjectRequirements,
  type ResolutionRequest,
} from './python/lock-resolution.js';
import { buildWheel } from './python/project.js';
import { copySources } from './python/project-sources.js';
import { requirementsFor } from './python/requirements.js';
import type { BuildSession, StagedRuntime } from './python/session.js';

/** Options of {@link lock}. */
export interface LockOptions extends Omit<ProjectOptions, 'runtime' | 'locked' | 'noBuild'>, ObservableOptions {
  /**
   * File to write: `pylock.toml` or `pylock.<name>.toml`.
   * @default `pylock.toml` beside the manifest
   */
  readonly output?: string | undefined;
  /**
   * Compares instead of writing; a file that differs is an error.
   * @default false
   */
  readonly check?: boolean | undefined;
  /**
   * Resolves anew instead of keeping versions of the former file.
   * @default false
   */
  readonly upgrade?: boolean | undefined;
}

/** What {@link lock} did. */
export interface LockResult {
  /** Absolute path of the file. */
  readonly path: string;
  /** Whether the file was not there or said something else. */
  readonly changed: boolean;
  /** What decided: the project's `uv.lock`, or a resolution. */
  readonly source: 'uv.lock' | 'resolution';
  /** What is locked, as `name==version`, or the name where the version is found out by a build; sorted. */
  readonly packages: readonly string[];
}

/**
 * Writes the lock file of a project.
 *
 * @throws {FlavorError} `ERR_FLAVOR_LOCK` if `check` is given and the file differs, or if the project's `uv.lock` does
 * not fit it; `ERR_FLAVOR_OPTION` if the output cannot be the name of a lock file; `ERR_FLAVOR_OUTPUT` if it cannot be
 * written; otherwise as `pack` while it resolves.
 */
export function lock(options: LockOptions = {}): Promise<LockResult> {
  return observed(options, (reporter) => lockObserved(options, reporter));
}

async function lockObserved(options: LockOptions, reporter: Reporter): Promise<LockResult> {
  const manifest = await readProject(options);
  const path = options.output === undefined ? manifest.pylock : resolve(baseFolder(options), options.output);
  if (!/^pylock(\.[^.]+)?\.toml$/.test(basename(path))) {
    throw new FlavorError('ERR_FLAVOR_OPTION', `not the name of a lock file: ${basename(path)}`, {
      path,
      hints: ['lock files are called pylock.toml or pylock.<name>.toml'],
    });
  }
  return withSession({ options: { ...options, locked: true }, manifest, reporter }, async (session) => {
    const runtime = await openRuntime(session, options);
    const project = await projectRequirements(session, runtime);
    const before = await textOf(path);
    const request: ResolutionRequest = {
      session,
      runtime,
      project,
      context: {
        requirements: project.requirements,
        target: session.target,
        offline: session.options.offline,
        original: project.sources.original,
      },
      universal: {
        pythonVersion: oldestPython(manifest, runtime),
        previous: before === undefined || options.upgrade === true ? undefined : path,
      },
    };
    const { document, source } = await stage(reporter, 'dependencies', 'resolving dependencies', async () => {
      const value = await resolved(request);
      return { value, detail: `${value.document.packages.length} distributions (${value.source})` };
    });
    const folder = dirname(path);
    const { text, machineOnly } = renderLock(document, { folder, original: project.sources.original });
    if (machineOnly.length > 0) {
      reporter.emit({ type: 'warning', message: `only this machine has the files of ${machineOnly.join(', ')}` });
    }
    const changed = before === undefined || (await normalised(path, folder)) !== text;
    if (changed && options.check === true) throw differs(path, await packagesOf(path), namesOf(document));
    if (changed) await writeWhole(path, text);
    return { path, changed, source, packages: namesOf(document) };
  });
}

/** Only where the back end decides, a wheel must be built to know the requirements. */
async function projectRequirements(session: BuildSession, runtime: StagedRuntime): Promise<ProjectRequirements> {
  const { manifest, options } = session;
  const { dependencies, optionalDependencies } = manifest;
  if (dependencies === undefined || optionalDependencies === undefined) return buildWheel(session, runtime);
  const optional = [...optionalDependencies].flatMap(([extra, lines]) =>
    lines.map((line) => {
      const [requirement = '', marker] = line.split(/\s;|;\s/, 2);
      return `${requirement} ; ${marker === undefined ? '' : `(${marker.trim()}) and `}extra == '${extra}'`;
    }),
  );
  return {
    requirements: requirementsFor([...dependencies, ...optional], manifest.distribution, options.extras),
    extras: [...optionalDependencies.keys()],
    sources: await copySources(session),
  };
}

async function resolved(
  request: ResolutionRequest,
): Promise<{ readonly document: LockDocument; readonly source: LockResult['source'] }> {
  checkSelection(request);
  const { session, project } = request;
  // A lock file that this command writes, and files that it does not know the platforms of, decide nothing here.
  const { lock: wanted } = session.manifest.build;
  const build = { ...session.manifest.build, lock: wanted === 'uv' ? wanted : ('auto' as const), requirements: [] };
  const choice = await chooseLock(
    { manifest: { ...session.manifest, build }, options: { ...session.options, locked: false } },
    project.sources,
  );
  const isUv = choice.kind === 'uv' && wanted !== 'none';
  const locked = isUv ? await lockedDocument(request, choice) : undefined;
  return { document: await wholeDocument(request, locked), source: isUv ? 'uv.lock' : 'resolution' };
}

/** The oldest Python that the lock serves: a version that the manifest pins, else the one its project begins with. */
function oldestPython(manifest: ProjectManifest, runtime: StagedRuntime): string {
  if (manifest.pythonVersion !== undefined) return manifest.pythonVersion;
  return /(?:>=|~=|==)\s*(3\.\d+)/.exec(manifest.requiresPython ?? '')?.[1] ?? runtime.minor;
}

function namesOf({ packages }: LockDocument): string[] {
  return packages.map(({ name, version }) => (version === undefined ? name : `${name}==${version}`)).sort();
}

async function packagesOf(path: string): Promise<string[]> {
  return (await textOf(path)) === undefined ? [] : namesOf(await readLockDocument(path));
}

/** What a file says, in our words: another tool may have written it. */
async function normalised(path: string, folder: string): Promise<string> {
  return renderLock(await readLockDocument(path), { folder, original: (text) => text }).text;
}

async function textOf(path: string): Promise<string | undefined> {
  return (await isFile(path)) ? readFile(path, 'utf8') : undefined;
}

async function writeWhole(path: string, text: string): Promise<void> {
  const staged = `${path}.${process.pid}.part`;
  try {
    await writeFile(staged, text, { flag: 'wx' });
    await rename(staged, path);
  } catch (cause) {
    await rm(staged, { force: true });
    throw new FlavorError('ERR_FLAVOR_OUTPUT', `the lock file could not be written: ${path}`, { path, cause });
  }
}

function differs(path: string, before: readonly string[], after: readonly string[]): FlavorError {
  const added = after.filter((name) => !before.includes(name)).map((name) => `+${name}`);
  const removed = before.filter((name) => !after.includes(name)).map((name) => `-${name}`);
  const changes = [...removed, ...added].join(', ');
  const what = before.length === 0 ? 'is not there' : `is not up to date${changes === '' ? '' : ` (${changes})`}`;
  return new FlavorError('ERR_FLAVOR_LOCK', `the lock file ${what}: ${path}`, {
    path,
    hints: [`\`flavor lock\` in ${relative(process.cwd(), dirname(path)) || 'this folder'} writes it anew`],
  });
}
