/**
 * Decides how the interpreter of a package starts (design §4 "Start"), and makes what the fast start needs: for each
 * command a runner, which does the work of `site` from what is known when the package is made
 * (embedded/runner.py). A program must not be able to tell the two starts apart, so whatever could make a difference
 * keeps the ordinary one.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import type { ProjectManifest } from '../manifest/project-manifest.js';
import type { Target } from '../platform.js';
import { fromSources } from './bytecode.js';
import type { CommandEntry, CommandSet } from './commands.js';
import { embeddedFile } from './embedded-files.js';
import { layoutOf } from './layout.js';
import { type PathFiles, type PathLine, readPathFiles, reasonForSite } from './path-lines.js';
import { outputCause, runProcess } from './process.js';
import { FIRST_PYTHON_LINE, type Interpreter, script } from './scripts.js';
import type { BuildSession, StagedRuntime } from './session.js';
import type { SiteTree } from './site-tree.js';
import { sortedEntries } from './tree.js';

/** How a package starts. */
export interface Start {
  readonly mode: 'fast' | 'site';
  /** Why it is not the fast start; undefined if it is. */
  readonly reason: string | undefined;
  /** Scripts that have a runner. */
  readonly runners: ReadonlySet<string>;
  /** The dependencies' `.pth` files, as they are packed. */
  readonly dependencyPaths: PathFiles;
}

/** What the decision is made from. */
export interface StartRequest {
  readonly runtime: StagedRuntime;
  readonly interpreter: Interpreter;
  readonly application: SiteTree;
  readonly dependencies: SiteTree;
  readonly commandSet: CommandSet;
}

/** Folder of the runners in site-packages; no name that a project would give to a module of its own. */
export const RUNNERS = '_flavor_start';
/** The one `.pth` file of ours. */
export const PATH_FILE = '_flavor.pth';
/** Names folders in which `site` would look for a sitecustomize. */
const PYTHON_VARIABLE = 'PYTHONPATH';

/** Decides, and puts the runners into the application. */
export async function prepareStart(session: BuildSession, request: StartRequest): Promise<Start> {
  const { application, dependencies, runtime } = request;
  const own = await readPathFiles(application.sitePackages);
  const dependencyPaths = await readPathFiles(dependencies.sitePackages);
  const { start: wanted } = session.manifest.python;
  const reason =
    wanted === 'site'
      ? 'the manifest asks for it'
      : session.target.os === 'windows'
        ? 'packages for Windows have no fast start'
        : (reasonForSite([own, dependencyPaths]) ??
          (await customizerOf(session.target, runtime)) ??
          variableReason(session.manifest));
  if (reason !== undefined) {
    if (wanted === 'fast') throw notFast(session.manifest, reason);
    return { mode: 'site', reason, runners: new Set(), dependencyPaths };
  }
  const scripts = scriptsWithRunner(request);
  await compileRunners(session, request, scripts, own, dependencyPaths);
  const main = mainFile(request.commandSet);
  const runners = new Set([...scripts.keys(), ...(main === undefined ? [] : [main.name])]);
  return { mode: 'fast', reason: undefined, runners, dependencyPaths };
}

/** Functions of the commands, and of the console scripts that commands begin with. */
function scriptsWithRunner({ application, dependencies, commandSet }: StartRequest): Map<string, CommandEntry> {
  const scripts = new Map(commandSet.commands);
  for (const { argv } of commandSet.settings.values()) {
    const word = argv?.[0] ?? '';
    const entry = application.scripts.get(word) ?? dependencies.scripts.get(word);
    if (entry !== undefined && !scripts.has(word)) scripts.set(word, entry);
  }
  return scripts;
}

/** The command that is a file of the application. */
function mainFile({ main }: CommandSet): { readonly name: string; readonly path: string } | undefined {
  return main?.program.kind === 'file' ? { name: main.name, path: main.program.path } : undefined;
}

async function compileRunners(
  session: BuildSession,
  { application, commandSet, interpreter, runtime }: StartRequest,
  scripts: ReadonlyMap<string, CommandEntry>,
  own: PathFiles,
  dependencies: PathFiles,
): Promise<void> {
  const folder = join(application.sitePackages, RUNNERS);
  await mkdir(folder, { recursive: true });
  const layout = layoutOf(session.target, runtime.minor);
  const sitePackages = `/${layout.sitePackages}`;
  const lines = [...own.lines, ...dependencies.lines];
  const folders = (isWanted: (line: PathLine) => boolean): string[] =>
    unique(own.lines.filter(isWanted).flatMap((line) => (line.kind === 'path' ? [`/${line.path}`] : [])));
  const settings = {
    site_packages: sitePackages,
    known: [...own.files, PATH_FILE].sort(),
    // `site` reads the files in the order of their names.
    before: folders(({ file }) => file < PATH_FILE),
    paths: ['', ...unique(dependencies.lines.flatMap((line) => (line.kind === 'path' ? [`/${line.path}`] : [])))],
    after: folders(({ file }) => file > PATH_FILE),
    variables: unique(lines.flatMap((line) => (line.kind === 'variables' ? line.variables : []))),
    distutils: lines.flatMap((line) => (line.kind === 'distutils' ? [line.unless] : []))[0] ?? '',
  };
  const main = mainFile(commandSet);
  const runner = (name: string, script: string) => ({
    path: join(folder, `${name}.pyc`),
    settings: { ...settings, inside: `${sitePackages}/${RUNNERS}/${name}.pyc`, script },
  });
  const outcome = await runProcess({
    file: runtime.here.interpreter,
    args: ['-I', ...fromSources(session), embeddedFile('compile_runners.py')],
    cwd: session.scratch,
    environment: session.environment,
    signal: session.reporter.signal,
    input: JSON.stringify({
      runner: embeddedFile('runner.py'),
      optimize: session.manifest.python.optimize,
      runners: [
        ...[...scripts].map(([name, entry]) => ({
          ...runner(name, `/${layout.programs}/${name}`),
          script: script(entry, interpreter),
          line: FIRST_PYTHON_LINE,
        })),
        ...(main === undefined
          ? []
          : [
              { ...runner(main.name, `${sitePackages}/${main.path}`), file: join(application.sitePackages, main.path) },
            ]),
      ],
    }),
  });
  const [, why] = /^SyntaxError: (.+)$/m.exec(outcome.stdout) ?? [];
  if (why !== undefined) {
    throw new FlavorError('ERR_FLAVOR_SMOKE', `Python ${runtime.version} cannot compile ${main?.path}: ${why}`, {
      path: session.manifest.file,
      hints: ['correct the script, or choose the version of Python that it is written for with `--python`'],
    });
  }
  if (outcome.exitCode !== 0) {
    throw new FlavorError('ERR_FLAVOR_RUNTIME', 'the packaged interpreter could not compile the runners of commands', {
      hints: ['`start = "site"` under `[tool.flavor.python]` does without them'],
      cause: outputCause(outcome),
    });
  }
}

/** A sitecustomize that came with the interpreter itself. */
async function customizerOf(target: Target, { root, minor }: StagedRuntime): Promise<string | undefined> {
  const names = (await sortedEntries(join(root, layoutOf(target, minor).library))).map(({ name }) => name);
  const found = names.find((name) => /^(site|user)customize($|\.)/.test(name));
  return found === undefined ? undefined : `${found} of the interpreter runs at each start`;
}

/** Folders of a variable may hold a sitecustomize, which nobody sees before the program starts. */
function variableReason({ commands, execution }: ProjectManifest): string | undefined {
  const { isolated, map, pass, set } = execution.environment;
  const isSet = PYTHON_VARIABLE in set || [...commands.values()].some(({ env }) => PYTHON_VARIABLE in env);
  const isPassed = !isolated || pass.includes(PYTHON_VARIABLE) || Object.values(map).includes(PYTHON_VARIABLE);
  return isSet || isPassed ? `the program may get ${PYTHON_VARIABLE}` : undefined;
}

function notFast({ file }: ProjectManifest, reason: string): FlavorError {
  return new FlavorError('ERR_FLAVOR_DEPENDENCY', `the fast start is not possible: ${reason}`, {
    path: file,
    hints: [
      'leave `start = "fast"` out of `[tool.flavor.python]`, or what needs the ordinary start out of the package',
    ],
  });
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
