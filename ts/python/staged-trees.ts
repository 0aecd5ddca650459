/**
 * Everything between the runtime and the plan of a package: the trees of its slots, in the order in which they can be
 * made, each stage reported. What does not wait for each other is made at the same time: the application and the
 * dependencies, then the interpreter's slot and the bytecode of both.
 */

import { both } from '../concurrent.js';
import type { ProjectManifest } from '../manifest/project-manifest.js';
import { type Reporter, stage } from '../progress.js';
import { type BytecodeReport, compileTree } from './bytecode.js';
import { type CommandSet, chooseCommands } from './commands.js';
import { type StagedDependencies, stageDependencies } from './dependencies.js';
import { keepDependencies } from './dependencies-kept.js';
import { excludesAnything, leaveOut } from './exclude.js';
import { reportLeaks } from './leaks.js';
import { buildWheel, type ProjectWheel, stageApplication } from './project.js';
import { addRuntimeModule } from './runtime-module.js';
import { finishRuntime, type JudgedCompany, judgeCompany, type RuntimeSlot, trimText } from './runtime-slot.js';
import { type Interpreter, interpreterOf } from './scripts.js';
import type { BuildSession, StagedRuntime } from './session.js';
import type { SiteTree } from './site-tree.js';
import { type PlannedSlot, presentSlots, stageSlots } from './slots.js';
import { prepareStart, type Start } from './start.js';
import { type Stripped, strippedText, stripTree } from './strip.js';

/** What the plan of a package is made from. */
export interface StagedTrees {
  readonly wheel: ProjectWheel;
  readonly application: SiteTree;
  readonly dependencies: StagedDependencies;
  readonly commandSet: CommandSet;
  /** The manifest's own slots. */
  readonly slots: readonly PlannedSlot[];
  readonly interpreter: Interpreter;
  readonly runtimeSlot: RuntimeSlot;
  readonly start: Start;
  /** Undefined if nothing was to be stripped. */
  readonly stripped: Stripped | undefined;
}

/** What runs by default, where that was found out. */
function programText({ input, main }: ProjectManifest): string {
  if (input.kind !== 'folder' || main === undefined) return '';
  return main.kind === 'file' ? `, runs ${main.path}` : `, runs python -m ${main.module}`;
}

/** Builds the wheel of the project, which serves every target. */
export function buildProject(session: BuildSession, runtime: StagedRuntime): Promise<ProjectWheel> {
  return stage(session.reporter, 'project', 'building the wheel of the project', async () => {
    const value = await buildWheel(session, runtime);
    return { value, detail: `${session.manifest.name} ${value.version}${programText(session.manifest)}` };
  });
}

/** Stages the trees of a package around the project's wheel. */
export async function stageTrees(
  session: BuildSession,
  runtime: StagedRuntime,
  wheel: ProjectWheel,
): Promise<StagedTrees> {
  const { manifest, reporter } = session;
  if (manifest.build.preBuild.length > 0) await presentSlots(manifest, session.target);
  const interpreter = interpreterOf(runtime, manifest.python, manifest.file);
  let [application, dependencies] = await both(
    reporter,
    (own) => stageApplication({ ...session, reporter: own }, runtime, wheel),
    (own) =>
      stage(own, 'dependencies', 'installing dependencies', async () => {
        const value = await stageDependencies({ ...session, reporter: own }, runtime, wheel);
        const { length } = value.distributions;
        return { value, detail: `${length} distribution${length === 1 ? '' : 's'}` };
      }),
  );
  const commandSet = chooseCommands(manifest, application.scripts);
  for (const built of dependencies.built) {
    reporter.emit({ type: 'warning', message: `${built} was built from its source distribution` });
  }
  if (excludesAnything(manifest)) {
    await stage(reporter, 'exclude', 'leaving out what the manifest excludes', async () => {
      const value = await leaveOut(session, [dependencies.sitePackages, application.sitePackages]);
      return { value, detail: `${value.files} file${value.files === 1 ? '' : 's'} left out (${value.bytes} bytes)` };
    });
  }
  const stripped = manifest.build.strip
    ? await stage(reporter, 'strip', 'stripping the binaries of distributions', async () => {
        const others = dependencies.stripped ?? (await stripTree(session, dependencies));
        dependencies = { ...dependencies, stripped: others };
        const own = await stripTree(session, application);
        const value = { files: others.files + own.files, bytes: others.bytes + own.bytes };
        return { value, detail: strippedText(session, value) };
      })
    : undefined;
  let leaks = 0;
  const slots = await stage(reporter, 'slots', 'filling the slots', async () => {
    // What was kept leaked nothing.
    if (dependencies.bytecode === undefined) leaks = await reportLeaks(session, dependencies);
    await reportLeaks(session, application);
    await addRuntimeModule(application, dependencies);
    const value = await stageSlots(session, new Set(commandSet.names));
    return { value, detail: value.map(({ entry }) => entry.id).join(', ') };
  });
  const trees = { application, dependencies };
  const company = await judgeCompany(session, {
    trees: [dependencies.beside, application.sitePackages, application.beside],
    slots: slots.map(({ entry }) => entry.source),
    distributions: [...application.distributions, ...dependencies.distributions].map(({ name }) => name),
  });
  const finishing = (own: Reporter) => finishedRuntime({ ...session, reporter: own }, runtime, company);
  const compiling = (own: Reporter) => compiledModules({ ...session, reporter: own }, runtime, trees);
  // An interpreter that is finished where it lies cannot do another's work meanwhile.
  const isApart = runtime.installation !== undefined || runtime.here.root !== runtime.root;
  const [runtimeSlot, modules] = isApart
    ? await both(reporter, finishing, compiling)
    : [await finishing(reporter), await compiling(reporter)];
  if (leaks === 0) dependencies = await keepDependencies(session, dependencies, modules);
  const start = await stage(reporter, 'start', 'preparing the start', async () => {
    const value = await prepareStart(session, {
      runtime: runtimeSlot.runtime,
      interpreter,
      application,
      dependencies,
      commandSet,
    });
    return { value, detail: value.reason === undefined ? 'fast' : `ordinary, as ${value.reason}` };
  });
  return { wheel, application, dependencies, commandSet, slots, interpreter, runtimeSlot, start, stripped };
}

type Trees = Pick<StagedTrees, 'application' | 'dependencies'>;

function finishedRuntime(session: BuildSession, runtime: StagedRuntime, company: JudgedCompany): Promise<RuntimeSlot> {
  return stage(session.reporter, 'trim', 'tidying the runtime', async () => {
    const value = await finishRuntime(session, runtime, company);
    return { value, detail: trimText(value.trimmed) };
  });
}

/** Compiles what lies beside the interpreter; how that went for the dependencies. */
function compiledModules(
  session: BuildSession,
  runtime: StagedRuntime,
  { application, dependencies }: Trees,
): Promise<BytecodeReport> {
  const { manifest, reporter } = session;
  return stage(reporter, 'bytecode', 'compiling modules', async () => {
    const compile = (root: string) => compileTree(session, runtime, { root, optimize: manifest.python.optimize });
    const [others, own] = await Promise.all([
      dependencies.bytecode ?? compile(dependencies.sitePackages),
      compile(application.sitePackages),
    ]);
    for (const reason of own.failed) {
      reporter.emit({ type: 'warning', message: `a file of the project does not compile: ${reason}` });
    }
    const failed = others.failed.length;
    const skipped = failed === 0 ? '' : `, ${failed} do not compile`;
    return { value: others, detail: `${others.compiled + own.compiled} modules${skipped}` };
  });
}
