/** `flavor verify`: every check with its outcome; exit code 3 when one did not hold, 4 when the signer is not trusted. */

import { resolve } from 'node:path';

import type { Command } from 'commander';

import { FlavorError } from '../../errors.js';
import { type Coverage, type VerifyResult, verify } from '../../verify.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { coverageObject, coverageText } from '../coverage.js';
import { EXIT, exitCodeOf } from '../exit.js';
import { printable } from '../output.js';

interface VerifyCommandOptions extends CommonOptions {
  readonly deep?: boolean;
}

/** Adds the command. */
export function addVerifyCommand(program: Command): void {
  const command = program
    .command('verify')
    .description('check every byte of a package; nothing of it is run')
    .argument('<package>', 'package file')
    .option('--deep', "also decode the slots of other builders' packages, and list what the signature covers");
  withCommonOptions(command).action(async (path: string, options: VerifyCommandOptions) => {
    await runAction('verify', options, async ({ output, cwd, signal }) => {
      const deep = options.deep ?? false;
      const onProgress = output.progress.bind(output);
      const result = await verify(resolve(cwd, path), { deep, signal, onProgress });
      const { ok, checks, signer, failure, foreign, coverage } = result;
      const more = deep ? { foreign, coverage: coverage.map(coverageObject) } : {};
      output.result({ path: result.path, ok, checks, signer: signer ?? null, ...more }, [
        ...(options.quiet ? [] : detailLines(result, deep)),
        ...verdictLine(result),
      ]);
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

function detailLines({ checks, coverage }: VerifyResult, deep: boolean): string[] {
  const held = checks.map(({ ok, name, detail }) => `${ok ? 'ok    ' : 'FAILED'} ${name}: ${detail}`);
  const bytes = deep ? coverage.map((range) => `bytes  ${coverageText(range)}`) : [];
  return [...held, ...bytes].map(printable);
}

/** What an intact package is worth. */
function verdictLine({ ok, foreign, coverage, package: info, signer }: VerifyResult): string[] {
  if (!ok) return [];
  const name = info === undefined ? '' : `${info.name} ${info.version}: `;
  const sum = (ranges: readonly Coverage[]): number => ranges.reduce((bytes, { from, to }) => bytes + to - from, 0);
  const open = sum(coverage.filter(({ coveredBy }) => coveredBy === undefined));
  const verdict = foreign
    ? `what is signed is as it was signed, but ${open} of ${sum(coverage)} bytes are not covered by the signature`
    : 'every byte is as it was signed';
  return [printable(`${name}${verdict}; signer ${signer?.fingerprint ?? 'unknown'}`)];
}
