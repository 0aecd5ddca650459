/**
 * Looks for traces of the machine that builds in what is packed: the scratch folder, the home folder and the cache of
 * uv. Compiled files hold such paths in debug information. They do no harm where the package runs, but tell about
 * its author, and make it different in every build.
 */

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import type { BuildSession } from './session.js';
import type { SiteTree } from './site-tree.js';
import { walkTree } from './tree.js';

/** Folders that only this machine has, and that builds run in; the scratch folder last. */
export function machineFolders({
  cache,
  environment,
  scratch,
  wholeScratch = scratch,
}: Pick<BuildSession, 'cache' | 'environment' | 'scratch' | 'wholeScratch'>): string[] {
  const home = environment['HOME'] ?? homedir();
  const ofUv = environment['UV_CACHE_DIR'] ?? join(environment['XDG_CACHE_HOME'] ?? join(home, '.cache'), 'uv');
  // A home folder such as `/` or `/root` is in many texts that say nothing about this machine.
  const folders = [home, ofUv, ...(cache === undefined ? [] : [cache.root]), wholeScratch];
  return folders.filter((folder) => folder.split(/[\\/]/).filter((part) => part !== '').length > 1);
}

/** Warns about each file of a tree that names a folder of this machine; says how many do. */
export async function reportLeaks(session: BuildSession, tree: Pick<SiteTree, 'sitePackages'>): Promise<number> {
  const { reporter } = session;
  const needles = machineFolders(session).map((folder) => Buffer.from(folder));
  let count = 0;
  for await (const { kind, path, absolute } of walkTree(tree.sitePackages)) {
    if (kind !== 'file') continue;
    const content = await readFile(absolute);
    if (!needles.some((needle) => content.includes(needle))) continue;
    count += 1;
    reporter.emit({
      type: 'warning',
      message: `${path} names the folder that it was built in; the package cannot be reproduced byte by byte`,
    });
  }
  return count;
}
