/**
 * Asks the packaged interpreter whether the functions that the commands call exist in the staged trees. Runs code
 * of the project, so no key is open by then (security.md S25), and HOME is a scratch folder.
 */

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import type { EntryPoint } from '../manifest/names.js';
import { formatEntryPoint } from '../manifest/names.js';
import { nearestWord } from '../manifest/nearest.js';
import { embeddedFile } from './embedded-files.js';
import { runProcess } from './process.js';
import { type BuildSession, knowsSafePath, type StagedRuntime } from './session.js';

/** What is checked. */
export interface SmokeRequest {
  /** Content of the application's site-packages. */
  readonly application: string;
  /** Content of the dependencies' site-packages. */
  readonly dependencies: string;
  /** Import lines of the dependencies' `.pth` files. */
  readonly importLines: readonly string[];
  /** Commands by name. */
  readonly commands: ReadonlyMap<string, EntryPoint>;
}

interface Answer {
  readonly command: string;
  readonly outcome: 'ok' | 'no-module' | 'no-attribute' | 'missing-import' | 'import-failed';
  readonly detail: string;
  readonly available: readonly string[];
}

const TIMEOUT_MS = 120_000;
const MAX_SHOWN = 8;

/** Refuses commands that cannot work; reports those whose module only failed to be imported here. */
export async function checkCommands(
  session: BuildSession,
  runtime: StagedRuntime,
  request: SmokeRequest,
): Promise<void> {
  const home = join(session.scratch, 'home');
  await mkdir(home, { recursive: true });
  const answerFile = join(session.scratch, 'entry-points.jsonl');
  const entries = [...request.commands].map(([command, entry]) => ({ command, ...entry }));
  const outcome = await runProcess({
    file: runtime.interpreter,
    args: ['-s', ...(knowsSafePath(runtime) ? ['-P'] : []), '-B', embeddedFile('check_entry_points.py')],
    cwd: home,
    environment: session.environment,
    changes: { HOME: home, XDG_CONFIG_HOME: undefined, XDG_DATA_HOME: undefined, PYTHONDONTWRITEBYTECODE: '1' },
    signal: session.reporter.signal,
    input: JSON.stringify({
      paths: [request.application, request.dependencies],
      lines: request.importLines,
      entries,
      answer: answerFile,
    }),
    timeoutMs: TIMEOUT_MS,
  });
  const text = await readFile(answerFile, 'utf8').catch(() => '');
  const answers = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Answer);
  for (const [command, entry] of request.commands) {
    const answer = answers.find((candidate) => candidate.command === command);
    if (answer === undefined) {
      const how = outcome.timedOut ? `took longer than ${TIMEOUT_MS / 1000} s` : 'ended the interpreter';
      warn(session, `command \`${command}\` could not be checked: the import of \`${entry.module}\` ${how}`);
      continue;
    }
    judge(session, command, entry, answer);
  }
}

function judge(session: BuildSession, command: string, entry: EntryPoint, answer: Answer): void {
  const text = formatEntryPoint(entry);
  switch (answer.outcome) {
    case 'ok':
      return;
    case 'no-module':
      throw new FlavorError(
        'ERR_FLAVOR_ENTRY_POINT',
        `command \`${command}\` calls \`${text}\`, but the package has no module \`${entry.module}\``,
        { hints: [suggestion(entry.module, answer.available, 'modules')] },
      );
    case 'no-attribute':
      throw new FlavorError(
        'ERR_FLAVOR_ENTRY_POINT',
        `command \`${command}\` calls \`${text}\`, but \`${entry.module}\` has no attribute \`${answer.detail}\``,
        { hints: [suggestion(answer.detail, answer.available, 'functions')] },
      );
    case 'missing-import':
      throw new FlavorError(
        'ERR_FLAVOR_ENTRY_POINT',
        `command \`${command}\` calls \`${text}\`, which imports \`${answer.detail}\`, and no dependency provides it`,
        { hints: [`add the distribution of \`${answer.detail}\` to \`project.dependencies\``] },
      );
    case 'import-failed':
      warn(
        session,
        `command \`${command}\` could not be checked: importing \`${entry.module}\` failed here: ${answer.detail}`,
      );
  }
}

function warn(session: BuildSession, message: string): void {
  session.reporter.emit({ type: 'warning', message });
}

function suggestion(wrong: string, available: readonly string[], kind: string): string {
  const near = nearestWord(wrong, available);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  if (available.length === 0) return `there are no ${kind} to call there`;
  const shown = available.slice(0, MAX_SHOWN).join(', ');
  return `there are these ${kind}: ${shown}${available.length > MAX_SHOWN ? ', …' : ''}`;
}
