/**
 * The build cache as the cache commands see it: how much there is, and what may go.
 */

import type { Environment } from '../python/environment.js';
import { buildCacheFolder } from './build-cache.js';
import { cacheEntries, removeUnused } from './unused.js';

/** What is in the build cache, or what went. */
export interface BuildCacheContent {
  readonly root: string;
  readonly entries: number;
  readonly bytes: number;
}

/** What is in it. */
export async function buildCacheContent(environment: Environment): Promise<BuildCacheContent> {
  const root = buildCacheFolder(environment);
  const entries = await cacheEntries(root, true);
  return { root, entries: entries.length, bytes: total(entries) };
}

/** What was used since then may be in use. */
const USED_LATELY = 24 * 60 * 60;

/** Removes what was not used for so many seconds, at least a day, 30 days if left out; what went. */
export async function pruneBuildCache(
  environment: Environment,
  { dryRun, maxAge }: { readonly dryRun: boolean; readonly maxAge: number | undefined },
): Promise<BuildCacheContent> {
  const root = buildCacheFolder(environment);
  const age = maxAge === undefined ? {} : { maxAgeMs: Math.max(maxAge, USED_LATELY) * 1000 };
  const gone = await removeUnused(root, Date.now(), { dryRun, withSizes: true, ...age });
  return { root, entries: gone.length, bytes: total(gone) };
}

function total(entries: readonly { readonly bytes: number }[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}
