/**
 * Which key `pack` and `assemble` sign with. A flag wins over a variable; two flags, or two variables that differ, are a mistake
 * that is not resolved by guessing: a package signed by the wrong key is worse than none.
 */

import type { PackKey } from '../signing.js';
import { usageError } from './exit.js';

/** Everything that can name a key. */
export interface KeyOptions {
  readonly key?: string | undefined;
  readonly privateKey?: string | undefined;
  readonly keySeed?: string | undefined;
}

/** What was found, and what should be said about it. */
export interface ChosenKey {
  readonly key: PackKey;
  readonly warning: string | undefined;
}

const VARIABLES = ['FLAVOR_SEED', 'FLAVOR_KEY_SEED'] as const;

/** Chooses the key; `-` as the seed reads standard input to its end. */
export async function chooseKey(
  options: KeyOptions,
  environment: Readonly<Record<string, string | undefined>>,
  stdin: AsyncIterable<Buffer | string>,
): Promise<ChosenKey> {
  const { key, privateKey, keySeed } = options;
  if (key !== undefined && privateKey !== undefined && key !== privateKey) {
    throw usageError('`--key` and `--private-key` name different files', 'they mean the same; give one of them');
  }
  const file = key ?? privateKey;
  if (file !== undefined && keySeed !== undefined) {
    throw usageError('`--key` and `--key-seed` cannot be used together', 'sign with a file or with a seed');
  }
  if (file !== undefined) return { key: { source: 'file', path: file }, warning: undefined };
  if (keySeed === '-') {
    return { key: seedKey(await readSeed(stdin), 'the seed on standard input'), warning: undefined };
  }
  if (keySeed !== undefined) {
    return {
      key: seedKey(keySeed, '`--key-seed`'),
      warning:
        'a seed given as an argument can be read by everybody on this machine; use `--key-seed -` or FLAVOR_SEED',
    };
  }
  const seeds = VARIABLES.map((name) => environment[name]).filter((seed) => seed !== undefined && seed !== '');
  const [seed] = seeds;
  if (seed === undefined) return { key: { source: 'ephemeral' }, warning: undefined };
  if (new Set(seeds).size > 1) {
    throw usageError(`${VARIABLES.join(' and ')} hold different seeds`, 'they mean the same; unset one of them');
  }
  return { key: seedKey(seed, 'the seed'), warning: undefined };
}

/** Where the key came from, in words. */
export function keySourceText(source: PackKey['source']): string {
  return { ephemeral: 'an ephemeral key', seed: 'a key from a seed', file: 'a key file' }[source];
}

/** What should be said about a package that this key signed. */
export function keyNote(key: PackKey): string | undefined {
  if (key.source !== 'ephemeral') return undefined;
  return 'the key was made for this package and is gone: it proves integrity, but not who made it (`--key`)';
}

function seedKey(seed: string, what: string): PackKey {
  if (seed === '') throw usageError(`${what} is empty`);
  return { source: 'seed', seed };
}

async function readSeed(stdin: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const part of stdin) text += part.toString();
  return text.replace(/\r?\n$/, '');
}
