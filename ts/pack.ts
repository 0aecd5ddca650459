/**
 * `pack`: from a Python project to one signed file. The stages follow each other here; what each of them does stands
 * in `python/`. Every stage reports, can be cancelled, and leaves nothing outside the scratch folder; the package
 * appears complete or not at all.
 *
 * The key is opened by the assembler, after the last line of the project's code has run (security.md S25), and gone
 * when `post_build` hooks see the finished package: they cannot run before there is one.
 */

import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';

import { baseFolder, openRuntime, openSession, type ProjectOptions, readProject } from './build-session.js';
import { findLauncher, type Launcher, type LauncherKind, launcherOfFile } from './launchers.js';
import { signingKey } from './manifest-key.js';
import { assemble } from './native.js';
import { checkWritable, outputPath, withFolderOf } from './output-path.js';
import { hostTarget, targetName } from './platform.js';
import { type ObservableOptions, observed, type Reporter, stage } from './progress.js';
import type { Floor } from './python/binary-floor.js';
import { chooseCommands } from './python/commands.js';
import { environmentPlan } from './python/environment-plan.js';
import { checkHooks, runHooks } from './python/hooks.js';
import { runtimeRecord } from './python/runtime-record.js';
import type { RuntimeSource } from './python/session.js';
import { presentSlots } from './python/slots.js';
import { tryPackage } from './python/smoke.js';
import { stageTrees } from './python/staged-trees.js';
import type { TrimReport } from './python/trim.js';
import { withScratch } from './scratch.js';
import { checkedKey, checkedLevel, type PackKey, type PackLevel, sourceDateEpoch } from './signing.js';

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
  /** Lowest version of `glibc` or `macos` that serves every binary inside; empty where nothing is asked for. */
  readonly floor: Floor;
}

/** What {@link pack} did. */
export interface PackResult {
  readonly package: { readonly name: string; readonly version: string };
  readonly outputs: readonly PackOutput[];
  /** Names of the commands; the default one first. */
  readonly commands: readonly string[];
  /** Whether the interpreter starts without `site` (fast), and if not, why. */
  readonly start: { readonly mode: 'fast' | 'site'; readonly reason?: string };
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
 * there; `ERR_FLAVOR_KEY` if the key file holds no private key; `ERR_FLAVOR_OUTPUT` if the file cannot be written;
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
  if (manifest.entryPoint === undefined && !manifest.hasScripts) chooseCommands(manifest, new Map());
  const key = await signingKey(given, manifest, environment, cwd);
  await checkHooks(manifest, environment);
  if (manifest.build.preBuild.length === 0) await presentSlots(manifest, target);
  const outputRequest = { output: options.output, cwd, folder: manifest.folder };
  const announced = `${manifest.name}-${manifest.version ?? '0'}.psp`;
  await checkWritable(await outputPath({ ...outputRequest, fileName: announced }));

  return withScratch(async (scratch) => {
    const session = await openSession({ options, manifest, target, scratch, reporter });
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
      runtime,
      dependencies,
      application,
      commandSet,
      interpreter,
      start,
      notes: runtimeRecord(runtime),
      extraSlots: slots,
    });
    await stage(reporter, 'smoke', 'trying the package', async () => {
      const detail = await tryPackage(session, { runtime, commandSet, manifestJson });
      return { value: undefined, detail };
    });
    const output = await outputPath({ ...outputRequest, fileName: `${manifest.name}-${wheel.version}.psp` });
    const assembled = await stage(reporter, 'assemble', 'compressing, signing and writing', async () => {
      const value = await withFolderOf(output, () =>
        key.use(scratch, (opened) =>
          assemble(
            {
              manifestJson,
              output,
              launcherPath: launcher.path,
              launcherSha256: launcher.sha256,
              level,
              key: opened,
              ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
            },
            reporter,
          ),
        ),
      );
      return { value, detail: output };
    });
    try {
      await runHooks(session, runtime, 'post_build', { version: wheel.version, output });
    } catch (error) {
      await rm(output, { force: true });
      throw error;
    }
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
          floor: runtimeSlot.floor,
        },
      ],
      commands: [defaultName, ...names.filter((name) => name !== defaultName)],
      start: { mode: start.mode, ...(start.reason === undefined ? {} : { reason: start.reason }) },
      distributions: distributions.map(({ name, version }) => `${name}==${version}`).sort(),
      builtSdists: dependencies.built,
    };
  });
}
