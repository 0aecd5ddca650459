/** `flavor extract`: one slot as a file or a folder. */

import type { Command } from 'commander';

import { extract } from '../../extract.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT, usageError } from '../exit.js';
import { extractedLine, extractedObject } from '../extracted.js';

interface ExtractCommandOptions extends CommonOptions {
  readonly output?: string;
  readonly raw?: boolean;
  readonly force?: boolean;
}

/** Adds the command. */
export function addExtractCommand(program: Command): void {
  const command = program
    .command('extract')
    .description('write one slot of a package as a folder or a file')
    .argument('<package>', 'package file')
    .argument('<slot>', 'number or id of the slot')
    .argument('[output]', 'the same as --output')
    .option('-o, --output <path>', 'file, or folder that is empty or does not exist (default: the id of the slot)')
    .option('--raw', 'write the stored bytes, neither decoded nor unpacked')
    .option('-f, --force', 'replace an existing file');
  withCommonOptions(command).action(
    async (path: string, slot: string, output: string | undefined, options: ExtractCommandOptions) => {
      await runAction('extract', options, async ({ output: terminal, cwd, signal }) => {
        if (output !== undefined && options.output !== undefined && output !== options.output) {
          throw usageError('two outputs are named', 'give one, as an argument or with `--output`');
        }
        const extracted = await extract(path, {
          slot,
          output: options.output ?? output,
          raw: options.raw,
          force: options.force,
          cwd,
          signal,
          onProgress: (event) => terminal.progress(event),
        });
        terminal.result(extractedObject(extracted), [extractedLine(extracted)]);
        return EXIT.ok;
      });
    },
  );
}
