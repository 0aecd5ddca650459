/** `flavor size`: where the bytes of a package are, and what could go, as a tree, as JSON and as a page. */

import { open, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import type { Command } from 'commander';

import { FlavorError } from '../../errors.js';
import { withFolderOf } from '../../output-path.js';
import { isFile } from '../../presence.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT, usageError } from '../exit.js';
import { sizeLines, sizeObject } from '../size-report.js';

interface SizeCommandOptions extends CommonOptions {
  readonly depth?: string;
  readonly all?: boolean;
  readonly advice: boolean;
  readonly html?: string;
}

/** How the pages of this command begin. */
const PAGE_BEGINS = '<!doctype html>';

/** Adds the command. */
export function addSizeCommand(program: Command): void {
  const command = program
    .command('size')
    .description('show where the bytes of a package are, and what could go; it is verified first')
    .argument('<package>', 'package file')
    .option(
      '-d, --depth <number>',
      'levels of the tree: 1 slots, 2 distributions, 3 and more folders and files (default: 2)',
    )
    .option('-a, --all', 'show small rows too, and with no `--depth` every file')
    .option('--no-advice', 'do not find out what could go, which takes most of the time')
    .option('--html <file>', 'write the whole as one page with a map, too');
  withCommonOptions(command).action(async (path: string, options: SizeCommandOptions) => {
    await runAction('size', options, async ({ output, cwd, signal }) => {
      const depth = options.depth === undefined ? undefined : depthOf(options.depth);
      const page = options.html === undefined ? undefined : resolve(cwd, options.html);
      if (page !== undefined) await mustNotBeSomethingElse(page);
      const onProgress = output.progress.bind(output);
      const { size } = await import('../../size.js');
      const result = await size(path, { cwd, advice: options.advice, signal, onProgress });
      if (page !== undefined) {
        const { sizePage } = await import('../../size/page.js');
        await writePage(page, sizePage(result));
      }
      const { isTTY, columns } = process.stdout;
      const view = { depth, all: options.all ?? false, width: isTTY ? columns : undefined };
      output.result(sizeObject(result, page), sizeLines(result, view));
      if (page !== undefined) output.note(`the map is in ${page}`);
      return EXIT.ok;
    });
  });
}

function depthOf(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw usageError(`--depth has the value \`${text}\``, 'a depth is a number: 0 is the file, 1 its slots');
}

/** A slip of the keyboard must not cost anybody a package. */
async function mustNotBeSomethingElse(path: string): Promise<void> {
  if (!(await isFile(path))) return;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PAGE_BEGINS.length), 0, PAGE_BEGINS.length, 0);
    if (bytesRead === 0 || buffer.toString('latin1', 0, bytesRead).toLowerCase() === PAGE_BEGINS) return;
  } finally {
    await file.close();
  }
  throw new FlavorError('ERR_FLAVOR_OUTPUT', `the output exists and is no page: ${path}`, {
    path,
    hints: ['remove that file first, or choose another path with `--html`'],
  });
}

async function writePage(path: string, text: string): Promise<void> {
  await withFolderOf(path, async () => {
    try {
      await writeFile(path, text);
    } catch (cause) {
      throw new FlavorError('ERR_FLAVOR_OUTPUT', `the page could not be written: ${path}`, { path, cause });
    }
  });
}
