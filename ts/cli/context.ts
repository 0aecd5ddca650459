/**
 * What every command shares: the common options, and the frame that runs an action, turns what it throws into
 * words and an exit code, and cancels it on a signal.
 */

import { resolve } from 'node:path';

import type { Command } from 'commander';

import { asFlavorError, EXIT, exitCodeOf } from './exit.js';
import { Output } from './output.js';

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color: boolean;
  readonly cwd?: string;
}

/** What an action works with. */
export interface ActionContext {
  readonly output: Output;
  /** Base of relative paths. */
  readonly cwd: string;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

/** Adds the common options. */
export function withCommonOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON object per line')
    .option('-q, --quiet', 'print only results and errors')
    .option('-v, --verbose', 'print the causes of errors, and how long each stage took')
    .option('--no-color', 'print without colours (also: NO_COLOR)')
    .option('-C, --cwd <folder>', 'work in this folder');
}

/** Output of a command under its options. */
export function outputFor(command: string, options: CommonOptions): Output {
  const mayColor = options.color && (process.env['NO_COLOR'] ?? '') === '' && process.stderr.isTTY === true;
  return new Output(command, {
    json: options.json ?? false,
    quiet: options.quiet ?? false,
    verbose: options.verbose ?? false,
    color: mayColor,
  });
}

/** Runs an action; its exit code becomes the one of the process. */
export async function runAction(
  command: string,
  options: CommonOptions,
  action: (context: ActionContext) => Promise<number>,
): Promise<void> {
  const output = outputFor(command, options);
  const stop = new AbortController();
  let interrupted = false;
  const interrupt = (): void => {
    // Who asks a second time does not want to wait for the cleaning up.
    if (interrupted) process.exit(EXIT.interrupted);
    interrupted = true;
    stop.abort(new Error('interrupted'));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    process.exitCode = await action({ output, cwd: resolve(options.cwd ?? '.'), signal: stop.signal });
  } catch (thrown) {
    const error = asFlavorError(thrown);
    output.error(error);
    process.exitCode = interrupted ? EXIT.interrupted : exitCodeOf(error);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
