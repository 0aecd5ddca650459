/**
 * The command line: commands, help, and mistakes in it. Actions live in `commands/`.
 */

import { readFileSync } from 'node:fs';

import { Command, CommanderError } from 'commander';

import { addAssembleCommand } from './commands/assemble.js';
import { addExtractCommand } from './commands/extract.js';
import { addExtractAllCommand } from './commands/extract-all.js';
import { addInspectCommand } from './commands/inspect.js';
import { addKeygenCommand } from './commands/keygen.js';
import { addPackCommand } from './commands/pack.js';
import { addRunCommand } from './commands/run.js';
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
    const command = program.commands.find((candidate) => candidate.name() === args[0])?.name();
    const hint =
      near === undefined
        ? `\`flavor ${command === undefined ? '' : `${command} `}--help\` lists what there is`
        : `did you mean \`${near}\`?`;
    outputFor('usage', { color: !args.includes('--no-color'), json: asksForJson(args) }).error(
      usageError(message.replace(/\.$/, ''), hint),
    );
  }
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
    addAssembleCommand,
    addVerifyCommand,
    addInspectCommand,
    addExtractCommand,
    addExtractAllCommand,
    addKeygenCommand,
    addRunCommand,
  ];
  for (const add of commands) add(program);
  for (const command of program.commands) command.exitOverride().configureOutput({ outputError: () => undefined });
  return program;
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
