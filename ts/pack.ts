/**
 * `pack`: from a Python project to one signed file for each platform. The stages follow each other here; what each of them does stands
 * in `python/`. Every stage reports, can be cancelled, and leaves nothing outside the scratch folder; the package
 * appears complete or not at all.
 *
 * The key is opened by the assembler, after the last line of the project's code has run (security.md S25), and gone
 * when `post_build` hooks see the finished package: they cannot run before there is one.
 */

import { realpath } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

import {
  baseFolder,
  openRuntime,
  type ProjectOptions,
  readProject,
  targetSession,
  withSession,
} from './build-session.js';
import { both, concurrently } from './concurrent.js';
import { type Launcher, type LauncherKind, launcherOfFile } from './launchers.js';
import type { ProjectManifest } from './manifest/load.js';
import { signingKey } from './manifest-key.js';
import { assemble } from './native.js';
import { allRestoredAfterFailure, checkWritable, outputPath, withFolderOf } from './output-path.js';
import { type Target, type TargetName, targetName } from './platform.js';
import { labelled, type ObservableOptions, observed, type Reporter, stage } from './progress.js';
import type { Floor } from './python/binary-floor.js';
import { chooseCommands } from './python/commands.js';
import { checkHooks, runHooks } from './python/hooks.js';
import { hostPython } from './python/host-python.js';
import { type LockChoice, lockFiles } from './python/lock-file.js';
import type { ProjectWheel } from './python/project.js';
import { commonVersion } from './python/runtime-list.js';
import type { BuildSession, HostPython, RuntimeSource, StagedRuntime } from './python/session.js';
import { presentSlots } from './python/slots.js';
import { type StagedPackage, stagePackage } from './python/staged-package.js';
import { buildProject, type StagedTrees } from './python/staged-trees.js';
import type { Stripped } from './python/strip.js';
import type { TrimReport } from './python/trim.js';
import {
  checkedKey,
  checkedLevel,
  checkedPublicKey,
  type PackKey,
  type PackLevel,
  sourceDateEpoch,
} from './signing.js';
import { checkForOne, chosenTargets, launchersFor, packageFileName } from './targets.js';

/** Options of {@link pack}. */
export interface PackOptions extends ProjectOptions, ObservableOptions {
  /**
   * Platforms to build for, such as `linux_arm64`; wins over the manifest's `targets`.
   * @default the manifest's, else this machine's
   */
  readonly platforms?: readonly string[] | undefined;
  /**
   * File to write, or a folder (one that exists, or a path that ends with a separator; with several platforms always).
   * @default `dist/<name>-<version>.psp` beside the manifest, with several platforms `<name>-<version>-<target>.psp`
   */
  readonly output?: string | undefined;
  /**
   * Who signs; wins over `tool.flavor.sign`.
   * @default the manifest's key, else an ephemeral one
   */
  readonly key?: PackKey | undefined;
  /** Public key file (PEM, or 32 raw bytes) that the key must belong to. */
  readonly publicKey?: string | undefined;
  /**
   * Whether the ELF files of distributions and of the interpreter lose their symbol tables and debug sections.
   * @default `tool.flavor.build.strip`, which is false unless stated
   */
  readonly strip?: boolean | undefined;
  /** @default 9 */
  readonly level?: PackLevel | undefined;
  /**
   * Which of the launchers of this installation stands at the head of the package.
   * @default 'rust', where there is one for the platform, else 'go'
   */
  readonly launcher?: LauncherKind | undefined;
  /** Launcher to embed instead; never executed. */
  readonly launcherFile?: string | undefined;
}

/** One written package. */
export interface PackOutput {
  /** Absolute path. */
  readonly path: string;
  /** Such as `linux_amd64`. */
  readonly target: TargetName;
  readonly sizeBytes: number;
  /** Lower hex SHA-256 of the file. */
  readonly sha256: string;
  readonly signer: {
    /** Lower hex SHA-256 of the public key. */
    readonly fingerprint: string;
    readonly source: PackKey['source'];
  };
  readonly launcher: {
    readonly kind: Launcher['kind'];
    readonly version: string;
  };
  readonly runtime: {
    /** Full version, such as `3.14.6`. */
    readonly version: string;
    readonly source: RuntimeSource;
    /** Whether it runs on every machine of its platform. */
    readonly portable: boolean;
    /** Lower hex SHA-256 of the archive that it was unpacked from; undefined if it came from no archive. */
    readonly archiveSha256: string | undefined;
    /** Bytes that were left out of it, by category. */
    readonly trimmed: TrimReport;
  };
  /** What was taken out of the binaries of distributions; undefined if nothing was to be. */
  readonly stripped?: Stripped | undefined;
  /** Lowest version of `glibc` or `macos` that serves every binary inside; empty where nothing is asked for. */
  readonly floor: Floor;
  /** Whether the interpreter starts without `site` (fast), and if not, why. */
  readonly start: { readonly mode: 'fast' | 'site'; readonly reason?: string };
  /** What lies in the package, as `name==version`, sorted. */
  readonly distributions: readonly string[];
  /** Source distributions that were built for it, as `name==version`. */
  readonly builtSdists: readonly string[];
}

/** What decided the versions of a package's dependencies. */
export interface PackResolution {
  /** The lock that was obeyed, as `tool.flavor.build.lock` names it; with `none` they were resolved for this build. */
  readonly lock: LockChoice['kind'];
  /** Its files, relative to the project's folder, with `/`. */
  readonly files: readonly string[];
}

/** What {@link pack} did. */
export interface PackResult {
  readonly package: { readonly name: string; readonly version: string };
  readonly outputs: readonly PackOutput[];
  /** Names of the commands; the default one first. */
  readonly commands: readonly string[];
  /** How the first package starts. */
  readonly start: PackOutput['start'];
  /** What decided the versions of the dependencies. */
  readonly resolution: PackResolution;
  /** What lies in any of the packages, as `name==version`, sorted. */
  readonly distributions: readonly string[];
  /** Source distributions that were built for any of them, as `name==version`. */
  readonly builtSdists: readonly string[];
}

/**
 * Packs a Python project into one signed file that runs on its platform with nothing installed.
 *
 * @throws {FlavorError} `ERR_FLAVOR_NOT_FOUND` if manifest, runtime or key file do not exist; `ERR_FLAVOR_MANIFEST`
 * if the manifest is not valid; `ERR_FLAVOR_UV`, `ERR_FLAVOR_RUNTIME`, `ERR_FLAVOR_DEPENDENCY`, `ERR_FLAVOR_BUILD` if
 * uv, an interpreter, a dependency or the wheel cannot be had; `ERR_FLAVOR_LOCK`, `ERR_FLAVOR_HASH`,
 * `ERR_FLAVOR_NO_WHEEL`, `ERR_FLAVOR_INDEX` if a lock does not fit, a digest differs, a dependency has no wheel, or an
 * index cannot be reached; `ERR_FLAVOR_ENTRY_POINT` if a command calls what is not
 * there; `ERR_FLAVOR_KEY` if the key file holds no private key, or another one than the public key belongs to; `ERR_FLAVOR_OUTPUT` if the file cannot be written;
 * `ERR_FLAVOR_ABORTED` if the signal was aborted. After a failure no file is left.
 */
export function pack(options: PackOptions = {}): Promise<PackResult> {
  return observed(options, (reporter) => packObserved(options, reporter));
}

async function packObserved(options: PackOptions, reporter: Reporter): Promise<PackResult> {
  const cwd = baseFolder(options);
  const level = checkedLevel(options.level);
  const given = options.key === undefined ? undefined : await checkedKey(options.key, cwd);
  const environment = options.environment ?? process.env;
  const epoch = sourceDateEpoch(environment);
  const file = options.launcherFile === undefined ? undefined : resolve(cwd, options.launcherFile);
  if (file !== undefined) await launcherOfFile(file);
  const manifest = await stage(reporter, 'manifest', 'reading the manifest', async () => {
    const value = await readProject(options);
    return { value, detail: `${value.name} ${value.version ?? ''}`.trim() };
  });
  const targets = chosenTargets(options.platforms, manifest);
  checkForOne(options, manifest, targets);
  const launchers = await launchersFor(targets, { kind: options.launcher, file }, reporter);
  const { input } = manifest;
  if (input.kind === 'wheel') chooseCommands(manifest, input.scripts);
  else if (manifest.entryPoint === undefined && !manifest.hasScripts) chooseCommands(manifest, new Map());
  const key = await signingKey(given, manifest, environment, cwd);
  const publicPath = await checkedPublicKey(options.publicKey, key, cwd);
  await checkHooks(manifest, environment);
  if (manifest.build.preBuild.length === 0) for (const target of targets) await presentSlots(manifest, target);
  const areSeveral = targets.length > 1;
  const outputOf = (version: string, target: Target): Promise<string> =>
    outputPath({
      output: options.output,
      isFolder: areSeveral,
      cwd,
      folder: manifest.outputFolder,
      fileName: packageFileName(manifest, version, target, areSeveral),
    });
  for (const target of targets) await checkWritable(await outputOf(manifest.version ?? '0', target));

  return withSession({ options, manifest, reporter }, async (session) => {
    const { runtimes, sessions, wheel } = await begun(session, options, targets, (version) =>
      outputOf(version, targets[0]),
    );
    const staged = await concurrently(
      reporter,
      sessions.map((own, index) => (ownReporter) => {
        const launcher = launchers[index] as Launcher;
        return stagePackage(withReporter(own, ownReporter), runtimes[index] as StagedRuntime, wheel, launcher);
      }),
      availableParallelism(),
    );
    const outputs = await Promise.all(targets.map((target) => outputOf(wheel.version, target)));
    // No code of the project runs from here on until the key is gone (security.md S25).
    const write = async (index: number): Promise<AssembleOutcome> => {
      const { launcher, manifestJson } = staged[index] as StagedPackage;
      const [output, own] = [outputs[index] as string, sessions[index] as BuildSession];
      const request = {
        manifestJson,
        output,
        launcherPath: launcher.path,
        launcherSha256: launcher.sha256,
        level,
        ...(session.cache === undefined ? {} : { buildCache: session.cache.frames }),
        ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
      };
      return stage(own.reporter, 'assemble', 'compressing, signing and writing', async () => {
        const pair = publicPath === undefined ? {} : { publicPath };
        const signed = (opened: PackKey) => assemble({ ...request, key: { ...opened, ...pair } }, own.reporter);
        return { value: await withFolderOf(output, () => key.use(session.scratch, signed)), detail: output };
      });
    };
    const writeAll = async (): Promise<AssembleOutcome[]> => {
      const written: AssembleOutcome[] = [];
      for (const index of outputs.keys()) written.push(await write(index));
      for (const [index, own] of sessions.entries()) {
        const facts = { version: wheel.version, output: outputs[index] };
        await runHooks(own, runtimes[index] as StagedRuntime, 'post_build', facts);
      }
      return written;
    };
    const isTried = areSeveral || manifest.build.postBuild.length > 0;
    const assembled = isTried ? await allRestoredAfterFailure(outputs, writeAll) : [await write(0)];
    return resultOf(manifest, wheel.version, staged, assembled, key.source);
  });
}

type AssembleOutcome = Awaited<ReturnType<typeof assemble>>;

interface Begun {
  /** Of each target, in their order. */
  readonly sessions: readonly BuildSession[];
  readonly runtimes: readonly StagedRuntime[];
  readonly wheel: ProjectWheel;
}

/** What all targets share, and their interpreters: the first interpreter, hooks, then the wheel beside the others. */
async function begun(
  session: BuildSession,
  options: PackOptions,
  targets: readonly [Target, ...Target[]],
  outputOf: (version: string) => Promise<string>,
): Promise<Begun> {
  const { reporter } = session;
  const areSeveral = targets.length > 1;
  const manifest = areSeveral ? await withCommonVersion(session, targets) : session.manifest;
  const same = { ...session, manifest };
  const sessions = await Promise.all(targets.map((target) => targetSession(same, target, areSeveral)));
  const known = new Map<string, Promise<HostPython>>();
  const hostPythonOf = (version: string): Promise<HostPython> => {
    const python = known.get(version) ?? hostPython(session, version);
    known.set(version, python);
    return python;
  };
  const open = (own: BuildSession) => openRuntime(own, options, hostPythonOf);
  const [firstSession, ...otherSessions] = sessions as [BuildSession, ...BuildSession[]];
  const first = await open(firstSession);
  await runHooks(firstSession, first, 'pre_build', {
    version: manifest.version,
    output: manifest.version === undefined || areSeveral ? undefined : await outputOf(manifest.version),
    targets: targets.map(targetName),
  });
  const [others, wheel] = await both(
    reporter,
    (own) =>
      concurrently(
        own,
        otherSessions.map((other) => (lane) => open(withReporter(other, lane))),
      ),
    (own) => buildProject({ ...same, reporter: own }, first),
  );
  return { sessions, runtimes: [first, ...others], wheel };
}

/** Packages of one call hold the same version of Python where there is one that all platforms have. */
async function withCommonVersion(session: BuildSession, targets: readonly Target[]): Promise<ProjectManifest> {
  const { manifest, options, reporter } = session;
  if (options.runtime === 'local') return manifest;
  const version = await commonVersion(session, targets);
  if (version === undefined) {
    const message = 'no version of Python that the project allows is there for all targets, so each has its newest one';
    reporter.emit({ type: 'warning', message });
    return manifest;
  }
  return { ...manifest, pythonVersion: version };
}

/** The same session with another reporter, under the name of its target where it has one. */
function withReporter(session: BuildSession, reporter: Reporter): BuildSession {
  return {
    ...session,
    reporter: session.wholeScratch === undefined ? reporter : labelled(reporter, targetName(session.target)),
  };
}

async function resultOf(
  manifest: ProjectManifest,
  version: string,
  packages: readonly StagedPackage[],
  assembled: readonly AssembleOutcome[],
  keySource: PackKey['source'],
): Promise<PackResult> {
  const [first] = packages as [StagedPackage];
  const { defaultName, names } = first.trees.commandSet;
  const outputs = packages.map((one, index) => resultOfOne(one, assembled[index] as AssembleOutcome, keySource));
  const all = (of: (output: PackOutput) => readonly string[]): string[] => [...new Set(outputs.flatMap(of))].sort();
  return {
    package: { name: manifest.name, version },
    outputs,
    commands: [defaultName, ...names.filter((name) => name !== defaultName)],
    start: startOf(first.trees),
    resolution: await resolutionOf(first.trees.dependencies.lock, manifest.folder),
    distributions: all(({ distributions }) => distributions),
    builtSdists: all(({ builtSdists }) => builtSdists),
  };
}

function startOf({ start }: StagedTrees): PackResult['start'] {
  return { mode: start.mode, ...(start.reason === undefined ? {} : { reason: start.reason }) };
}

function resultOfOne(
  { launcher, runtime, target, trees }: StagedPackage,
  { fingerprint, path, sha256, sizeBytes }: AssembleOutcome,
  keySource: PackKey['source'],
): PackOutput {
  const { application, dependencies, runtimeSlot, stripped } = trees;
  const distributions = [...application.distributions, ...dependencies.distributions];
  return {
    path,
    target: targetName(target),
    sizeBytes,
    sha256,
    signer: { fingerprint, source: keySource },
    launcher: { kind: launcher.kind, version: launcher.version },
    runtime: {
      version: runtime.version,
      source: runtime.source,
      portable: runtime.portable,
      archiveSha256: runtime.archiveSha256,
      trimmed: runtimeSlot.trimmed,
    },
    ...(stripped === undefined ? {} : { stripped }),
    floor: runtimeSlot.floor,
    start: startOf(trees),
    distributions: distributions.map(({ name, version }) => `${name}==${version}`).sort(),
    builtSdists: dependencies.built,
  };
}

/** The lock of a workspace is known by its real path, the project by the one that the user gave. */
async function resolutionOf(lock: LockChoice, folder: string): Promise<PackResolution> {
  const from = await realpath(folder);
  const files = await Promise.all(
    lockFiles(lock).map(async (file) => join(await realpath(dirname(file)), basename(file))),
  );
  return { lock: lock.kind, files: files.map((file) => relative(from, file).replaceAll(sep, '/')) };
}
