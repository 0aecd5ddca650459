/** `flavor assemble`: a package from a JSON manifest of the native builders. */

import { type Command, InvalidArgumentError, Option } from 'commander';

import { type AssembleResult, assemble } from '../../assemble.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT, usageError } from '../exit.js';
import { formatSize } from '../output.js';
import { chooseKey, type KeyOptions, keyNote, keySourceText } from '../signing-key.js';
import { levelOption } from './pack.js';

interface AssembleCommandOptions extends CommonOptions, KeyOptions {
  readonly manifest: string;
  readonly output?: string;
  readonly launcher?: string;
  readonly launcherBin?: string;
  readonly level: 3 | 9 | 19;
  readonly align?: 4096 | 16384;
  readonly workenvBase?: string;
}

/** Adds the command. */
export function addAssembleCommand(program: Command): void {
  const command = program
    .command('assemble')
    .description('make a package from a JSON manifest of the native builders; nothing is built or run')
    .requiredOption('-m, --manifest <file>', 'JSON manifest')
    .option('-o, --output <path>', 'file or folder (default: dist/<name>-<version>.psp beside the manifest)')
    .option('--launcher <file>', 'launcher to embed (default: the one of this installation)')
    .addOption(new Option('--launcher-bin <file>', 'the same as --launcher').hideHelp())
    .option('-k, --key <file>', 'sign with this private key')
    .addOption(new Option('--private-key <file>', 'the same as --key'))
    .option('--key-seed <seed>', 'sign with a key derived from this seed; `-` reads standard input (also: FLAVOR_SEED)')
    .addOption(levelOption())
    .addOption(
      new Option('--align <bytes>', 'begin slots at multiples of 4096 or 16384 bytes').argParser((text) => {
        if (text === '4096' || text === '16384') return Number(text);
        throw new InvalidArgumentError('It must be 4096 or 16384.');
      }),
    )
    .option('--workenv-base <folder>', 'what `{workenv}` in sources stands for (default: the working folder)');
  withCommonOptions(command).action(async (options: AssembleCommandOptions) => {
    await runAction('assemble', options, async ({ output, cwd, signal }) => {
      const { launcher, launcherBin } = options;
      if (launcher !== undefined && launcherBin !== undefined && launcher !== launcherBin) {
        throw usageError(
          '`--launcher` and `--launcher-bin` name different files',
          'they mean the same; give one of them',
        );
      }
      const { key, warning } = await chooseKey(options, process.env, process.stdin);
      if (warning !== undefined) output.warning(warning);
      const result = await assemble({
        manifest: options.manifest,
        output: options.output,
        launcher: launcher ?? launcherBin,
        key,
        level: options.level,
        alignment: options.align,
        workenvBase: options.workenvBase,
        cwd,
        signal,
        onProgress: (event) => output.progress(event),
      });
      output.result(resultObject(result), [resultLine(result)]);
      const note = keyNote(key);
      if (note !== undefined) output.note(note);
      return EXIT.ok;
    });
  });
}

function resultObject({ path, sizeBytes, sha256, signer, slots, warnings }: AssembleResult): Record<string, unknown> {
  return {
    path,
    size_bytes: sizeBytes,
    sha256,
    signer,
    slots: slots.map(({ id, storedBytes, members }) => ({ id, stored_bytes: storedBytes, members })),
    warnings,
  };
}

function resultLine({ path, sizeBytes, signer, slots }: AssembleResult): string {
  const count = `${slots.length} slot${slots.length === 1 ? '' : 's'}`;
  return `${path} (${formatSize(sizeBytes)}, ${count}), signer ${signer.fingerprint} (${keySourceText(signer.source)})`;
}
