/**
 * What `pack` and `assemble` share about signing: who signs, and the one time that goes into a package. The key itself
 * never enters JavaScript.
 */

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';

import { FlavorError } from './errors.js';
import { readPublicKey } from './native.js';
import type { Environment } from './python/environment.js';

/** Who signs a package. */
export type PackKey =
  /** A key that is made for this package and thrown away: integrity, but no identity. */
  | { readonly source: 'ephemeral' }
  /** The key whose 32 bytes are the SHA-256 of a text. */
  | { readonly source: 'seed'; readonly seed: string }
  /** A private key file: PKCS#8 PEM, or 32 raw bytes. */
  | { readonly source: 'file'; readonly path: string };

/** Compression level: 3 is fast, 9 the usual one, 19 for releases. */
export type PackLevel = 3 | 9 | 19;

/** The level, or the usual one. */
export function checkedLevel(level: PackLevel = 9): PackLevel {
  if (![3, 9, 19].includes(level))
    throw new TypeError(`Expected \`level\` to be 3, 9 or 19, got \`${String(level)}\`.`);
  return level;
}

/** Absolute path of the key, which must exist; nobody looks into it yet. */
export async function checkedKey(key: PackKey, cwd: string): Promise<PackKey> {
  if (key.source !== 'file') return key;
  const path = resolve(cwd, key.path);
  try {
    await stat(path);
  } catch (cause) {
    throw new FlavorError('ERR_FLAVOR_NOT_FOUND', `there is no key file at this path: ${path}`, {
      path,
      hints: ['create a key pair with `flavor keygen`'],
      cause,
    });
  }
  return { source: 'file', path };
}

/** Absolute path of the public key file that the signing key must belong to; it must hold a public key. */
export async function checkedPublicKey(
  file: string | undefined,
  { source }: { readonly source: PackKey['source'] },
  cwd: string,
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  if (source === 'ephemeral') {
    throw new FlavorError('ERR_FLAVOR_OPTION', 'a public key was given, but no private key to sign with', {
      hints: ['give its private key with `--key`'],
    });
  }
  const path = resolve(cwd, file);
  await readPublicKey(path);
  return path;
}

/** Seconds since 1970, if the variable is set; a value that cannot be obeyed must not pass as a repeatable build. */
export function sourceDateEpoch(environment: Environment): number | undefined {
  const text = environment['SOURCE_DATE_EPOCH'] ?? '';
  if (text === '') return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new FlavorError(
    'ERR_FLAVOR_OPTION',
    `SOURCE_DATE_EPOCH is not a whole number of seconds since 1970 (got \`${text}\`)`,
    { hints: ['unset SOURCE_DATE_EPOCH, or set it to a number such as `date +%s` prints'] },
  );
}
