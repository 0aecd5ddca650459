/**
 * `pack`: from a Python project to one signed file. The stages follow each other here; what each of them does stands
 * in `python/`. Every stage reports, can be cancelled, and leaves nothing outside the scratch folder; the package
 * appears complete or not at all.
 *
 * The key is opened by the assembler, after the last line of the project's code has run (security.md S25), and gone
 * when `post_build` hooks see the finished package: they cannot run before there is one.
 */

import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

import { baseFolder, openRuntime, type ProjectOptions, readProject, withSession } from './build-session.js';
import { findLauncher, type Launcher, type LauncherKind, launcherOfFile } from './launchers.js';
import { signingKey } from './manifest-key.js';
import { assemble } from './native.js';
import { checkWritable, outputPath, restoredAfterFailure, withFolderOf } from './output-path.js';
import { hostTarget, targetName } from './platform.js';
import { type ObservableOptions, observed, type Reporter, stage } from './progress.js';
import type { Floor } from './python/binary-floor.js';
import { chooseCommands } from './python/commands.js';
import { environmentPlan } from './python/environment-plan.js';
import { checkHooks, runHooks } from './python/hooks.js';
import { type LockChoice, lockFiles } from './python/lock-file.js';
import { runtimeRecord } from './python/runtime-record.js';
import type { RuntimeSource } from './python/session.js';
import { presentSlots } from './python/slots.js';
import { tryPackage } from './python/smoke.js';
import { stageTrees } from './python/staged-trees.js';
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

/** Options of {@link pack}. */
export interface PackOptions extends ProjectOptions, ObservableOptions {
  /**
   * File to write, or a folder (one that exists, or a path that ends with a separator).
   * @default `dist/<name>-<version>.psp` beside the manifest
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
   * @default 'rust'
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
  readonly target: string;
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
  /** Whether the interpreter starts without `site` (fast), and if not, why. */
  readonly start: { readonly mode: 'fast' | 'site'; readonly reason?: string };
  /** What decided the versions of the dependencies. */
  readonly resolution: PackResolution;
  /** What lies in the package, as `name==version`, sorted. */
  readonly distributions: readonly string[];
  /** Source distributions that were built for it, as `name==version`. */
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
  const target = hostTarget();
  const launcher =
    options.launcherFile === undefined
      ? await findLauncher(target, options.launcher)
      : await launcherOfFile(resolve(cwd, options.launcherFile));
  const manifest = await stage(reporter, 'manifest', 'reading the manifest', async () => {
    const value = await readProject(options);
    return { value, detail: `${value.name} ${value.version ?? ''}`.trim() };
  });
  const { input } = manifest;
  if (input.kind === 'wheel') chooseCommands(manifest, input.scripts);
  else if (manifest.entryPoint === undefined && !manifest.hasScripts) chooseCommands(manifest, new Map());
  const key = await signingKey(given, manifest, environment, cwd);
  const publicPath = await checkedPublicKey(options.publicKey, key, cwd);
  await checkHooks(manifest, environment);
  if (manifest.build.preBuild.length === 0) await presentSlots(manifest, target);
  const outputRequest = { output: options.output, cwd, folder: manifest.outputFolder };
  const announced = `${manifest.name}-${manifest.version ?? '0'}.psp`;
  await checkWritable(await outputPath({ ...outputRequest, fileName: announced }));

  return withSession({ options, manifest, target, reporter }, async (session) => {
    const runtime = await openRuntime(session, options);
    await runHooks(session, runtime, 'pre_build', {
      version: manifest.version,
      output:
        manifest.version === undefined
          ? undefined
          : await outputPath({ ...outputRequest, fileName: `${manifest.name}-${manifest.version}.psp` }),
    });
    const staged = await stageTrees(session, runtime);
    const { dependencies, application, wheel, commandSet, slots, interpreter, runtimeSlot, start } = staged;
    const plannedTarget = { ...target, floor: runtimeSlot.floor };
    const manifestJson = environmentPlan({
      manifest,
      version: wheel.version,
      description: manifest.description ?? wheel.description,
      target: plannedTarget,
      launcher,
      runtime: runtimeSlot.runtime,
      dependencies,
      application,
      commandSet,
      interpreter,
      start,
      notes: runtimeRecord(runtime),
      extraSlots: slots,
    });
    await stage(reporter, 'smoke', 'trying the package', async () => {
      const detail = await tryPackage(session, { interpreter, commandSet, manifestJson });
      return { value: undefined, detail };
    });
    const output = await outputPath({ ...outputRequest, fileName: `${manifest.name}-${wheel.version}.psp` });
    const request = {
      manifestJson,
      output,
      launcherPath: launcher.path,
      launcherSha256: launcher.sha256,
      level,
      ...(session.cache === undefined ? {} : { buildCache: session.cache.frames }),
      ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
    };
    const write = () =>
      stage(reporter, 'assemble', 'compressing, signing and writing', async () => {
        const pair = publicPath === undefined ? {} : { publicPath };
        const signed = (opened: PackKey) => assemble({ ...request, key: { ...opened, ...pair } }, reporter);
        return { value: await withFolderOf(output, () => key.use(session.scratch, signed)), detail: output };
      });
    const writeAndTry = async () => {
      const value = await write();
      await runHooks(session, runtime, 'post_build', { version: wheel.version, output });
      return value;
    };
    const isTried = manifest.build.postBuild.length > 0;
    const assembled = await (isTried ? restoredAfterFailure(output, writeAndTry) : write());
    const { defaultName, names } = commandSet;
    const distributions = [...application.distributions, ...dependencies.distributions];
    return {
      package: { name: manifest.name, version: wheel.version },
      outputs: [
        {
          path: assembled.path,
          target: targetName(target),
          sizeBytes: assembled.sizeBytes,
          sha256: assembled.sha256,
          signer: { fingerprint: assembled.fingerprint, source: key.source },
          launcher: { kind: launcher.kind, version: launcher.version },
          runtime: {
            version: runtime.version,
            source: runtime.source,
            portable: runtime.portable,
            archiveSha256: runtime.archiveSha256,
            trimmed: runtimeSlot.trimmed,
          },
          ...(staged.stripped === undefined ? {} : { stripped: staged.stripped }),
          floor: runtimeSlot.floor,
        },
      ],
      commands: [defaultName, ...names.filter((name) => name !== defaultName)],
      start: { mode: start.mode, ...(start.reason === undefined ? {} : { reason: start.reason }) },
      resolution: await resolutionOf(dependencies.lock, manifest.folder),
      distributions: distributions.map(({ name, version }) => `${name}==${version}`).sort(),
      builtSdists: dependencies.built,
    };
  });
}

/** The lock of a workspace is known by its real path, the project by the one that the user gave. */
async function resolutionOf(lock: LockChoice, folder: string): Promise<PackResolution> {
  const from = await realpath(folder);
  const files = await Promise.all(
    lockFiles(lock).map(async (file) => join(await realpath(dirname(file)), basename(file))),
  );
  return { lock: lock.kind, files: files.map((file) => relative(from, file).replaceAll(sep, '/')) };
}
