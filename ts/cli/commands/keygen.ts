/** `flavor keygen`: a new key pair; existing files are never replaced unasked. */

import { resolve } from 'node:path';

import type { Command } from 'commander';

import { generateKeys } from '../../keys.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT } from '../exit.js';

interface KeygenCommandOptions extends CommonOptions {
  readonly outDir: string;
  readonly force?: boolean;
}

/** Adds the command. */
export function addKeygenCommand(program: Command): void {
  const command = program
    .command('keygen')
    .description('make a key pair for signing packages')
    .option('-o, --out-dir <folder>', 'folder of the two files', 'keys')
    .option('-f, --force', 'replace existing key files');
  withCommonOptions(command).action(async (options: KeygenCommandOptions) => {
    await runAction('keygen', options, async ({ output, cwd }) => {
      const pair = await generateKeys({ directory: resolve(cwd, options.outDir), force: options.force });
      const { privateKeyPath, publicKeyPath, fingerprint } = pair;
      output.result({ private_key: privateKeyPath, public_key: publicKeyPath, fingerprint }, [
        `private key ${privateKeyPath}`,
        `public key ${publicKeyPath}`,
        `fingerprint ${fingerprint}`,
      ]);
      output.note('whoever has the private key can sign in your name: keep it out of repositories');
      return EXIT.ok;
    });
  });
}
