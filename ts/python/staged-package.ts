/**
 * Everything of one package but its bytes: the trees of its slots, the plan that the assembler carries out, and the
 * trial, which runs where the target does. No code of the project runs after this.
 */

import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import type { Launcher } from '../launchers.js';
import { runsHere, type Target, targetName } from '../platform.js';
import { stage } from '../progress.js';
import { type Floor, filesAbove } from './binary-floor.js';
import { checkModules } from './entry-points.js';
import { environmentPlan } from './environment-plan.js';
import { layoutOf } from './layout.js';
import type { ProjectWheel } from './project.js';
import { runtimeRecord } from './runtime-record.js';
import { redirectorsOf } from './runtime-tree.js';
import type { BuildSession, StagedRuntime } from './session.js';
import { tryPackage } from './smoke.js';
import { type StagedTrees, stageTrees } from './staged-trees.js';

/** A package that is ready to be written. */
export interface StagedPackage {
  readonly target: Target;
  readonly runtime: StagedRuntime;
  readonly launcher: Launcher;
  readonly trees: StagedTrees;
  /** The manifest for assembly. */
  readonly manifestJson: string;
}

/** Stages the package of one target around the project's wheel. */
export async function stagePackage(
  session: BuildSession,
  runtime: StagedRuntime,
  wheel: ProjectWheel,
  launcher: Launcher,
): Promise<StagedPackage> {
  const { manifest, target } = session;
  const trees = await stageTrees(session, runtime, wheel);
  const { application, commandSet, dependencies, interpreter, runtimeSlot, slots, start } = trees;
  await checkFloor(session, trees);
  const manifestJson = environmentPlan({
    manifest,
    version: wheel.version,
    description: manifest.description ?? wheel.description,
    target: { ...target, floor: runtimeSlot.floor } as Target,
    launcher,
    runtime: runtimeSlot.runtime,
    redirectors: await redirectorsOf(target, runtimeSlot.runtime),
    dependencies,
    application,
    commandSet,
    interpreter,
    start,
    notes: runtimeRecord(runtime),
    extraSlots: slots,
  });
  await stage(session.reporter, 'smoke', 'trying the package', async () => {
    if (runsHere(target)) {
      return { value: undefined, detail: await tryPackage(session, { interpreter, commandSet, manifestJson }) };
    }
    const library = join(runtimeSlot.runtime.root, layoutOf(target, runtime.minor).library);
    await checkModules({ commandSet, trees: [application, dependencies], library });
    return { value: undefined, detail: `left out, as ${targetName(target)} does not run here` };
  });
  return { target, runtime, launcher, trees, manifestJson };
}

/** What a wheel's name promises, its binaries need not keep. */
async function checkFloor({ manifest, target }: BuildSession, { application, dependencies, runtimeSlot }: StagedTrees) {
  const trees = [runtimeSlot.runtime.root, dependencies.beside, application.sitePackages, application.beside];
  const [file] = await filesAbove(target, trees, runtimeSlot.floor, manifest.floor as Floor);
  if (file === undefined) return;
  throw new FlavorError(
    'ERR_FLAVOR_NO_WHEEL',
    `a file of the package does not run on ${file.name} ${file.wanted}, which \`tool.flavor.floor\` asks for (needs ${file.version}): ${file.path}`,
    {
      path: manifest.file,
      hints: [`write \`${file.name} = "${file.version}"\`, or choose a version of its distribution that needs less`],
    },
  );
}
