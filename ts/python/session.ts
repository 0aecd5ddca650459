/**
 * What every stage of one build shares: the manifest, uv, the scratch folder, the reporter. Holds no key material.
 */

import type { BuildCache } from '../build-cache/build-cache.js';
import type { ProjectManifest } from '../manifest/load.js';
import type { Target } from '../platform.js';
import type { Reporter } from '../progress.js';
import type { Environment } from './environment.js';
import { type ProcessOutcome, runProcess } from './process.js';
import type { Uv } from './uv.js';

/** What the caller asks of a build besides the manifest, with the manifest's own settings where it says nothing. */
export interface BuildOptions {
  /** Whether a lock file that does not fit the project is an error. */
  readonly locked: boolean;
  /** Whether nothing may be asked from a network. */
  readonly offline: boolean;
  /** Folders with distributions (absolute) and addresses of pages; the manifest's first. */
  readonly findLinks: readonly string[];
  /** Where the interpreter may come from. */
  readonly runtime: ProjectManifest['python']['source'];
  /** Extras of the project, the manifest's first. */
  readonly extras: readonly string[];
  /** Dependency groups, the manifest's first. */
  readonly groups: readonly string[];
}

/** One build. */
export interface BuildSession {
  readonly manifest: ProjectManifest;
  readonly options: BuildOptions;
  /** Nothing of a target that does not run here is executed. */
  readonly target: Target;
  readonly uv: Uv;
  /** Absolute, without links on the way; removed after the build. */
  readonly scratch: string;
  /** The one of the whole build, where each of several targets has one below it. */
  readonly wholeScratch?: string;
  readonly environment: Environment;
  readonly reporter: Reporter;
  /** What earlier builds kept; undefined where none may be used. */
  readonly cache?: BuildCache | undefined;
}

/** Settings of the user that would change where or how uv installs into our scratch folders. */
const REMOVED = {
  UV_BREAK_SYSTEM_PACKAGES: undefined,
  UV_COMPILE_BYTECODE: undefined,
  UV_LINK_MODE: undefined,
  UV_PROJECT_ENVIRONMENT: undefined,
  UV_PYTHON: undefined,
  UV_SYSTEM_PYTHON: undefined,
  UV_VENV_SEED: undefined,
} as const;

/** Runs uv in the project's folder, so that its uv settings (index, certificates) hold. */
export function runUv(
  session: BuildSession,
  args: readonly string[],
  changes: Environment = {},
  timeoutMs?: number,
): Promise<ProcessOutcome> {
  return runProcess({
    file: session.uv.path,
    args: ['--color', 'never', '--no-progress', ...args],
    cwd: session.manifest.folder,
    environment: session.environment,
    isUv: true,
    changes: { ...REMOVED, UV_PYTHON_PREFERENCE: 'only-managed', ...changes },
    signal: session.reporter.signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

/** An interpreter that runs on this machine. */
export interface HostPython {
  /** Root of the installation. */
  readonly root: string;
  readonly interpreter: string;
  /** Full version, such as `3.14.6`. */
  readonly version: string;
}

/** The interpreter that is packaged, with one that does its work here: itself, or one of the same minor version. */
export interface StagedRuntime extends InstalledRuntime {
  readonly here: HostPython;
}

/** The interpreter that is packaged, as it lies in the scratch folder or the build cache. */
export interface InstalledRuntime {
  /** Root of the installation. */
  readonly root: string;
  /** Absolute path of `bin/python3.X`, or `python.exe`. */
  readonly interpreter: string;
  /** Full version, such as `3.14.6`. */
  readonly version: string;
  /** Such as `3.14`. */
  readonly minor: string;
  readonly source: RuntimeSource;
  /** Lower hex SHA-256 of the archive that it was unpacked from; undefined if it came from no archive. */
  readonly archiveSha256: string | undefined;
  /** Whether it runs on every machine of its platform. */
  readonly portable: boolean;
  /** Where the root belongs to the build cache: nobody may write into it. */
  readonly installation?: Installation | undefined;
}

/** An installed runtime that is kept in the build cache. */
export interface Installation {
  readonly key: string;
  /** A copy in the scratch folder that may be changed; undefined if the build made none. */
  readonly spare: string | undefined;
}

/** Where a packaged runtime came from. */
export type RuntimeSource = 'archive' | 'folder' | 'uv-cache' | 'uv-install' | 'build-cache' | 'local';

/** Whether the interpreter knows `-P` (do not prepend the script's folder to sys.path), since 3.11. */
export function knowsSafePath(runtime: Pick<InstalledRuntime, 'minor'>): boolean {
  return Number(runtime.minor.split('.')[1]) >= 11;
}
