/** `flavor lock`: writes or compares the lock file of a project. */

import { relative } from 'node:path';

import type { Command } from 'commander';

import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT } from '../exit.js';
import { inputArgument, manifestOption } from '../input-options.js';

interface LockCommandOptions extends CommonOptions {
  readonly manifest?: string;
  readonly output?: string;
  readonly check?: boolean;
  readonly upgrade?: boolean;
  readonly python?: string;
  readonly offline?: boolean;
  /** commander's name for `--no-cache`. */
  readonly cache: boolean;
  readonly findLinks: readonly string[];
  readonly extra: readonly string[];
  readonly group: readonly string[];
}

/** Adds the command. */
export function addLockCommand(program: Command): void {
  const command = program
    .command('lock')
    .description('write what a package of the project will hold to pylock.toml')
    .addArgument(inputArgument())
    .addOption(manifestOption())
    .option(
      '-o, --output <file>',
      'lock file to write (default: pylock.toml, for a script or wheel pylock.<name>.toml)',
    )
    .option('--check', 'write nothing; fail if the file is not up to date')
    .option('-U, --upgrade', 'take the newest versions instead of keeping locked ones')
    .option('--python <version>', 'oldest version of Python that the lock serves')
    .option('--offline', 'ask nothing from a network')
    .option('--no-cache', 'use nothing that earlier builds kept, and keep nothing')
    .option('--find-links <place>', 'folder or page with distributions (repeatable)', collected, [])
    .option('--extra <name>', 'extra of the project (repeatable)', collected, [])
    .option('--group <name>', 'dependency group (repeatable)', collected, []);
  withCommonOptions(command).action(async (input: string | undefined, options: LockCommandOptions) => {
    await runAction('lock', options, async ({ output, cwd, signal }) => {
      const { lock } = await import('../../lock.js');
      const { path, changed, source, packages } = await lock({
        input,
        manifest: options.manifest,
        output: options.output,
        check: options.check,
        upgrade: options.upgrade,
        python: options.python,
        offline: options.offline,
        buildCache: options.cache,
        findLinks: options.findLinks,
        extras: options.extra,
        groups: options.group,
        cwd,
        signal,
        onProgress: (event) => output.progress(event),
      });
      const count = `${packages.length} distribution${packages.length === 1 ? '' : 's'}`;
      output.result({ path, changed, source, packages }, [
        `${relative(cwd, path) || path} (${count} from ${source === 'uv.lock' ? 'uv.lock' : 'a resolution'}), ${changed ? 'written' : 'up to date'}`,
      ]);
      return EXIT.ok;
    });
  });
}

function collected(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
