/**
 * The manifest as the packager sees it: every key resolved, defaults filled in, paths absolute, words of the guide
 * turned into the format's. Only types stand here.
 */

import type { TargetName } from '../platform.js';
import type { EntryPoint } from './names.js';
import type { SlotLifecycle } from './schema-words.js';

/** What is packed. */
export type PackInput =
  /** A project with a build back end. */
  | { readonly kind: 'project' }
  /** One file, run as `python FILE` would. */
  | {
      readonly kind: 'script';
      /** Whether it says what it needs. */
      readonly hasBlock: boolean;
      /** As its block states them. */
      readonly dependencies: readonly string[];
      /** `[tool.uv]` of its block. */
      readonly uv: Readonly<Record<string, unknown>> | undefined;
      /** Folders and files of this machine that its dependencies lie in, absolute. */
      readonly sources: readonly string[];
    }
  /** The files of a folder without a build back end. */
  | {
      readonly kind: 'folder';
      /** Files at its top that could be meant to run, sorted. */
      readonly candidates: readonly string[];
      /** Requirements files and what they include, absolute. */
      readonly requirementsFiles: readonly string[];
      /** Folders and files of this machine that its dependencies lie in, absolute. */
      readonly sources: readonly string[];
    }
  /** A wheel that somebody has built. */
  | {
      readonly kind: 'wheel';
      /** Its console scripts. */
      readonly scripts: ReadonlyMap<string, EntryPoint>;
    };

/** A program that is no function: a file of the package, by its path from site-packages, or `python -m MODULE`. */
export type MainProgram =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'module'; readonly module: string };

/** A project, or what else is packed, as its manifest describes it. */
export interface ProjectManifest {
  readonly input: PackInput;
  /** Absolute path of pyproject.toml, the script, the requirements file or the wheel. */
  readonly file: string;
  /** Absolute path of the project, or of the folder that the input lies in. */
  readonly folder: string;
  /** Absolute path of the folder that packages are written to, if nobody says another. */
  readonly outputFolder: string;
  /** Absolute path of the standard lock file, whether it exists or not. */
  readonly pylock: string;
  /** Name of the package, folded. */
  readonly name: string;
  /** Name of the distribution, as the project writes it. */
  readonly distribution: string;
  /** Undefined where the build back end decides. */
  readonly version: string | undefined;
  readonly description: string | undefined;
  /** Undefined where the build back end decides. */
  readonly dependencies: readonly string[] | undefined;
  /** By extra, as written. Undefined where the build back end decides. */
  readonly optionalDependencies: ReadonlyMap<string, readonly string[]> | undefined;
  /** `[dependency-groups]` as written. */
  readonly dependencyGroups: ReadonlyMap<string, readonly (string | { readonly 'include-group': string })[]>;
  readonly requiresPython: string | undefined;
  /** What runs by default if it is no function. */
  readonly main: MainProgram | undefined;
  /** `tool.flavor.entry_point`. */
  readonly entryPoint: EntryPoint | undefined;
  /** `tool.flavor.default`. */
  readonly defaultCommand: string | undefined;
  /** `tool.flavor.commands`, sorted by name. */
  readonly commands: ReadonlyMap<string, CommandSettings>;
  /** Whether the project states commands of its own, or leaves them to the build back end. */
  readonly hasScripts: boolean;
  readonly pythonVersion: string | undefined;
  readonly includePip: boolean;
  /** Program and arguments; empty if nothing is to be tried. */
  readonly smoke: readonly string[] | undefined;
  readonly python: PythonSettings;
  readonly slots: readonly SlotSettings[];
  readonly build: BuildSettings;
  readonly execution: ExecutionSettings;
  readonly sign: {
    /** Absolute path. */
    readonly key: string | undefined;
    /** Name of a variable. */
    readonly keyEnv: string | undefined;
  };
  /** Undefined: the machine that builds. */
  readonly targets: readonly TargetName[] | undefined;
  /** Lowest versions of systems that wheels are chosen for. */
  readonly floor: { readonly glibc?: string | undefined; readonly macos?: string | undefined };
}

/** One of `tool.flavor.commands`: exactly one of `entry` and `argv` is there. */
export interface CommandSettings {
  readonly entry?: EntryPoint;
  /** `{workenv}` and `{slot:ID}` stand for paths; a bare first word names a console script of the package. */
  readonly argv?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
}

/** The interpreter; paths are absolute. */
export interface PythonSettings {
  readonly archive: string | undefined;
  readonly path: string | undefined;
  readonly sha256: string | undefined;
  readonly source: 'auto' | 'managed' | 'local';
  readonly start: 'auto' | 'fast' | 'site';
  readonly flags: readonly string[];
  readonly isolated: boolean;
  readonly optimize: 0 | 1 | 2;
  readonly trim: TrimSettings;
}

/** What of the interpreter stays out. */
export interface TrimSettings {
  readonly tests: boolean;
  readonly idlelib: boolean;
  readonly headers: boolean;
  readonly static: boolean;
  readonly libpython: boolean;
  readonly symbols: boolean;
  /** With `auto` it stays out where nothing in the package names it. */
  readonly tkinter: boolean | 'auto';
  readonly ensurepip: boolean;
  readonly pydocData: boolean;
  readonly lib2to3: boolean;
  /** Patterns over paths relative to the interpreter's root. */
  readonly keep: readonly string[];
  readonly drop: readonly string[];
}

/** One of `tool.flavor.slots`. */
export interface SlotSettings {
  readonly id: string;
  /** Absolute path. */
  readonly source: string;
  /** As the manifest writes it, for messages. */
  readonly sourceText: string;
  /** Path in the work environment, without `{workenv}/`; undefined where the manifest states none. */
  readonly target: string | undefined;
  /** A word of the format. */
  readonly purpose: string;
  readonly lifecycle: SlotLifecycle;
  readonly platform: string | undefined;
  readonly operations: string | undefined;
  readonly level: 3 | 9 | 19 | undefined;
  /** Four octal digits. */
  readonly permissions: string | undefined;
  readonly exclude: readonly string[];
  readonly optional: boolean;
}

/** Patterns over installed files. */
export interface FilePatterns {
  readonly all: readonly string[];
  /** By folded name of a distribution. */
  readonly byDistribution: ReadonlyMap<string, readonly string[]>;
}

/** `tool.flavor.build`, with buildconfig.toml on top. */
export interface BuildSettings {
  readonly preBuild: readonly string[];
  readonly postBuild: readonly string[];
  /** Absolute paths of local projects. */
  readonly dependencies: readonly string[];
  readonly extraPackages: readonly string[];
  readonly extras: readonly string[];
  readonly groups: readonly string[];
  readonly exclude: FilePatterns;
  readonly include: FilePatterns;
  /** Whether the ELF files of distributions, and of the interpreter whatever its trim profile says, lose their symbols. */
  readonly strip: boolean;
  readonly index: {
    readonly url: string | undefined;
    readonly extra: readonly string[];
    /** Absolute paths, and addresses. */
    readonly findLinks: readonly string[];
    readonly noIndex: boolean;
  };
  readonly lock: 'auto' | 'uv' | 'pylock' | 'requirements' | 'none';
  /** Absolute paths. */
  readonly requirements: readonly string[];
}

/** `tool.flavor.execution`. */
export interface ExecutionSettings {
  readonly path: 'scripts' | 'full' | 'none';
  readonly environment: {
    readonly unset: readonly string[];
    readonly pass: readonly string[];
    readonly map: Readonly<Record<string, string>>;
    /** `{slot:ID}` is not translated yet. */
    readonly set: Readonly<Record<string, string>>;
    /** Whether variables that lead Python to other installations are removed. */
    readonly isolated: boolean;
  };
}
