/**
 * Child processes of the packager. Output is captured and belongs into the error when a child fails; on
 * cancellation the child goes together with everything that it started.
 */

import { execa } from 'execa';

import { abortedError } from '../cancellation.js';
import { FlavorError, messageOf } from '../errors.js';
import type { Environment } from './environment.js';
import { childEnvironment } from './environment.js';

/** What a child is to do. */
export interface ProcessRequest {
  readonly file: string;
  readonly args: readonly string[];
  /** Working folder. */
  readonly cwd: string;
  /** The user's environment; secrets are removed from it here. */
  readonly environment: Environment;
  /** Variables to set, or to remove with undefined. */
  readonly changes?: Environment;
  /** Whether the child is uv, which alone gets credentials of package indexes. */
  readonly isUv?: boolean;
  readonly signal: AbortSignal;
  /** Text for standard input; nothing otherwise. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** How a child ended. */
export interface ProcessOutcome {
  /** Exit code; undefined when a signal or the time limit ended it. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** How long a child may take to end after a polite signal. */
const KILL_DELAY_MS = 2000;
/** A child that prints more than this keeps running, its output is cut. */
const MAX_OUTPUT_CHARACTERS = 16 * 1024 * 1024;

/** Runs a child to its end. Only a child that cannot be started, and cancellation, are errors here. */
export async function runProcess(request: ProcessRequest): Promise<ProcessOutcome> {
  const { file, args, cwd, signal, input, timeoutMs } = request;
  if (signal.aborted) throw abortedError(signal);
  // A process group of its own, so that a build back end started by uv does not outlive a cancelled uv.
  const grouped = process.platform !== 'win32';
  const child = execa(file, args, {
    cwd,
    env: childEnvironment(request.environment, request.changes, request.isUv),
    extendEnv: false,
    reject: false,
    detached: grouped,
    cleanup: true,
    stripFinalNewline: false,
    maxBuffer: MAX_OUTPUT_CHARACTERS,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  });
  let timedOut = false;
  const kill = (name: NodeJS.Signals): void => {
    try {
      if (grouped && child.pid !== undefined) process.kill(-child.pid, name);
      else child.kill(name);
    } catch {
      // It ended by itself in the meantime.
    }
  };
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    kill('SIGTERM');
    killTimer = setTimeout(() => kill('SIGKILL'), KILL_DELAY_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          stop();
        }, timeoutMs);
  try {
    const result = await child;
    if (signal.aborted) throw abortedError(signal);
    if (result.exitCode === undefined && !timedOut && result.signal === undefined) {
      throw new FlavorError('ERR_FLAVOR_IO', `a program could not be started: ${file}`, {
        path: file,
        cause: result.cause ?? new Error(messageOf(result)),
      });
    }
    return {
      exitCode: timedOut ? undefined : result.exitCode,
      stdout: result.stdout ?? '',
      stderr: result.stderr ?? '',
      timedOut,
    };
  } finally {
    clearTimeout(timer);
    clearTimeout(killTimer);
    signal.removeEventListener('abort', stop);
  }
}

/** The last lines of what a failed child said, as the cause of an error. */
export function outputCause(outcome: ProcessOutcome, lines = 40): Error {
  const text = `${outcome.stderr}\n${outcome.stdout}`.trim();
  const tail = text.split('\n').slice(-lines).join('\n').trim();
  return new Error(tail === '' ? `exit code ${outcome.exitCode ?? 'none'}, no output` : tail);
}
