/**
 * Turns the staged runtime into what its slot holds, once everything that was built against it is there: cleaned,
 * trimmed, compiled, and with the lowest system known that serves it and all binaries beside it.
 *
 * What comes out depends on the installation, on settings, and on three facts about what comes with it, and nothing else:
 * where the installation has a digest, the build cache keeps it.
 */

import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';

import {
  type BuildCache,
  copyTree,
  findTree,
  type KeptTree,
  keepTree,
  moveTree,
  notKept,
  stagingFolder,
} from '../build-cache/build-cache.js';
import { cacheKey } from '../build-cache/key.js';
import { isSystemError } from '../errors.js';
import type { ProjectManifest, TrimSettings } from '../manifest/project-manifest.js';
import { targetName } from '../platform.js';
import { binaryNeeds, type Floor, highestFloor } from './binary-floor.js';
import { compileTree } from './bytecode.js';
import { addCertificates } from './certificates.js';
import { layoutOf } from './layout.js';
import { normaliseRuntime } from './runtime-tree.js';
import type { BuildSession, StagedRuntime } from './session.js';
import { nameTkinter } from './tkinter-use.js';
import { type TrimReport, trimCompany, trimRuntime } from './trim.js';

/** What comes with the runtime. */
export interface RuntimeCompany {
  /** Folders with everything that lies in other slots. */
  readonly trees: readonly string[];
  /** Folders and files of the manifest's own slots. */
  readonly slots: readonly string[];
  /** Folded names of the distributions in them. */
  readonly distributions: readonly string[];
}

/** The finished slot. */
export interface RuntimeSlot {
  /** The runtime as it is packed; to be read only. */
  readonly runtime: StagedRuntime;
  /** Of the whole package. */
  readonly floor: Floor;
  readonly trimmed: TrimReport;
  /** Modules that were compiled. */
  readonly compiled: number;
  /** Modules that do not compile, each with the reason. */
  readonly failed: readonly string[];
}

type Facts = Omit<RuntimeSlot, 'runtime'>;

/** What decides about the runtime's slot besides the runtime and the settings. */
export type JudgedCompany = Deciding & { readonly floor: Floor };

/** Looks at what comes with the runtime, before its modules are compiled: what a compiler is writing cannot be looked at. */
export async function judgeCompany(
  session: BuildSession,
  { distributions, slots, trees }: RuntimeCompany,
): Promise<JudgedCompany> {
  const { floor, libraries } = await binaryNeeds(session.target, trees);
  const asksForTkinter = session.manifest.python.trim.tkinter === 'auto';
  const namesTkinter = asksForTkinter && (await nameTkinter([...trees, ...slots], session.manifest));
  return { distributions, floor, libraries, namesTkinter };
}

/** Finishes it. A runtime of the scratch folder is changed in place. */
export async function finishRuntime(
  session: BuildSession,
  runtime: StagedRuntime,
  { floor, ...deciding }: JudgedCompany,
): Promise<RuntimeSlot> {
  const { facts, root } = await keptOrFinished(session, runtime, deciding);
  const interpreter = join(root, relative(runtime.root, runtime.interpreter));
  return { ...facts, runtime: { ...runtime, root, interpreter }, floor: highestFloor(facts.floor, floor) };
}

type Deciding = Parameters<typeof trimCompany>[0];

async function keptOrFinished(
  session: BuildSession,
  runtime: StagedRuntime,
  deciding: Deciding,
): Promise<KeptTree<Facts>> {
  const { cache, manifest, scratch, target } = session;
  const { installation } = runtime;
  if (cache === undefined || installation === undefined) {
    return { root: runtime.root, facts: await finish(session, runtime, runtime.root, deciding) };
  }
  const { optimize } = manifest.python;
  const trim = trimSettings(manifest);
  const key = cacheKey('runtime', {
    installation: installation.key,
    optimize,
    trim: { ...trim },
    target: targetName(target),
    compiler: runtime.here.version,
    ...trimCompany(deciding),
  });
  const kept = await findTree<Facts>(cache, 'runtimes', key);
  if (kept !== undefined) return kept;
  const copy = join(scratch, 'runtime');
  // The spare names itself, a copy of the kept installation names that one.
  if (installation.spare === undefined) await copyTree(runtime.root, copy);
  const root = installation.spare ?? copy;
  const facts = await finish(session, runtime, root, deciding, installation.spare ?? runtime.root);
  return keepFinished(cache, key, { root, facts });
}

async function keepFinished(
  cache: BuildCache,
  key: string,
  { facts, root }: KeptTree<Facts>,
): Promise<KeptTree<Facts>> {
  const staged = stagingFolder(cache);
  try {
    await moveTree(root, staged);
  } catch (error) {
    if (!isSystemError(error) || !existsSync(root)) throw error;
    notKept(cache, error);
    return { root, facts };
  }
  return keepTree(cache, 'runtimes', key, { root: staged, facts });
}

/** Works in place. */
async function finish(
  session: BuildSession,
  { interpreter: original, minor, root: installed, ...runtime }: StagedRuntime,
  root: string,
  deciding: Deciding,
  named = root,
): Promise<Facts> {
  const { manifest, target } = session;
  const { optimize } = manifest.python;
  const settings = trimSettings(manifest);
  const own = { ...runtime, minor, root, interpreter: join(root, relative(installed, original)) };
  const { library } = layoutOf(target, minor);
  // On Windows the system's own store is asked, and has no path.
  if (target.os !== 'windows') await addCertificates(join(root, library));
  await normaliseRuntime(session, own, named);
  const trimmed = await trimRuntime({ target, runtime: own, settings, ...deciding });
  const { floor } = await binaryNeeds(target, [root]);
  const { compiled, failed } = await compileTree(session, own, {
    root: join(root, library.split('/')[0] ?? ''),
    optimize,
  });
  return { floor, trimmed, compiled, failed };
}

function trimSettings({ build, python }: ProjectManifest): TrimSettings {
  return { ...python.trim, symbols: python.trim.symbols || build.strip };
}

/** One line about what was taken out, the largest part first; empty if nothing was. */
export function trimText(trimmed: TrimReport): string {
  const parts = Object.entries(trimmed).sort(([, left], [, right]) => right - left);
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const total = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  if (total === 0) return '';
  return `${megabytes(total)} left out (${parts.map(([name, bytes]) => `${name} ${megabytes(bytes)}`).join(', ')})`;
}
