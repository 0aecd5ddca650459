/**
 * Build hooks: commands and scripts of the project, run in the project folder before the build and when the package
 * is written. They are the only programs that may write there. What one of them prints is shown if it fails, and the
 * build fails with it. No key material is in their environment, and no key is open while they run (security.md S25).
 *
 * A hook is split into words as a shell would, and no shell is started. The first word is the path of a script if it
 * has a `/` or ends with `.py`, else the name of a program: of the project's own `.venv` if that has one, else of
 * PATH. Python scripts run with the packaged interpreter, so that nobody needs another one.
 */

import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';

import { FlavorError } from '../errors.js';
import type { ProjectManifest } from '../manifest/project-manifest.js';
import { splitWords } from '../manifest/words.js';
import { targetName } from '../platform.js';
import { isFile } from '../presence.js';
import { stage } from '../progress.js';
import type { Environment } from './environment.js';
import { type ProcessOutcome, runProcess } from './process.js';
import type { BuildSession, StagedRuntime } from './session.js';

/** When a hook runs. */
export type HookMoment = 'pre_build' | 'post_build';

/** What hooks are told. */
export interface HookFacts {
  /** Undefined before the build where the build back end decides. */
  readonly version: string | undefined;
  /** Absolute path of the package; undefined before the build where its name is not known yet. */
  readonly output: string | undefined;
  /** Names of all targets, where a hook runs once for several. */
  readonly targets?: readonly string[];
}

/** What a hook is, found out before anything runs. */
interface Hook {
  readonly text: string;
  readonly kind: 'python' | 'program';
  /** Absolute path. */
  readonly file: string;
  readonly args: readonly string[];
}

/** How much of a failed hook's output is shown. */
const MAX_LINES = 200;

/** Refuses hooks that cannot run, before the work begins. */
export async function checkHooks(manifest: ProjectManifest, environment: Environment): Promise<void> {
  for (const text of [...manifest.build.preBuild, ...manifest.build.postBuild]) {
    await findHook(manifest, environment, text);
  }
}

/** Runs the hooks of a moment, one after another; a stage if there are any. */
export async function runHooks(
  session: BuildSession,
  runtime: StagedRuntime,
  moment: HookMoment,
  facts: HookFacts,
): Promise<void> {
  const { preBuild, postBuild } = session.manifest.build;
  const hooks = moment === 'pre_build' ? preBuild : postBuild;
  if (hooks.length === 0) return;
  await stage(session.reporter, moment, `running ${moment} hooks`, async () => {
    for (const hook of hooks) await runHook(session, runtime, moment, facts, hook);
    return { value: undefined, detail: hooks.join(', ') };
  });
}

async function runHook(
  session: BuildSession,
  runtime: StagedRuntime,
  moment: HookMoment,
  facts: HookFacts,
  text: string,
): Promise<void> {
  const { manifest } = session;
  const hook = await findHook(manifest, session.environment, text);
  const isPython = hook.kind === 'python';
  const outcome = await runProcess({
    file: isPython ? runtime.here.interpreter : hook.file,
    // Bytecode beside the script would be litter in the project.
    args: isPython ? ['-B', hook.file, ...hook.args] : hook.args,
    cwd: manifest.folder,
    environment: session.environment,
    changes: {
      PATH: searchPath(manifest, session.environment),
      FLAVOR_HOOK: moment,
      FLAVOR_TARGET: (facts.targets ?? [targetName(session.target)]).join(','),
      FLAVOR_PACKAGE_NAME: manifest.name,
      FLAVOR_VERSION: facts.version,
      FLAVOR_OUTPUT: facts.output,
      FLAVOR_PROJECT: manifest.folder,
      FLAVOR_PYTHON: runtime.here.interpreter,
    },
    signal: session.reporter.signal,
  });
  if (outcome.exitCode !== 0) throw failed(session, moment, hook, outcome);
}

async function findHook(manifest: ProjectManifest, environment: Environment, text: string): Promise<Hook> {
  const [first = '', ...args] = splitWords(text) ?? [];
  const isPython = /\.pyw?$/i.test(first);
  const file = resolve(manifest.folder, first);
  if (isPython || /[\\/]/.test(first)) {
    if (!(await isFile(file))) {
      throw new FlavorError('ERR_FLAVOR_HOOK', `there is no script for the hook \`${text}\`: ${file}`, {
        path: file,
        hints: ['paths of hooks are relative to the manifest'],
      });
    }
    if (!isPython && !(await isExecutable(file))) {
      throw new FlavorError('ERR_FLAVOR_HOOK', `the script of the hook \`${text}\` may not be executed: ${file}`, {
        path: file,
        hints: [`chmod +x ${first}`, `or name its interpreter: \`"sh ${first}"\``],
      });
    }
    return { text, kind: isPython ? 'python' : 'program', file, args };
  }
  const program = await findProgram(first, searchPath(manifest, environment), environment);
  if (program !== undefined) return { text, kind: 'program', file: program, args };
  throw new FlavorError('ERR_FLAVOR_HOOK', `there is no program \`${first}\` for the hook \`${text}\``, {
    path: manifest.file,
    hints: [`install \`${first}\`, in the project's \`.venv\` or on PATH; for a script, write its path`],
  });
}

/** The project's own environment first, as its authors work with it. */
function searchPath(manifest: ProjectManifest, environment: Environment): string {
  const own = join(manifest.folder, '.venv', process.platform === 'win32' ? 'Scripts' : 'bin');
  return [own, ...(pathOf(environment) === '' ? [] : [pathOf(environment)])].join(delimiter);
}

/** Windows does not care how the name is written. */
function pathOf(environment: Environment): string {
  const name = process.platform === 'win32' ? Object.keys(environment).find((key) => /^path$/i.test(key)) : 'PATH';
  return environment[name ?? 'PATH'] ?? '';
}

async function findProgram(name: string, path: string, environment: Environment): Promise<string | undefined> {
  const endings =
    process.platform === 'win32' ? ['', ...(environment['PATHEXT'] ?? '.COM;.EXE;.BAT;.CMD').split(';')] : [''];
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    for (const ending of endings) {
      const file = join(folder, `${name}${ending}`);
      if ((await isFile(file)) && (await isExecutable(file))) return file;
    }
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function failed(session: BuildSession, moment: HookMoment, hook: Hook, outcome: ProcessOutcome): FlavorError {
  const said = [outcome.stdout, outcome.stderr].map((text) => text.trimEnd()).filter((text) => text !== '');
  const lines = said.join('\n').split('\n').slice(-MAX_LINES).join('\n');
  if (lines !== '') session.reporter.emit({ type: 'output', program: hook.text, text: lines });
  const how = outcome.exitCode === undefined ? 'was ended by a signal' : `ended with exit code ${outcome.exitCode}`;
  return new FlavorError('ERR_FLAVOR_HOOK', `the ${moment} hook \`${hook.text}\` ${how}`, {
    path: session.manifest.file,
    hints: [lines === '' ? 'it printed nothing; run it by itself in the project folder' : 'its output stands above'],
  });
}
