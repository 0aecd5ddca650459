/** `flavor extract-all`: every slot of a package, and its metadata, in one new folder. */

import type { Command } from 'commander';

import { extractAll } from '../../extract.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT } from '../exit.js';
import { extractedLine, extractedObject } from '../extracted.js';
import { printable } from '../output.js';

interface ExtractAllCommandOptions extends CommonOptions {
  readonly raw?: boolean;
}

/** Adds the command. */
export function addExtractAllCommand(program: Command): void {
  const command = program
    .command('extract-all')
    .description('write all slots of a package, and its metadata, into a folder')
    .argument('<package>', 'package file')
    .argument('<folder>', 'folder that is empty or does not exist')
    .option('--raw', 'write the stored bytes, neither decoded nor unpacked');
  withCommonOptions(command).action(async (path: string, folder: string, options: ExtractAllCommandOptions) => {
    await runAction('extract-all', options, async ({ output, cwd, signal }) => {
      const all = await extractAll(path, {
        folder,
        raw: options.raw,
        cwd,
        signal,
        onProgress: (event) => output.progress(event),
      });
      output.result({ folder: all.folder, metadata: all.metadataPath, slots: all.slots.map(extractedObject) }, [
        ...all.slots.map(extractedLine),
        `metadata: ${printable(all.metadataPath)}`,
      ]);
      return EXIT.ok;
    });
  });
}
