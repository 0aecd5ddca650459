/**
 * `pack`: from a Python project to one signed file. The stages follow each other here; what each of them does stands
 * in `python/`. Every stage reports, can be cancelled, and leaves nothing outside the scratch folder; the package
 * appears complete or not at all.
 *
 * The key is opened by the assembler, after the last line of the project's code has run (security.md S25), and gone
 * when `post_build` hooks see the finished package: they cannot run before there is one.
 */

import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { buildOptions, checkedPython } from './build-options.js';
import { throwIfAborted } from './cancellation.js';
import { findLauncher, type Launcher, type LauncherKind, launcherOfFile } from './launchers.js';
import { loadManifest } from './manifest/load.js';
import { signingKey, withoutKey } from './manifest-key.js';
import { assemble } from './native.js';
import { checkWritable, outputPath, withFolderOf } from './output-path.js';
import { hostTarget, targetName } from './platform.js';
import { type ObservableOptions, observed, type PackStage, type Reporter } from './progress.js';
import type { Floor } from './python/binary-floor.js';
import { compileTrees } from './python/bytecode.js';
import { addCertificates } from './python/certificates.js';
import { chooseCommands } from './python/commands.js';
import { stageDependencies } from './python/dependencies.js';
import type { Environment } from './python/environment.js';
import { environmentPlan } from './python/environment-plan.js';
import { leaveOut } from './python/exclude.js';
import { checkHooks, type HookFacts, type HookMoment, runHooks } from './python/hooks.js';
import { reportLeaks } from './python/leaks.js';
import { buildWheel, stageApplication } from './python/project.js';
import { type GivenRuntime, stageRuntime } from './python/runtime.js';
import { addRuntimeModule } from './python/runtime-module.js';
import { runtimeRecord } from './python/runtime-record.js';
import { finishRuntime, trimText } from './python/runtime-slot.js';
import { interpreterOf } from './python/scripts.js';
import type { BuildSession, RuntimeSource, StagedRuntime } from './python/session.js';
import { presentSlots, stageSlots } from './python/slots.js';
import { tryPackage } from './python/smoke.js';
import { prepareStart } from './python/start.js';
import type { TrimReport } from './python/trim.js';
import { findUv } from './python/uv.js';
import { temporaryFolder, withScratch } from './scratch.js';
import { checkedKey, checkedLevel, type PackKey, type PackLevel, sourceDateEpoch } from './signing.js';

/** Where the interpreter may come from. */
export type RuntimeChoice = 'auto' | 'managed' | 'local';

/** Options of {@link pack}. */
export interface PackOptions extends ObservableOptions {
  /**
   * pyproject.toml or its folder.
   * @default the folder `cwd`
   */
  readonly manifest?: string | undefined;
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
  /** @default 9 */
  readonly level?: PackLevel | undefined;
  /**
   * Which of the launchers of this installation stands at the head of the package.
   * @default 'rust'
   */
  readonly launcher?: LauncherKind | undefined;
  /** Launcher to embed instead; never executed. */
  readonly launcherFile?: string | undefined;
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
  const cwd = resolve(options.cwd ?? process.cwd());
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
    const read = await loadManifest(resolve(cwd, options.manifest ?? '.'));
    const loaded = { ...read, pythonVersion: checkedPython(options.python) ?? read.pythonVersion };
    return { value: loaded, detail: `${loaded.name} ${loaded.version ?? ''}`.trim() };
  });
  if (manifest.entryPoint === undefined && !manifest.hasScripts) chooseCommands(manifest, new Map());
  const key = await signingKey(given, manifest, environment, cwd);
  await checkHooks(manifest, environment);
  if (manifest.build.preBuild.length === 0) await presentSlots(manifest, target);
  const outputRequest = { output: options.output, cwd, folder: manifest.folder };
  const announced = `${manifest.name}-${manifest.version ?? '0'}.psp`;
  await checkWritable(await outputPath({ ...outputRequest, fileName: announced }));

  return withScratch(async (scratch) => {
    const uv = await findUv({ environment, cwd, reporter });
    const own = await temporaryFolder(scratch);
    const session: BuildSession = {
      manifest,
      options: buildOptions(options, manifest, cwd),
      target,
      uv,
      scratch,
      environment: {
        ...withoutKey(environment, manifest),
        ...own,
        ...(options.noBuild === true ? { UV_NO_BUILD: '1' } : {}),
      },
      reporter,
    };
    const runtime = await stage(reporter, 'runtime', 'getting the Python runtime', async () => {
      const value = await stageRuntime(session, givenRuntime(options, session, cwd));
      return { value, detail: `Python ${value.version} (${value.source})` };
    });
    await hooks(session, runtime, 'pre_build', {
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
      await hooks(session, runtime, 'post_build', { version: wheel.version, output });
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

/** Runs the hooks of a moment, if there are any. */
async function hooks(
  session: BuildSession,
  runtime: StagedRuntime,
  moment: HookMoment,
  facts: HookFacts,
): Promise<void> {
  const { preBuild, postBuild } = session.manifest.build;
  const list = moment === 'pre_build' ? preBuild : postBuild;
  if (list.length === 0) return;
  await stage(session.reporter, moment, `running ${moment} hooks`, async () => {
    await runHooks(session, runtime, moment, facts);
    return { value: undefined, detail: list.join(', ') };
  });
}

/** Everything between the runtime and the assembler. */
async function stageTrees(session: BuildSession, runtime: StagedRuntime) {
  const { manifest, reporter } = session;
  const { optimize } = manifest.python;
  if (manifest.build.preBuild.length > 0) await presentSlots(manifest, session.target);
  const wheel = await stage(reporter, 'project', 'building the wheel of the project', async () => {
    const value = await buildWheel(session, runtime);
    return { value, detail: `${manifest.name} ${value.version}` };
  });
  const interpreter = interpreterOf(runtime, manifest.python, manifest.file);
  const application = await stageApplication(session, runtime, wheel);
  const commandSet = chooseCommands(manifest, application.scripts);
  const dependencies = await stage(reporter, 'dependencies', 'installing dependencies', async () => {
    const value = await stageDependencies(session, runtime, wheel);
    const { length } = value.distributions;
    return { value, detail: `${length} distribution${length === 1 ? '' : 's'}` };
  });
  for (const built of dependencies.built) {
    reporter.emit({ type: 'warning', message: `${built} was built from its source distribution` });
  }
  await leaveOut(session, [dependencies.sitePackages, application.sitePackages]);
  const slots = await stage(reporter, 'slots', 'filling the slots', async () => {
    for (const tree of [dependencies, application]) await reportLeaks(session, tree);
    await addRuntimeModule(application, dependencies);
    await addCertificates(runtime);
    const value = await stageSlots(session, new Set(commandSet.names));
    return { value, detail: value.map(({ entry }) => entry.id).join(', ') };
  });
  const runtimeSlot = await stage(reporter, 'trim', 'tidying the runtime', async () => {
    const value = await finishRuntime(session, runtime, {
      trees: [dependencies.beside, application.sitePackages, application.beside],
      distributions: [...application.distributions, ...dependencies.distributions].map(({ name }) => name),
    });
    return { value, detail: trimText(value.trimmed) };
  });
  await stage(reporter, 'bytecode', 'compiling modules', async () => {
    const roots = [join(runtime.root, 'lib'), dependencies.sitePackages];
    const ownRoots = [application.sitePackages];
    const { compiled, failed, ownFailed } = await compileTrees(session, runtime, { roots, ownRoots, optimize });
    for (const reason of ownFailed) {
      reporter.emit({ type: 'warning', message: `a file of the project does not compile: ${reason}` });
    }
    const skipped = failed.length === 0 ? '' : `, ${failed.length} do not compile`;
    return { value: undefined, detail: `${compiled} modules${skipped}` };
  });
  const start = await stage(reporter, 'start', 'preparing the start', async () => {
    const value = await prepareStart(session, { runtime, interpreter, application, dependencies, commandSet });
    return { value, detail: value.reason === undefined ? 'fast' : `ordinary, as ${value.reason}` };
  });
  return { wheel, application, dependencies, commandSet, slots, interpreter, runtimeSlot, start };
}

/** One stage of an operation: reported, and not begun after a cancellation. */
export async function stage<Value>(
  reporter: Reporter,
  name: PackStage,
  doing: string,
  work: () => Promise<{ readonly value: Value; readonly detail: string }>,
): Promise<Value> {
  throwIfAborted(reporter.signal);
  reporter.emit({ type: 'stage', stage: name, state: 'start', detail: doing });
  const { value, detail } = await work();
  reporter.emit({ type: 'stage', stage: name, state: 'done', detail });
  return value;
}

/** The interpreter that the options or the manifest name. */
export function givenRuntime(
  options: Pick<PackOptions, 'pythonArchive'>,
  { manifest }: BuildSession,
  cwd: string,
): GivenRuntime | undefined {
  if (options.pythonArchive !== undefined) return { path: resolve(cwd, options.pythonArchive), sha256: undefined };
  const path = manifest.python.archive ?? manifest.python.path;
  return path === undefined ? undefined : { path, sha256: manifest.python.sha256 };
}
