/**
 * Where things that can be had again are kept between runs: the same root as the store of unpacked slots,
 * beside `v1/`. Nothing here is ever the only copy.
 */

import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

import type { Environment } from './python/environment.js';

/** Root of the cache; it may not exist yet. */
export function cacheDirectory(environment: Environment): string {
  const chosen = absolute(environment['FLAVOR_CACHE']) ?? absolute(environment['FLAVOR_CACHE_DIR']);
  if (chosen !== undefined) return chosen;
  const xdg = absolute(environment['XDG_CACHE_HOME']);
  if (xdg !== undefined) return join(xdg, 'flavor');
  const home = absolute(environment['HOME']) ?? homedir();
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches', 'flavor');
  const local = absolute(environment['LOCALAPPDATA']);
  if (process.platform === 'win32' && local !== undefined) return join(local, 'flavor');
  return join(home, '.cache', 'flavor');
}

function absolute(path: string | undefined): string | undefined {
  return path !== undefined && path !== '' && isAbsolute(path) ? path : undefined;
}
