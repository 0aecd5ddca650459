/**
 * The store of unpacked packages as the cache commands see it (STORE.md 13 to 15): what is in it, what may go, whether
 * it is what its packages hold. Everything is done by the addon; this file names it for TypeScript.
 */

import { stat } from 'node:fs/promises';

import { FlavorError, isFlavorError } from './errors.js';
import {
  type BindingCacheFindings,
  type BindingCacheInventory,
  type BindingCacheRemoval,
  examineCache,
  pruneCache,
  readCache,
  removeFromCache,
} from './native.js';
import { type ObservableOptions, observed } from './progress.js';

/** What every operation takes. */
export interface CacheOptions extends ObservableOptions {
  /** Root of the store; left out, the first place where launchers look. */
  readonly store?: string | undefined;
}

/** What {@link prune} removes. */
export interface PruneOptions extends CacheOptions {
  /** Seconds since the last use; 30 days if left out. */
  readonly maxAge?: number | undefined;
  /** Bytes that may be left. */
  readonly maxBytes?: number | undefined;
  /** Also environments of packages of other builders, in which their programs may keep files of the user. */
  readonly private?: boolean | undefined;
  /** Only say what would go. */
  readonly dryRun?: boolean | undefined;
}

/** Everything in a store. */
export type CacheInventory = BindingCacheInventory;
/** One work environment. */
export type CacheEnvironment = BindingCacheInventory['environments'][number];
/** What a clean-up did. */
export type CacheRemoval = BindingCacheRemoval;
/** What a verification or repair found. */
export type CacheFindings = BindingCacheFindings;

/** What the store holds. */
export async function inventory(options: CacheOptions = {}): Promise<CacheInventory> {
  mustBeSupported();
  return readCache(options.store);
}

/**
 * Removes what nobody needs.
 *
 * @throws {FlavorError} `ERR_STORE_BUSY` if a start is unpacking, `ERR_FLAVOR_ABORTED` if the signal was aborted.
 */
export async function prune(options: PruneOptions = {}): Promise<CacheRemoval> {
  mustBeSupported();
  const { store, maxAge, maxBytes, dryRun = false } = options;
  const limits = { maxAge, maxBytes, private: options.private ?? false, dryRun };
  return observed(options, (reporter) => pruneCache(store, limits, reporter));
}

/**
 * Removes packages from the store, named by name, by the folder of an environment, or by the path of a package file.
 *
 * @throws {FlavorError} `ERR_FLAVOR_NOT_FOUND` if a name belongs to nothing; then nothing is removed.
 */
export async function remove(
  names: readonly string[],
  options: CacheOptions & { readonly dryRun?: boolean | undefined } = {},
): Promise<CacheRemoval> {
  mustBeSupported();
  return observed(options, async (reporter) => {
    try {
      return await removeFromCache(options.store, [...names], options.dryRun ?? false, reporter);
    } catch (error) {
      if (!isFlavorError(error) || error.code !== 'ERR_FLAVOR_NOT_FOUND') throw error;
      throw new FlavorError(error.code, error.message, { hints: ['`flavor cache list` names what there is'] });
    }
  });
}

/** Compares the store with its packages: those that its receipts name, and `packages`. */
export function verifyCache(packages: readonly string[], options: CacheOptions = {}): Promise<CacheFindings> {
  return examine('verify', packages, options);
}

/** Compares likewise, and makes anew what differs. */
export function repairCache(packages: readonly string[], options: CacheOptions = {}): Promise<CacheFindings> {
  return examine('repair', packages, options);
}

async function examine(
  operation: 'verify' | 'repair',
  packages: readonly string[],
  options: CacheOptions,
): Promise<CacheFindings> {
  mustBeSupported();
  for (const path of packages) await mustExist(path);
  return observed(options, (reporter) => examineCache(operation, options.store, [...packages], reporter));
}

async function mustExist(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (cause) {
    throw new FlavorError('ERR_FLAVOR_NOT_FOUND', `there is no package at this path: ${path}`, { path, cause });
  }
}

function mustBeSupported(): void {
  if (process.platform === 'win32') {
    throw new FlavorError('ERR_FLAVOR_BINDING', 'the cache commands do not exist for Windows yet', { hints: [] });
  }
}
