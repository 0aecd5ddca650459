/**
 * Everything between the runtime and the plan of a package: the trees of its slots, in the order in which they can be
 * made, each stage reported.
 */

import type { ProjectManifest } from '../manifest/project-manifest.js';
import { stage } from '../progress.js';
import { compileTree } from './bytecode.js';
import { type CommandSet, chooseCommands } from './commands.js';
import { type StagedDependencies, stageDependencies } from './dependencies.js';
import { keepDependencies } from './dependencies-kept.js';
import { excludesAnything, leaveOut } from './exclude.js';
import { reportLeaks } from './leaks.js';
import { buildWheel, type ProjectWheel, stageApplication } from './project.js';
import { addRuntimeModule } from './runtime-module.js';
import { finishRuntime, type RuntimeSlot, trimText } from './runtime-slot.js';
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

/** Stages the trees. */
export async function stageTrees(session: BuildSession, runtime: StagedRuntime): Promise<StagedTrees> {
  const { manifest, reporter } = session;
  const { optimize } = manifest.python;
  if (manifest.build.preBuild.length > 0) await presentSlots(manifest, session.target);
  const wheel = await stage(reporter, 'project', 'building the wheel of the project', async () => {
    const value = await buildWheel(session, runtime);
    return { value, detail: `${manifest.name} ${value.version}${programText(manifest)}` };
  });
  const interpreter = interpreterOf(runtime, manifest.python, manifest.file);
  const application = await stageApplication(session, runtime, wheel);
  const commandSet = chooseCommands(manifest, application.scripts);
  let dependencies = await stage(reporter, 'dependencies', 'installing dependencies', async () => {
    const value = await stageDependencies(session, runtime, wheel);
    const { length } = value.distributions;
    return { value, detail: `${length} distribution${length === 1 ? '' : 's'}` };
  });
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
  const runtimeSlot = await stage(reporter, 'trim', 'tidying the runtime', async () => {
    const value = await finishRuntime(session, runtime, {
      trees: [dependencies.beside, application.sitePackages, application.beside],
      slots: slots.map(({ entry }) => entry.source),
      distributions: [...application.distributions, ...dependencies.distributions].map(({ name }) => name),
    });
    return { value, detail: trimText(value.trimmed) };
  });
  const finished = runtimeSlot.runtime;
  await stage(reporter, 'bytecode', 'compiling modules', async () => {
    const compile = (root: string) => compileTree(session, finished, { root, optimize });
    const [others, own] = await Promise.all([
      dependencies.bytecode ?? compile(dependencies.sitePackages),
      compile(application.sitePackages),
    ]);
    if (leaks === 0) dependencies = await keepDependencies(session, dependencies, others);
    for (const reason of own.failed) {
      reporter.emit({ type: 'warning', message: `a file of the project does not compile: ${reason}` });
    }
    const failed = runtimeSlot.failed.length + others.failed.length;
    const skipped = failed === 0 ? '' : `, ${failed} do not compile`;
    return {
      value: undefined,
      detail: `${runtimeSlot.compiled + others.compiled + own.compiled} modules${skipped}`,
    };
  });
  const start = await stage(reporter, 'start', 'preparing the start', async () => {
    const value = await prepareStart(session, {
      runtime: finished,
      interpreter,
      application,
      dependencies,
      commandSet,
    });
    return { value, detail: value.reason === undefined ? 'fast' : `ordinary, as ${value.reason}` };
  });
  return { wheel, application, dependencies, commandSet, slots, interpreter, runtimeSlot, start, stripped };
}
