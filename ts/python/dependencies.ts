/**
 * Installs what the project depends on. Everything that is declared is inside afterwards, or the build fails and
 * names the requirement. What was chosen is recorded in the slot.
 *
 * Whatever it comes from, one lock document is installed: uv compares the digests of what it downloads with it.
 * Files are copies, never links into uv's cache.
 */

import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { foldName } from '../manifest/names.js';
import type { BytecodeReport } from './bytecode.js';
import { compilerFlags } from './compiler-flags.js';
import { dependenciesKey, keptDependencies } from './dependencies-kept.js';
import { dependencyError, type FailureContext, uvWords } from './dependency-errors.js';
import { buildFlags, indexSettings } from './index-settings.js';
import { wholeDocument } from './lock-additions.js';
import { type LockDocument, writeLockDocument } from './lock-document.js';
import { chooseLock, type LockChoice, lockCommand, lockFiles } from './lock-file.js';
import { builtFromSource, type ResolvedDistribution, resolvedDistributions, writeResolution } from './lock-record.js';
import { checkSelection, lockedDocument, outdatedLock, type ResolutionRequest } from './lock-resolution.js';
import type { ProcessOutcome } from './process.js';
import type { ProjectWheel } from './project.js';
import { requirementName } from './requirements.js';
import { type BuildSession, runUv, type StagedRuntime } from './session.js';
import { type SiteTree, splitEnvironment } from './site-tree.js';
import type { Stripped } from './strip.js';
import { platformSettings, wantedFloor } from './uv-platform.js';
import { makeEnvironment } from './virtual-environment.js';
import { withBuiltFolders } from './wheel-build.js';

/** The dependencies of a project, installed. */
export interface StagedDependencies extends SiteTree {
  /** What was built from source, now or when uv's cache got it, as `name==version`. */
  readonly built: readonly string[];
  /** What was chosen, sorted by name. */
  readonly resolution: readonly ResolvedDistribution[];
  /** What decided it. */
  readonly lock: LockChoice;
  /** What it may be kept under; undefined where nobody vouches for all of it. */
  readonly key: string | undefined;
  /** What was stripped from it, if it was kept. */
  readonly stripped: Stripped | undefined;
  /** How its bytecode was made, if it was kept; the tree is to be read only then. */
  readonly bytecode: BytecodeReport | undefined;
}

/** Installs the dependencies and splits the result into the tree of the dependencies slot. */
export async function stageDependencies(
  session: BuildSession,
  runtime: StagedRuntime,
  wheel: ProjectWheel,
): Promise<StagedDependencies> {
  const context: FailureContext = {
    requirements: wheel.requirements,
    target: session.target,
    floor: wantedFloor(session),
    offline: session.options.offline,
    original: wheel.sources.original,
  };
  const request: ResolutionRequest = { session, runtime, project: wheel, context };
  checkSelection(request);
  const lock = await chooseLock(session, wheel.sources);
  const document = await wholeDocument(request, await lockedDocument(request, lock));
  const key = dependenciesKey(request, lock, document);
  const kept = await keptDependencies(session, key);
  if (kept !== undefined) return { ...kept, key, lock };
  const environment = await makeEnvironment(session, runtime, 'dependencies-environment');
  await install(request, environment.root, document);
  if (lock.kind === 'pylock' || lock.kind === 'requirements') await checkFit(request, environment.root, lock, document);
  const root = join(session.scratch, 'slots', 'dependencies');
  const tree = await splitEnvironment({
    environment,
    sitePackages: join(root, 'site-packages'),
    beside: root,
    recordPrefix: '../',
    hasScripts: false,
    target: session.target,
  });
  const resolution = await resolvedDistributions(tree.sitePackages, tree.distributions, document);
  await writeResolution(root, resolution);
  const isVouchedFor = resolution.every(({ kind, sha256 }) => kind === 'wheel' && sha256 !== undefined);
  return {
    ...tree,
    built: builtFromSource(resolution),
    resolution,
    lock,
    key: isVouchedFor ? key : undefined,
    stripped: undefined,
    bytecode: undefined,
  };
}

/** Installs a document. */
async function install(request: ResolutionRequest, environment: string, document: LockDocument): Promise<void> {
  const { session, runtime, project, context } = request;
  if (document.packages.length === 0) return;
  const folder = await mkdtemp(join(session.scratch, 'install-'));
  const file = join(folder, 'pylock.toml');
  await writeLockDocument(file, await withBuiltFolders(session, runtime, project.sources, document));
  const { extras, groups } = session.options;
  const { args, changes } = indexSettings(session);
  const platform = platformSettings(session);
  const selected = [
    ...(document.extras === undefined ? [] : extras.flatMap((extra) => ['--extra', extra])),
    ...(document['dependency-groups'] === undefined ? [] : groups.flatMap((group) => ['--group', `${file}:${group}`])),
  ];
  const outcome = await runUv(
    session,
    [
      ...['pip', 'install', '--python', environment, '--link-mode', 'copy', '--no-deps', ...platform.args],
      ...(project.uvFolder === undefined ? [] : ['--directory', project.uvFolder]),
      ...[...selected, ...args, ...buildFlags(session), '--requirements', file],
    ],
    { ...changes, ...platform.changes, ...compilerFlags(session, runtime) },
  );
  if (outcome.exitCode !== 0) throw dependencyError(outcome, context);
}

/** Asks uv whether everything that the project requires is there, in a version that it allows. */
async function checkFit(
  request: ResolutionRequest,
  environment: string,
  lock: LockChoice,
  document: LockDocument,
): Promise<void> {
  const { session, project } = request;
  // Where something came from has been the lock's business: only versions are compared.
  const lines = project.requirements.map((line) => line.replace(/\s*@\s*[^;]+/, ' '));
  if (lines.length === 0) return;
  const folder = await mkdtemp(join(session.scratch, 'install-'));
  const asked = join(folder, 'requirements.txt');
  await writeFile(asked, lines.map((line) => `${line}\n`).join(''));
  const platform = platformSettings(session);
  const flags = ['--dry-run', '--offline', '--no-index', '--no-build', '--no-sources', ...platform.args];
  const outcome = await runUv(session, ['pip', 'install', '--python', environment, ...flags, '--requirements', asked], {
    ...indexSettings(session).changes,
    ...platform.changes,
    UV_FIND_LINKS: undefined,
  });
  if (outcome.exitCode === 0) return;
  const hint =
    lock.kind === 'requirements'
      ? 'write the requirements files anew, for example with `uv pip compile`'
      : `run \`${lockCommand(session.manifest)}\`, and look at what it changes`;
  throw outdatedLock(lockFiles(lock)[0] ?? '', hint, `: ${whatIsMissing(outcome, request, document)}`);
}

/** The project's requirements that uv is not content with, and what is locked for them. */
function whatIsMissing(
  { stderr }: ProcessOutcome,
  { context, project, session }: ResolutionRequest,
  document: LockDocument,
): string {
  const { causes, error } = uvWords(context.original(stderr));
  const text = (causes[0] ?? error).toLowerCase().replaceAll(/[-_.]+/g, '-');
  const named = project.requirements.filter((line) => new RegExp(`\\b${requirementName(line)}\\b`).test(text));
  if (named.length === 0) return causes[0] ?? error;
  return named
    .map((line) => {
      const locked = document.packages.find(({ name }) => foldName(name) === requirementName(line));
      const holds =
        locked === undefined ? 'holds no such distribution' : `holds ${locked.name} ${locked.version ?? ''}`.trim();
      return `the ${session.manifest.input.kind} requires \`${line}\`, the file ${holds}`;
    })
    .join('; ');
}
