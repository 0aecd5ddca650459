/**
 * Turns what a project says about its dependencies into one lock document: from `uv.lock`, `pylock.toml`, requirements
 * files, or by resolving. uv does the work; where it does not judge whether a lock file still fits, `dependencies.ts` does.
 *
 * An outdated `uv.lock` is what `uv run` and `uv sync` make of it: locked versions are kept where they still fit and
 * the rest is resolved, with a warning, in a copy. `--locked` makes it an error. Files that nothing can renew
 * by itself (`pylock.toml`, requirements) must fit, always.
 */

import { copyFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

import { FlavorError } from '../errors.js';
import { foldName } from '../manifest/names.js';
import { nearestWord } from '../manifest/nearest.js';
import { dependencyError, type FailureContext, missingHash } from './dependency-errors.js';
import type { Environment } from './environment.js';
import { buildFlags, indexSettings } from './index-settings.js';
import { digestsOf, type LockDocument, readLockDocument, restrictedTo, withoutPackages } from './lock-document.js';
import type { LockChoice } from './lock-file.js';
import type { ProcessOutcome } from './process.js';
import type { ProjectWheel } from './project.js';
import { readDigests } from './requirements.js';
import { type BuildSession, runUv, type StagedRuntime } from './session.js';
import { platformSettings } from './uv-platform.js';

/** What is resolved. */
export interface ResolutionRequest {
  readonly session: BuildSession;
  readonly runtime: StagedRuntime;
  readonly project: ProjectRequirements;
  readonly context: FailureContext;
  /** For every platform and later versions of Python, instead of the one that is packaged. */
  readonly universal?: {
    /** The oldest version of Python, such as `3.11`. */
    readonly pythonVersion: string;
    /** Lock document whose versions are kept where they fit. */
    readonly previous: string | undefined;
  };
}

/** What a project asks for. */
export type ProjectRequirements = Pick<ProjectWheel, 'requirements' | 'inputs' | 'uvFolder' | 'extras' | 'sources'>;

/** Refuses extras and groups that the project does not have. */
export function checkSelection({
  session: { manifest, options },
  project,
}: Pick<ResolutionRequest, 'session' | 'project'>): void {
  const check = (kind: string, chosen: readonly string[], known: readonly string[]): void => {
    for (const name of chosen) {
      if (known.some((candidate) => foldName(candidate) === foldName(name))) continue;
      const near = nearestWord(name, known);
      throw new FlavorError('ERR_FLAVOR_DEPENDENCY', `the project has no ${kind} \`${name}\``, {
        path: manifest.file,
        hints: [
          near !== undefined
            ? `did you mean \`${near}\`?`
            : known.length === 0
              ? `it has no ${kind} at all`
              : `it has these: ${known.join(', ')}`,
        ],
      });
    }
  };
  check('extra', options.extras, project.extras);
  check('dependency group', options.groups, [...manifest.dependencyGroups.keys()]);
}

/** The document of a lock file, without the project itself. */
export async function lockedDocument(request: ResolutionRequest, lock: LockChoice): Promise<LockDocument | undefined> {
  switch (lock.kind) {
    case 'none':
      return undefined;
    case 'uv':
      return withoutProject(request, await exportedDocument(request, lock.file));
    case 'pylock':
      return withoutProject(request, await readLockDocument(lock.file));
    case 'requirements':
      return requirementsDocument(request, lock.files);
  }
}

/** What the project and the additional requirements resolve to. */
export async function resolvedDocument(request: ResolutionRequest, more: readonly string[]): Promise<LockDocument> {
  const { session, project } = request;
  const { extras, groups } = session.options;
  const inputs: string[] = [...(project.inputs ?? [])];
  const manifest = join(project.sources.folder, 'pyproject.toml');
  const flags = groups.flatMap((group) => ['--group', `${manifest}:${group}`]);
  // Where the back end decides, the wheel says what it has decided.
  const isStatic = session.manifest.dependencies !== undefined && session.manifest.optionalDependencies !== undefined;
  if (isStatic) {
    inputs.push(manifest);
    flags.push(...extras.flatMap((extra) => ['--extra', extra]));
  }
  const lines = isStatic || inputs.length > 0 ? more : [...project.requirements, ...more];
  return withoutProject(request, await compile(request, { inputs, lines, flags }));
}

/** What additional requirements resolve to beside a document, whose versions stay. */
export async function additionalDocument(
  request: ResolutionRequest,
  document: LockDocument,
  more: readonly string[],
): Promise<LockDocument> {
  const constraints = document.packages.flatMap(({ name, version, archive, vcs }) => {
    if (archive?.path !== undefined) return [`${name} @ ${pathToFileURL(archive.path).href}`];
    if (vcs?.url !== undefined) return [`${name} @ git+${vcs.url}@${vcs['commit-id'] ?? ''}`];
    return version === undefined ? [] : [`${name}==${version}`];
  });
  const added = await compile(request, { inputs: [], lines: more, flags: [], constraints });
  return withoutPackages(added, new Set(document.packages.map(({ name }) => foldName(name))));
}

function withoutProject({ session }: ResolutionRequest, document: LockDocument): LockDocument {
  // A script or a folder is no distribution; one of its name is a dependency.
  if (session.manifest.input.kind === 'script' || session.manifest.input.kind === 'folder') return document;
  return withoutPackages(document, new Set([foldName(session.manifest.distribution)]));
}

interface CompileInput {
  /** Manifests and requirements files. */
  readonly inputs: readonly string[];
  readonly lines: readonly string[];
  readonly flags: readonly string[];
  readonly constraints?: readonly string[];
}

async function compile(request: ResolutionRequest, input: CompileInput): Promise<LockDocument> {
  const { session, runtime, context } = request;
  const { scratch, folder } = await newFolder(session);
  const { inputs, lines, flags, constraints = [] } = input;
  const output = join(folder, 'pylock.toml');
  if (inputs.length === 0 && lines.length === 0) return { packages: [], 'lock-version': '1.0', 'created-by': 'flavor' };
  const { universal } = request;
  if (universal?.previous !== undefined) await copyFile(universal.previous, output);
  const outcome = await compileTo(session, {
    output,
    folder: request.project.uvFolder ?? session.manifest.folder,
    inputs: [...inputs, ...(lines.length === 0 ? [] : [await scratch('requirements.in', lines)])],
    flags: [
      '--python',
      runtime.here.interpreter,
      ...(universal === undefined
        ? platformFlags(request)
        : ['--universal', '--python-version', universal.pythonVersion]),
      ...flags,
      ...(constraints.length === 0 ? [] : ['--constraints', await scratch('constraints.txt', constraints)]),
    ],
    changes: platformSettings(session).changes,
  });
  if (outcome.exitCode !== 0) {
    throw dependencyError(outcome, { ...context, requirements: [...context.requirements, ...lines] });
  }
  return readLockDocument(output);
}

/** Markers are those of the packaged interpreter, which may be another than the one that does its work here. */
function platformFlags({ runtime, session }: ResolutionRequest): readonly string[] {
  const { args } = platformSettings(session);
  return args.length === 0 ? [] : [...args, '--python-version', runtime.version];
}

/** `uv pip compile` into a lock document. */
function compileTo(
  session: BuildSession,
  request: {
    readonly output: string;
    readonly folder: string;
    readonly inputs: readonly string[];
    readonly flags: readonly string[];
    readonly changes: Environment;
  },
): Promise<ProcessOutcome> {
  const { args, changes } = indexSettings(session);
  const { output, folder, inputs, flags } = request;
  return runUv(
    session,
    [
      ...[
        'pip',
        'compile',
        '--directory',
        folder,
        '--quiet',
        '--format',
        'pylock.toml',
        '--no-header',
        '--no-annotate',
      ],
      ...['--output-file', output, ...flags, ...args, ...buildFlags(session), ...inputs],
    ],
    { ...changes, ...request.changes },
  );
}

/** `uv export` of the workspace's `uv.lock` into a lock document. */
function exportTo(
  session: BuildSession,
  request: { readonly output: string; readonly flags: readonly string[]; readonly folder: string },
): Promise<ProcessOutcome> {
  const { extras, groups } = session.options;
  const { args, changes } = indexSettings(session);
  const { file, input } = session.manifest;
  const ofProject = [
    ...['--directory', request.folder, '--no-emit-project', '--no-default-groups'],
    ...extras.flatMap((extra) => ['--extra', extra]),
    ...groups.flatMap((group) => ['--group', group]),
  ];
  const ofScript = ['--script', join(request.folder, basename(file))];
  return runUv(
    session,
    [
      ...['export', '--quiet', '--locked', '--format', 'pylock.toml', '--no-header', '--no-annotate'],
      ...(input.kind === 'script' ? ofScript : ofProject),
      ...['--output-file', request.output, ...request.flags, ...args],
    ],
    changes,
  );
}

/** Whether a `uv export --locked` failed because the lock file does not fit the project any more. */
function isOutdated(outcome: ProcessOutcome): boolean {
  return /needs to be updated/.test(outcome.stderr);
}

/** The error for a lock file that does not fit the project. */
export function outdatedLock(file: string, hint: string, detail = ''): FlavorError {
  return new FlavorError('ERR_FLAVOR_LOCK', `the lock file does not fit the project any more: ${file}${detail}`, {
    path: file,
    hints: [hint],
  });
}

async function exportedDocument(request: ResolutionRequest, file: string): Promise<LockDocument> {
  const { session, runtime, project, context } = request;
  const { manifest, options, reporter } = session;
  const { folder } = await newFolder(session);
  const output = join(folder, 'pylock.toml');
  const flags = ['--python', runtime.here.interpreter];
  let outcome = await exportTo(session, { output, flags, folder: manifest.folder });
  if (outcome.exitCode !== 0 && isOutdated(outcome)) {
    const { kind } = manifest.input;
    const command = kind === 'script' ? `uv lock --script ${basename(manifest.file)}` : 'uv lock';
    if (options.locked) throw outdatedLock(file, `run \`${command}\`, and look at what it changes`);
    reporter.emit({
      type: 'warning',
      message: `${relative(manifest.folder, file) || file} does not fit the ${kind} any more; what changed was resolved for this package (\`${command}\` renews the file, \`--locked\` makes this an error)`,
    });
    await copyFile(file, join(project.sources.workspace, basename(file)));
    const { args, changes } = indexSettings(session);
    const { folder: directory } = project.sources;
    const what =
      kind === 'script' ? ['--script', join(directory, basename(manifest.file))] : ['--directory', directory];
    outcome = await runUv(session, ['lock', ...what, '--quiet', ...flags, ...args], changes);
    if (outcome.exitCode === 0) outcome = await exportTo(session, { output, flags, folder: directory });
  }
  if (outcome.exitCode !== 0) throw dependencyError(outcome, context);
  return readLockDocument(output);
}

/** Requirements files with digests restrict each package to the files that they name. */
async function requirementsDocument(request: ResolutionRequest, files: readonly string[]): Promise<LockDocument> {
  const { session, project } = request;
  const copies = await Promise.all(files.map((file) => project.sources.locate(file)));
  const document = await compile(request, { inputs: copies, lines: [], flags: [] });
  const { digests, areUsed } = await readDigests(copies);
  if (!areUsed && !session.options.locked) return document;
  const packages = document.packages.map((entry) => {
    const wanted = digests.get(foldName(entry.name));
    const what = entry.version === undefined ? entry.name : `${entry.name}==${entry.version}`;
    if (wanted === undefined || wanted.size === 0) {
      const { code, message, hints } = missingHash(what);
      throw new FlavorError(code, message, { hints, path: files[0] });
    }
    const restricted = restrictedTo(entry, wanted);
    if (digestsOf(restricted).length > 0) return restricted;
    const list = (all: Iterable<string>): string => [...all].sort().join(' or ');
    throw new FlavorError(
      'ERR_FLAVOR_HASH',
      `no file of \`${what}\` has a digest of the requirements files (got ${list(digestsOf(entry))}, expected ${list(wanted)})`,
      {
        hints: [
          'if the new file is meant, write the requirements anew; if not, the index serves a file that was changed',
        ],
      },
    );
  });
  return { ...document, packages };
}

/** A folder of its own for each run: the name of a lock document is fixed. */
async function newFolder(session: BuildSession): Promise<{
  readonly folder: string;
  readonly scratch: (name: string, lines: readonly string[]) => Promise<string>;
}> {
  const base = join(session.scratch, 'resolution');
  await mkdir(base, { recursive: true });
  const folder = await mkdtemp(join(base, '-'));
  return {
    folder,
    async scratch(name, lines) {
      const file = join(folder, name);
      await writeFile(file, lines.map((line) => `${line}\n`).join(''));
      return file;
    },
  };
}
