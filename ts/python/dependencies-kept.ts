/**
 * Installed and compiled dependencies in the build cache, whole trees only. Kept is what came from wheels with digests
 * that uv compared, all of it, into a kept runtime: what is built from source, or lies in a folder of this machine, may
 * be another thing the next time. Nothing is kept where the manifest leaves files out, because what fits no pattern is
 * said in every build.
 */

import { release } from 'node:os';
import { join } from 'node:path';

import { findTree, keepTree, moveTree, notKept, stagingFolder } from '../build-cache/build-cache.js';
import { cacheKey, type KeyPart } from '../build-cache/key.js';
import { isSystemError } from '../errors.js';
import { runsHere, targetName } from '../platform.js';
import { isFolder } from '../presence.js';
import type { BytecodeReport } from './bytecode.js';
import type { StagedDependencies } from './dependencies.js';
import { excludesAnything } from './exclude.js';
import type { LockDocument } from './lock-document.js';
import type { LockChoice } from './lock-file.js';
import type { ResolutionRequest } from './lock-resolution.js';
import type { BuildSession } from './session.js';
import { platformSettings } from './uv-platform.js';

type Facts = Omit<StagedDependencies, 'lock' | 'key' | 'sitePackages' | 'beside'>;

/** The key of what a document installs; undefined if that cannot be kept. */
export function dependenciesKey(
  { project, runtime, session }: ResolutionRequest,
  lock: LockChoice,
  document: LockDocument,
): string | undefined {
  const { cache, manifest, options, target, uv } = session;
  const platform = platformSettings(session);
  if (cache === undefined || runtime.installation === undefined || excludesAnything(manifest)) return undefined;
  if (document.packages.some(({ archive, directory, vcs }) => (archive ?? directory ?? vcs) !== undefined)) {
    return undefined;
  }
  // Such a lock was compared with what the project requires.
  const isCompared = lock.kind === 'pylock' || lock.kind === 'requirements';
  return cacheKey('dependencies', {
    document: document as unknown as KeyPart,
    installation: runtime.installation.key,
    optimize: manifest.python.optimize,
    strip: manifest.build.strip,
    extras: options.extras,
    groups: options.groups,
    requirements: isCompared ? project.requirements : [],
    // uv chooses wheels by what this machine is, or by what it is told.
    uv: uv.version,
    machine: runsHere(target) ? machine() : '',
    platform: [...platform.args, platform.changes['MACOSX_DEPLOYMENT_TARGET'] ?? ''],
    target: targetName(target),
    compiler: runtime.here.version,
  });
}

/** The tree of a key. */
export async function keptDependencies(
  { cache }: BuildSession,
  key: string | undefined,
): Promise<Omit<StagedDependencies, 'lock' | 'key'> | undefined> {
  if (cache === undefined || key === undefined) return undefined;
  const kept = await findTree<Facts>(cache, 'dependencies', key);
  return kept && placed(kept.root, kept.facts);
}

/** Keeps a tree once nothing in it changes any more; where it lies then. */
export async function keepDependencies(
  { cache }: BuildSession,
  staged: StagedDependencies,
  bytecode: BytecodeReport,
): Promise<StagedDependencies> {
  const { beside, key, lock, sitePackages: _, ...rest } = staged;
  if (cache === undefined || key === undefined || staged.bytecode !== undefined) return staged;
  try {
    const root = stagingFolder(cache);
    await moveTree(beside, root);
    // What its RECORDs said has served its purpose.
    const distributions = rest.distributions.map((distribution) => ({ ...distribution, record: [] }));
    const kept = await keepTree<Facts>(cache, 'dependencies', key, {
      root,
      facts: { ...rest, distributions, bytecode },
    });
    return { ...placed(kept.root, kept.facts), key, lock };
  } catch (error) {
    if (!isSystemError(error) || !(await isFolder(beside))) throw error;
    notKept(cache, error);
    return staged;
  }
}

function placed(root: string, facts: Facts): Omit<StagedDependencies, 'lock' | 'key'> {
  return { ...facts, beside: root, sitePackages: join(root, 'site-packages') };
}

/** The C library where uv looks at its version, else the system's. */
function machine(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return `${process.platform} ${process.arch} ${header.glibcVersionRuntime ?? release()}`;
}
