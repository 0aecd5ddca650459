/**
 * Tries the package before it is made: the functions that its commands call are imported by the packaged interpreter
 * in the assembled work environment, or the command that the manifest names in `smoke` is run instead. What fails
 * here fails the build.
 *
 * Runs code of the project, so no key is open by then (security.md S25).
 */

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import type { ErrorCode } from '../error-codes.js';
import { FlavorError } from '../errors.js';
import { REQUIREMENTS_FILE } from '../manifest/inputs/find-input.js';
import type { EntryPoint } from '../manifest/names.js';
import { foldName, formatEntryPoint } from '../manifest/names.js';
import { nearestWord } from '../manifest/nearest.js';
import type { MainProgram, ProjectManifest } from '../manifest/project-manifest.js';
import { isThere } from '../presence.js';
import type { CommandSet } from './commands.js';
import { embeddedFile } from './embedded-files.js';
import { outputCause, type ProcessOutcome } from './process.js';
import type { Interpreter } from './scripts.js';
import type { BuildSession } from './session.js';
import { makeTrial, startTrial, type Trial } from './trial.js';

/** What is tried. */
export interface SmokeRequest {
  readonly interpreter: Interpreter;
  readonly commandSet: CommandSet;
  /** The manifest for assembly. */
  readonly manifestJson: string;
}

interface Answer {
  readonly command: string;
  readonly outcome: 'ok' | 'no-module' | 'no-attribute' | 'not-callable' | 'missing-import' | 'import-failed';
  readonly detail: string;
  readonly available: readonly string[];
}

/** Command of a trial that looks for the entry points; the package's own are not started by name then. */
const CHECK = 'flavor-check-entry-points';
/** What a smoke run calls the packaged interpreter by, unless the package has a command of that name. */
const PYTHON = 'python';

const TIMEOUT_MS = 120_000;
const MAX_SHOWN = 8;
const SMOKE_HINT = 'write the command that shows that the program works as `smoke = "…"` under `[tool.flavor]`';

/** Refuses a package whose commands cannot work. Returns what was tried, in words. */
export async function tryPackage(session: BuildSession, request: SmokeRequest): Promise<string> {
  const { smoke } = session.manifest;
  if (smoke !== undefined && smoke.length === 0) return 'left out';
  const { commandSet, interpreter, manifestJson } = request;
  const python = ['{workenv}/bin/python', ...interpreter.flags];
  if (smoke === undefined) {
    const check = { [CHECK]: [...python, embeddedFile('check_entry_points.py')] };
    await checkEntryPoints(session, await makeTrial(session, manifestJson, check), commandSet);
    const count = commandSet.commands.size + (commandSet.main === undefined ? 0 : 1);
    return `${count} command${count === 1 ? '' : 's'}`;
  }
  const own = commandSet.names.includes(PYTHON) ? {} : { [PYTHON]: python };
  await runSmoke(session, await makeTrial(session, manifestJson, own), commandSet, smoke);
  return smoke.join(' ');
}

async function runSmoke(
  session: BuildSession,
  trial: Trial,
  { names }: CommandSet,
  [command = '', ...args]: readonly string[],
): Promise<void> {
  const text = [command, ...args].join(' ');
  if (command !== PYTHON && !names.includes(command)) {
    throw new FlavorError('ERR_FLAVOR_SMOKE', `the smoke run \`${text}\` begins with no command of the package`, {
      path: session.manifest.file,
      hints: [suggestion(command, [...names, PYTHON], 'commands')],
    });
  }
  const outcome = await startTrial(session, trial, { command, args, timeoutMs: TIMEOUT_MS });
  if (outcome.exitCode === 0) return;
  const said = lastLine(outcome);
  throw new FlavorError('ERR_FLAVOR_SMOKE', `the smoke run \`${text}\` ${ending(outcome)}${said}`, {
    path: session.manifest.file,
    hints: ['with `--verbose` its output is shown'],
    cause: outputCause(outcome),
  });
}

async function checkEntryPoints(session: BuildSession, trial: Trial, commandSet: CommandSet): Promise<void> {
  const answerFile = join(trial.home, 'entry-points.jsonl');
  const { commands, defaultName, main } = commandSet;
  // The default command first: what is wrong with it is what the user wants to know.
  const others = [...commands.keys()].filter((name) => name !== defaultName);
  const names = commands.has(defaultName) ? [defaultName, ...others] : others;
  const entries = [
    ...(main === undefined ? [] : [{ command: main.name, ...tried(main.program) }]),
    ...names.map((command) => ({ command, ...commands.get(command) })),
  ];
  const outcome = await startTrial(session, trial, {
    command: CHECK,
    args: [],
    input: JSON.stringify({ entries, answer: answerFile }),
    timeoutMs: TIMEOUT_MS,
  });
  const text = await readFile(answerFile, 'utf8').catch(() => '');
  const answers = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Answer);
  if (main !== undefined) {
    const answer = answers.find(({ command }) => command === main.name);
    const error =
      answer === undefined
        ? notAnswered(`${shown(main.program)} could not be tried: what it imports`, outcome)
        : await programFailure(session, main.program, answer);
    if (error !== undefined) throw error;
  }
  for (const command of names) {
    const entry = commands.get(command) as EntryPoint;
    const answer = answers.find((candidate) => candidate.command === command);
    const error =
      answer === undefined ? notAnswered(calledBy(command, entry), outcome) : judged(session, command, entry, answer);
    if (error === undefined) continue;
    const missing = command === defaultName ? [] : extrasLeftOut(session, entry);
    if (missing.length === 0) throw error;
    const needs = missing.map((extra) => `\`--extra ${extra}\``).join(' and ');
    session.reporter.emit({ type: 'warning', message: `command \`${command}\` does not work without ${needs}` });
  }
}

/** Extras that an entry point needs and that are not packed: installers make such commands, too. */
function extrasLeftOut(session: BuildSession, { extras = [] }: EntryPoint): string[] {
  const packed = session.options.extras.map(foldName);
  return extras.filter((extra) => !packed.includes(extra));
}

function calledBy(command: string, { module }: EntryPoint): string {
  return `command \`${command}\` could not be tried: importing \`${module}\``;
}

function notAnswered(what: string, outcome: ProcessOutcome): FlavorError {
  return new FlavorError('ERR_FLAVOR_SMOKE', `${what} ${ending(outcome)}${lastLine(outcome)}`, {
    hints: [SMOKE_HINT, 'with `--verbose` its output is shown'],
    cause: outputCause(outcome),
  });
}

function judged(
  { manifest }: BuildSession,
  command: string,
  entry: EntryPoint,
  { outcome, detail, available }: Answer,
): FlavorError | undefined {
  const calls = `command \`${command}\` calls \`${formatEntryPoint(entry)}\``;
  const refused = (code: ErrorCode, message: string, ...hints: string[]) => new FlavorError(code, message, { hints });
  switch (outcome) {
    case 'ok':
      return undefined;
    case 'no-module':
      return refused(
        'ERR_FLAVOR_ENTRY_POINT',
        `${calls}, but the package has no module \`${entry.module}\``,
        suggestion(entry.module, available, 'modules'),
      );
    case 'no-attribute':
      return refused(
        'ERR_FLAVOR_ENTRY_POINT',
        `${calls}, but \`${entry.module}\` has no attribute \`${detail}\``,
        suggestion(detail, available, 'functions'),
      );
    case 'not-callable':
      return refused(
        'ERR_FLAVOR_ENTRY_POINT',
        `${calls}, which is no function (got ${detail})`,
        suggestion(entry.attribute, available, 'functions'),
      );
    case 'missing-import':
      return refused(
        'ERR_FLAVOR_ENTRY_POINT',
        `${calls}, which imports \`${detail}\`, and no dependency provides it`,
        addition(manifest, detail),
      );
    case 'import-failed':
      return refused(
        'ERR_FLAVOR_SMOKE',
        `command \`${command}\` cannot work: importing \`${entry.module}\` failed: ${detail}`,
        'if a file is missing, check that the wheel of the project holds it',
        SMOKE_HINT,
      );
  }
}

/** How the imports of a program are asked for. */
function tried(program: MainProgram): { readonly file: string } | { readonly run: string } {
  return program.kind === 'file' ? { file: program.path } : { run: program.module };
}

function shown(program: MainProgram): string {
  return program.kind === 'file' ? program.path : `\`python -m ${program.module}\``;
}

async function programFailure(
  { manifest }: BuildSession,
  program: MainProgram,
  { outcome, detail, available }: Answer,
): Promise<FlavorError | undefined> {
  const { file: path, folder, input } = manifest;
  const what = shown(program);
  const refused = (code: ErrorCode, message: string, ...hints: string[]) =>
    new FlavorError(code, message, { path, hints });
  switch (outcome) {
    case 'ok':
      return undefined;
    case 'no-module': {
      const module = program.kind === 'module' ? program.module : detail;
      const isPackage = available.includes(module);
      const why = isPackage ? `\`${module}\` holds no \`__main__\`` : `the package has no module \`${module}\``;
      return refused(
        'ERR_FLAVOR_ENTRY_POINT',
        `${what} cannot run: ${why}`,
        isPackage ? `name a function of it: \`${module}:function\`` : suggestion(module, available, 'modules'),
      );
    }
    case 'missing-import': {
      const [top = ''] = detail.split('.');
      const isBeside = (await isThere(join(folder, `${top}.py`))) || (await isThere(join(folder, top)));
      return refused(
        'ERR_FLAVOR_ENTRY_POINT',
        `${what} imports \`${detail}\`, and no dependency provides it`,
        input.kind === 'script' && isBeside
          ? `a script is packed alone; with ${REQUIREMENTS_FILE} beside it, its folder can be packed`
          : addition(manifest, detail),
      );
    }
    default:
      return refused('ERR_FLAVOR_SMOKE', `${what} cannot work: ${detail}`, SMOKE_HINT);
  }
}

/** Where a missing dependency is to be written. */
function addition({ file, input }: ProjectManifest, module: string): string {
  switch (input.kind) {
    case 'script':
      return input.hasBlock
        ? `add the distribution of \`${module}\` to \`dependencies\` of the \`# /// script\` block`
        : `begin the script with \`# /// script\`, \`# dependencies = ["${module}"]\` and \`# ///\`, each on its line`;
    case 'folder':
      return `add the distribution of \`${module}\` to ${basename(file)}`;
    case 'wheel':
      return `the wheel does not say that it needs the distribution of \`${module}\`; \`extra_packages\` under \`[tool.flavor.build]\` adds it`;
    case 'project':
      return `add the distribution of \`${module}\` to \`project.dependencies\``;
  }
}

function ending({ exitCode, timedOut }: ProcessOutcome): string {
  if (timedOut) return `took longer than ${TIMEOUT_MS / 1000} s`;
  return exitCode === undefined ? 'was ended by a signal' : `ended with exit code ${exitCode}`;
}

function lastLine({ stdout, stderr }: ProcessOutcome): string {
  const line = (stderr.trim() === '' ? stdout : stderr).trim().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? '' : `: ${line}`;
}

function suggestion(wrong: string, available: readonly string[], kind: string): string {
  const near = nearestWord(wrong, available);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  if (available.length === 0) return `there are no ${kind} to call there`;
  const shown = available.slice(0, MAX_SHOWN).join(', ');
  return `there are these ${kind}: ${shown}${available.length > MAX_SHOWN ? ', …' : ''}`;
}
