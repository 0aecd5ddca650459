/**
 * `generateKeys`: a new key pair in two files. The private key never enters JavaScript.
 */

import { resolve } from 'node:path';

import { writeKeyPair } from './native.js';

/** Options of {@link generateKeys}. */
export interface GenerateKeysOptions {
  /**
   * Folder of the two files; made if it does not exist.
   * @default the working folder
   */
  readonly directory?: string | undefined;
  /**
   * Whether existing key files may be replaced.
   * @default false
   */
  readonly force?: boolean | undefined;
}

/** A written key pair. */
export interface GenerateKeysResult {
  /** PKCS#8 PEM, readable by its owner only. */
  readonly privateKeyPath: string;
  /** SubjectPublicKeyInfo PEM. */
  readonly publicKeyPath: string;
  /** Lower hex SHA-256 of the 32 bytes of the public key. */
  readonly fingerprint: string;
}

/**
 * Writes a new Ed25519 key pair.
 *
 * @throws {FlavorError} `ERR_FLAVOR_KEY_EXISTS` if a key file exists and `force` is not set; `ERR_FLAVOR_OUTPUT` or
 * `ERR_FLAVOR_IO` if the files cannot be written.
 */
export async function generateKeys(options: GenerateKeysOptions = {}): Promise<GenerateKeysResult> {
  const { privateKeyPath, publicKeyPath, fingerprint } = await writeKeyPair(
    resolve(options.directory ?? '.'),
    options.force ?? false,
  );
  return { privateKeyPath, publicKeyPath, fingerprint };
}
