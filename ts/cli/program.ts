/**
 * The command line: commands, help, and mistakes in it. Actions live in `commands/`, and load what packing needs, which is
 * most of what there is, only when they run.
 */

import { readFileSync } from 'node:fs';

import { Command, CommanderError } from 'commander';

import { addAssembleCommand } from './commands/assemble.js';
import { addCacheCommands } from './commands/cache.js';
import { addExtractCommand } from './commands/extract.js';
import { addExtractAllCommand } from './commands/extract-all.js';
import { addInspectCommand } from './commands/inspect.js';
import { addKeygenCommand } from './commands/keygen.js';
import { addLaunchersCommands } from './commands/launchers.js';
import { addLockCommand } from './commands/lock.js';
import { addPackCommand } from './commands/pack.js';
import { addRunCommand } from './commands/run.js';
import { addSizeCommand } from './commands/size.js';
import { addVerifyCommand } from './commands/verify.js';
import { outputFor } from './context.js';
import { EXIT, usageError } from './exit.js';

/** Runs a command line (without the names of interpreter and script); sets the exit code of the process. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const program = buildProgram();
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    process.exitCode = EXIT.usage;
    // Help that nobody asked for: commander has printed it.
    if (error.code === 'commander.help') return;
    const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
    const near = /^\(Did you mean (.+)\?\)$/.exec(suggestion ?? '')?.[1];
    const hint =
      near === undefined
        ? `\`flavor ${namedCommand(program, args)}--help\` lists what there is`
        : `did you mean \`${near}\`?`;
    outputFor('usage', { color: !args.includes('--no-color'), json: asksForJson(args) }).error(
      usageError(message.replace(/\.$/, ''), hint),
    );
  }
}

/** The command that the arguments name, with a space behind each word. */
function namedCommand(parent: Command, [name, ...rest]: readonly string[]): string {
  const command = parent.commands.find((candidate) => candidate.name() === name);
  return command === undefined ? '' : `${command.name()} ${namedCommand(command, rest)}`;
}

/** Arguments behind the package of `run` are the program's. */
function asksForJson(args: readonly string[]): boolean {
  const ours = args[0] === 'run' ? args.slice(0, 1 + args.slice(1).findIndex((text) => !text.startsWith('-'))) : args;
  return ours.includes('--json');
}

function buildProgram(): Command {
  const program = new Command('flavor')
    .description('Turns a Python project into one signed file that runs everywhere its platform runs.')
    .version(packageVersion(), '-V, --version')
    .enablePositionalOptions()
    .exitOverride()
    // Mistakes are printed by us, in our form.
    .configureOutput({ outputError: () => undefined });
  const commands = [
    addPackCommand,
    addLockCommand,
    addAssembleCommand,
    addVerifyCommand,
    addInspectCommand,
    addSizeCommand,
    addExtractCommand,
    addExtractAllCommand,
    addKeygenCommand,
    addRunCommand,
    addCacheCommands,
    addLaunchersCommands,
  ];
  for (const add of commands) add(program);
  silence(program);
  return program;
}

/** Options of the program do not reach its commands, and theirs not the commands below. */
function silence(parent: Command): void {
  for (const command of parent.commands) {
    command.exitOverride().configureOutput({ outputError: () => undefined });
    silence(command);
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
