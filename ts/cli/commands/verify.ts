/** `flavor verify`: every check with its outcome; exit code 3 when one did not hold. */

import { resolve } from 'node:path';

import type { Command } from 'commander';

import { FlavorError, verify } from '../../index.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT, exitCodeOf } from '../exit.js';
import { printable } from '../output.js';

/** Adds the command. */
export function addVerifyCommand(program: Command): void {
  const command = program
    .command('verify')
    .description('check every byte of a package; nothing of it is run')
    .argument('<package>', 'package file');
  withCommonOptions(command).action(async (path: string, options: CommonOptions) => {
    await runAction('verify', options, async ({ output, cwd, signal }) => {
      const result = await verify(resolve(cwd, path), { signal, onProgress: (event) => output.progress(event) });
      const { ok, checks, signer, failure } = result;
      const lines = options.quiet
        ? []
        : checks.map(
            (check) => `${check.ok ? 'ok    ' : 'FAILED'} ${printable(check.name)}: ${printable(check.detail)}`,
          );
      const name = result.package === undefined ? '' : `${result.package.name} ${result.package.version}: `;
      if (ok)
        lines.push(`${printable(name)}every byte is as it was signed; signer ${signer?.fingerprint ?? 'unknown'}`);
      output.result({ path: result.path, ok, checks, signer: signer ?? null }, lines);
      if (failure === undefined) return EXIT.ok;
      const error = new FlavorError(failure.code, failure.message, {
        hints: failure.hints,
        path: result.path,
        offset: failure.offset,
      });
      output.error(error);
      return exitCodeOf(error);
    });
  });
}
