/**
 * Builds wheels of local projects from their copies, in isolation, with whatever back end they name.
 */

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { FlavorError } from '../errors.js';
import { runsHere, targetName } from '../platform.js';
import { compilerFlags } from './compiler-flags.js';
import { buildExplanation, uvWords } from './dependency-errors.js';
import { indexSettings } from './index-settings.js';
import type { LockDocument, LockedPackage } from './lock-document.js';
import { outputCause, type ProcessOutcome } from './process.js';
import type { ProjectSources } from './project-sources.js';
import { type BuildSession, runUv, type StagedRuntime } from './session.js';
import { sortedEntries } from './tree.js';

/** What to build. */
export interface WheelRequest {
  /** Folder of the copy. */
  readonly folder: string;
  /** Name of the distribution, for messages. */
  readonly name: string;
  /** The user's manifest, for messages. */
  readonly path: string;
  readonly sources: ProjectSources;
}

/** Builds one wheel; its path. */
export async function buildWheelOf(
  session: BuildSession,
  runtime: StagedRuntime,
  { folder, name, path, sources }: WheelRequest,
): Promise<string> {
  const base = join(session.scratch, 'wheels');
  await mkdir(base, { recursive: true });
  const wheels = await mkdtemp(join(base, '-'));
  const { args, changes } = indexSettings(session);
  const outcome = await runUv(
    session,
    ['build', '--wheel', '--python', runtime.here.interpreter, '--out-dir', wheels, ...args, folder],
    { ...changes, ...compilerFlags(session, runtime) },
  );
  const file = (await sortedEntries(wheels)).find((entry) => entry.name.endsWith('.whl'));
  if (outcome.exitCode === 0 && file !== undefined) return join(wheels, file.name);
  const text = sources.original(outcome.stderr);
  const words = uvWords(text);
  const explanation = words.compiler ?? (lastLines(text) || buildExplanation(words));
  throw new FlavorError(
    'ERR_FLAVOR_BUILD',
    `the wheel of \`${name}\` could not be built${explanation === '' ? '' : `: ${explanation}`}`,
    {
      path,
      hints: ['with `--verbose` the output of the build back end is shown'],
      cause: outputCause(outcome),
    },
  );
}

/** `uv build` lets the back end print before it speaks itself. */
function lastLines(stderr: string): string {
  const said = stderr.split(/^error: /m)[0] ?? '';
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !/^(Building|warning:) ?/.test(line));
  return lines.slice(-3).join(' ').slice(-300).trim();
}

/** Whether a wheel that was built here serves the target: one without compiled code serves every platform. */
export function fitsTarget({ target }: Pick<BuildSession, 'target'>, path: string): boolean {
  return runsHere(target) || /-any\.whl$/.test(path);
}

/** The error for a local project with compiled code, which is built for this machine and no other. */
export function notPure(session: BuildSession, name: string, wheel: string, outcome?: ProcessOutcome): FlavorError {
  const target = targetName(session.target);
  return new FlavorError(
    'ERR_FLAVOR_NO_WHEEL',
    `\`${name}\` has compiled code, and its wheel is built for this machine, not for ${target}: ${basename(wheel)}`,
    {
      path: session.manifest.file,
      hints: [
        `build its wheel on a machine of ${target} (\`uv build --wheel\`), and name the folder that it is in with \`--find-links\``,
        `or run \`flavor pack\` on a machine of ${target}`,
      ],
      ...(outcome === undefined ? {} : { cause: outputCause(outcome) }),
    },
  );
}

const builtWheels = new WeakMap<ProjectSources, Map<string, Promise<string>>>();

/** The wheel of a folder among the sources of one build: for several targets it is built once. */
function builtOnce(sources: ProjectSources, folder: string, build: () => Promise<string>): Promise<string> {
  const known = builtWheels.get(sources) ?? new Map<string, Promise<string>>();
  builtWheels.set(sources, known);
  const wheel = known.get(folder) ?? build();
  known.set(folder, wheel);
  return wheel;
}

/** Replaces the folders of a lock document by wheels that are built from their copies. */
export async function withBuiltFolders(
  session: BuildSession,
  runtime: StagedRuntime,
  sources: ProjectSources,
  document: LockDocument,
): Promise<LockDocument> {
  const packages: LockedPackage[] = [];
  for (const entry of document.packages) {
    const { directory, ...rest } = entry;
    if (directory === undefined) {
      packages.push(entry);
      continue;
    }
    const folder = join(await sources.locate(directory.path), directory.subdirectory ?? '');
    const path = join(sources.original(folder), 'pyproject.toml');
    const wheel = await builtOnce(sources, folder, () =>
      buildWheelOf(session, runtime, { folder, name: entry.name, path, sources }),
    );
    if (!fitsTarget(session, wheel)) throw notPure(session, entry.name, wheel);
    const sha256 = createHash('sha256')
      .update(await readFile(wheel))
      .digest('hex');
    packages.push({ ...rest, archive: { path: wheel, hashes: { sha256 } } });
  }
  return { ...document, packages };
}
