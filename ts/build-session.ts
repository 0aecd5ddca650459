/**
 * Opens what the stages of a build share, for every command that builds: the manifest with what the caller puts on top
 * of it, uv, the scratch folder, and the environment of everything that is started. That environment never holds the
 * variable that leads to the project's key (security.md S25), whoever opens the session.
 */

import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { closeBuildCache, openBuildCache } from './build-cache/build-cache.js';
import { type ProgramChoice, withProgram } from './manifest/inputs/program.js';
import { loadManifest, type ProjectManifest } from './manifest/load.js';
import { absoluteUnlessUrl } from './manifest/resolve.js';
import { withoutKey } from './manifest-key.js';
import { hostTarget, runsHere, type Target, targetName } from './platform.js';
import { labelled, type Reporter, stage } from './progress.js';
import type { Environment } from './python/environment.js';
import { checkBytecodeNumber } from './python/host-python.js';
import { type GivenRuntime, stageRuntime } from './python/runtime.js';
import type { BuildOptions, BuildSession, HostPython, StagedRuntime } from './python/session.js';
import { findUv } from './python/uv.js';
import { temporaryFolder, withScratch } from './scratch.js';

/** Where the interpreter may come from. */
export type RuntimeChoice = 'auto' | 'managed' | 'local';

/** What a caller says about the project and the machine that builds it. */
export interface ProjectOptions extends ProgramChoice {
  /**
   * What is packed: the folder of a project or its pyproject.toml, a script, a folder with requirements.txt, or a wheel.
   * @default `manifest`
   */
  readonly input?: string | undefined;
  /**
   * pyproject.toml or its folder; for an `input` that is no project, a TOML file with its `[tool.flavor]`.
   * @default the folder `cwd`
   */
  readonly manifest?: string | undefined;
  /** Archive or folder of a standalone interpreter; wins over the manifest's. */
  readonly pythonArchive?: string | undefined;
  /** Version of the interpreter, such as `3.13`; wins over the manifest's. */
  readonly python?: string | undefined;
  /**
   * Where the interpreter may come from: a standalone one, a copy of one of this machine, or that only where no other
   * can be had.
   * @default `tool.flavor.python.runtime`, which is 'auto' unless stated
   */
  readonly runtime?: RuntimeChoice | undefined;
  /**
   * Whether a lock file that does not fit the project is an error.
   * @default false
   */
  readonly locked?: boolean | undefined;
  /**
   * Whether nothing may be asked from a network.
   * @default false
   */
  readonly offline?: boolean | undefined;
  /**
   * Whether source distributions of dependencies may not be built.
   * @default false
   */
  readonly noBuild?: boolean | undefined;
  /** Folders with distributions, and addresses of pages, besides the manifest's. */
  readonly findLinks?: readonly string[] | undefined;
  /** Extras of the project besides the manifest's. */
  readonly extras?: readonly string[] | undefined;
  /** Dependency groups besides the manifest's. */
  readonly groups?: readonly string[] | undefined;
  /**
   * Base of relative paths.
   * @default the working folder of the process
   */
  readonly cwd?: string | undefined;
  /**
   * Variables that uv, the build back end and the search for both see; key material in it is not passed on.
   * @default the environment of the process
   */
  readonly environment?: Environment | undefined;
  /**
   * Whether what earlier builds kept may be used, and what this one makes be kept. The result is the same.
   * @default true
   */
  readonly buildCache?: boolean | undefined;
}

/** What a session is opened from. */
export interface SessionRequest {
  readonly options: ProjectOptions;
  /** Of {@link readProject}. */
  readonly manifest: ProjectManifest;
  readonly reporter: Reporter;
}

/** Absolute base of the relative paths of options. */
export function baseFolder({ cwd }: Pick<ProjectOptions, 'cwd'>): string {
  return resolve(cwd ?? process.cwd());
}

/** The manifest of what is packed, with what the caller says on top of it. */
export async function readProject(
  options: ProjectOptions & { readonly strip?: boolean | undefined },
): Promise<ProjectManifest> {
  const base = baseFolder(options);
  const { input, manifest: named = '.' } = options;
  const manifest =
    input === undefined
      ? await loadManifest(resolve(base, named))
      : await loadManifest(resolve(base, input), options.manifest && resolve(base, options.manifest));
  const pythonVersion = checkedPython(options.python) ?? manifest.pythonVersion;
  const build = { ...manifest.build, strip: options.strip ?? manifest.build.strip };
  return withProgram({ ...manifest, pythonVersion, build }, options);
}

/** Runs a build in a session of its own, for this machine: its scratch folder and its use of the build cache end with it. */
export function withSession<Result>(
  { manifest, options, reporter }: SessionRequest,
  build: (session: BuildSession) => Promise<Result>,
): Promise<Result> {
  const outer = options.environment ?? process.env;
  const environment = withoutKey(outer, manifest);
  return withScratch(async (scratch) => {
    const uv = await findUv({ environment, cwd: baseFolder(options), reporter });
    const cache = options.buildCache === false ? undefined : await openBuildCache(outer, reporter);
    try {
      return await build({
        manifest,
        options: buildOptions(options, manifest),
        target: hostTarget(),
        uv,
        scratch,
        environment: {
          ...environment,
          ...(await temporaryFolder(scratch)),
          // Runtimes of the build cache are not written to; nor are others, so that the cache makes no difference.
          PYTHONDONTWRITEBYTECODE: '1',
          ...(options.noBuild === true ? { UV_NO_BUILD: '1' } : {}),
        },
        reporter,
        cache,
      });
    } finally {
      if (cache !== undefined) await closeBuildCache(cache);
    }
  });
}

/**
 * The session of one target of a build. One of several has a scratch folder below that of the build, and is named in
 * what is reported.
 */
export async function targetSession(
  session: BuildSession,
  target: Target,
  isOneOfSeveral: boolean,
): Promise<BuildSession> {
  const name = targetName(target);
  if (!isOneOfSeveral) return { ...session, target };
  const scratch = join(session.scratch, 'targets', name);
  await mkdir(scratch, { recursive: true });
  return { ...session, target, scratch, wholeScratch: session.scratch, reporter: labelled(session.reporter, name) };
}

/**
 * Stages the interpreter that the options or the manifest name, else the best that can be had. `hostPythonOf` gets the
 * one that does the work of an interpreter that does not run here.
 */
export function openRuntime(
  session: BuildSession,
  options: ProjectOptions,
  hostPythonOf?: (version: string) => Promise<HostPython>,
): Promise<StagedRuntime> {
  return stage(session.reporter, 'runtime', 'getting the Python runtime', async () => {
    const value = await stageRuntime(session, givenRuntime(options, session.manifest));
    const here = runsHere(session.target) ? value : await hostPythonOf?.(value.version);
    if (here === undefined) throw new Error(`nothing does the work of Python for ${targetName(session.target)}`);
    if (here !== value) await checkBytecodeNumber(session, value, here);
    return { value: { ...value, here }, detail: `Python ${value.version} (${value.source})` };
  });
}

function givenRuntime(options: ProjectOptions, { python }: ProjectManifest): GivenRuntime | undefined {
  if (options.pythonArchive !== undefined) {
    return { path: resolve(baseFolder(options), options.pythonArchive), sha256: undefined };
  }
  const path = python.archive ?? python.path;
  return path === undefined ? undefined : { path, sha256: python.sha256 };
}

function buildOptions(options: ProjectOptions, { build, python }: ProjectManifest): BuildOptions {
  const cwd = baseFolder(options);
  const union = (stated: readonly string[], added: readonly string[] = []): string[] => [
    ...new Set([...stated, ...added]),
  ];
  return {
    locked: options.locked ?? false,
    offline: options.offline ?? false,
    findLinks: union(
      build.index.findLinks,
      options.findLinks?.map((place) => absoluteUnlessUrl(cwd, place)),
    ),
    runtime: options.runtime ?? python.source,
    extras: union(build.extras, options.extras),
    groups: union(build.groups, options.groups),
  };
}

function checkedPython(version: string | undefined): string | undefined {
  if (version === undefined || /^3\.\d+(\.\d+)?$/.test(version)) return version;
  throw new TypeError(`Expected \`python\` to be a version such as 3.13 or 3.13.2, got \`${version}\`.`);
}
