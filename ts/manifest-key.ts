/**
 * The key that a manifest names, where neither the command line nor FLAVOR_SEED says who signs. A key that stands in a
 * variable is put into a file for the moment of signing, after all code of the project has run (security.md S25).
 */

import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { FlavorError } from './errors.js';
import type { ProjectManifest } from './manifest/project-manifest.js';
import type { Environment } from './python/environment.js';
import { checkedKey, type PackKey } from './signing.js';

/** Who signs, and where the key is until then. */
export interface SigningKey {
  readonly source: PackKey['source'];
  /** Calls with a key that the assembler can open. */
  use<Result>(scratch: string, operation: (key: PackKey) => Promise<Result>): Promise<Result>;
}

/** The caller's key, else the manifest's, else none. A key file must exist; nobody looks into it yet. */
export async function signingKey(
  given: PackKey | undefined,
  manifest: ProjectManifest,
  environment: Environment,
  cwd: string,
): Promise<SigningKey> {
  const { key, keyEnv } = manifest.sign;
  if (given === undefined && keyEnv !== undefined) return keyOfVariable(manifest, keyEnv, environment, cwd);
  const stated: PackKey = key === undefined ? { source: 'ephemeral' } : { source: 'file', path: key };
  return keyOf(await checkedKey(given ?? stated, cwd));
}

/** The environment without the variable that leads to the key: nothing that a build starts has it. */
export function withoutKey(environment: Environment, { sign }: ProjectManifest): Environment {
  return sign.keyEnv === undefined ? environment : { ...environment, [sign.keyEnv]: undefined };
}

async function keyOfVariable(
  manifest: ProjectManifest,
  name: string,
  environment: Environment,
  cwd: string,
): Promise<SigningKey> {
  const value = environment[name] ?? '';
  if (value === '') {
    throw new FlavorError('ERR_FLAVOR_KEY', `the variable ${name} of \`tool.flavor.sign.key_env\` is not set`, {
      path: manifest.file,
      hints: [`set ${name} to a private key or the path of one, or sign with \`--key\``],
    });
  }
  if (!value.trimStart().startsWith('-----BEGIN ')) {
    return keyOf(await checkedKey({ source: 'file', path: resolve(cwd, value) }, cwd));
  }
  return {
    source: 'file',
    async use(scratch, operation) {
      const path = join(scratch, 'signing-key.pem');
      try {
        await writeFile(path, value.endsWith('\n') ? value : `${value}\n`, { mode: 0o600, flag: 'wx' });
        return await operation({ source: 'file', path });
      } finally {
        await rm(path, { force: true });
      }
    },
  };
}

function keyOf(key: PackKey): SigningKey {
  return { source: key.source, use: (_scratch, operation) => operation(key) };
}
