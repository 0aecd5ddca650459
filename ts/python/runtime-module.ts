/**
 * Puts `flavor_runtime` into a package: the module by which a packaged program finds its slots and files
 * (LAUNCH.md 8.5). It lies beside the application, in site-packages of the work environment, so that an upgrade of
 * flavor changes no shared slot.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { embeddedFile } from './embedded-files.js';
import type { SiteTree } from './site-tree.js';
import { sortedEntries } from './tree.js';

const MODULE = 'flavor_runtime';
const FILES = ['__init__.py', '_result.py', 'py.typed'] as const;

/** Adds the module, unless the project or one of its dependencies has one of that name; says whether it was added. */
export async function addRuntimeModule(
  application: Pick<SiteTree, 'sitePackages' | 'pathFiles'>,
  dependencies: Pick<SiteTree, 'sitePackages' | 'pathFiles'>,
): Promise<boolean> {
  for (const { sitePackages, pathFiles } of [application, dependencies]) {
    const added = pathFiles.lines.flatMap((line) => (line.kind === 'path' ? [join(sitePackages, line.path)] : []));
    for (const folder of [sitePackages, ...added]) {
      if (await hasModule(folder)) return false;
    }
  }
  const folder = join(application.sitePackages, MODULE);
  await mkdir(folder);
  for (const name of FILES) {
    await writeFile(join(folder, name), await readFile(embeddedFile(`${MODULE}/${name}`)));
  }
  return true;
}

/** A folder, a source file or an extension module; the metadata of a distribution has another name. */
async function hasModule(folder: string): Promise<boolean> {
  const entries = await sortedEntries(folder);
  return entries.some(({ name }) => name === MODULE || name.startsWith(`${MODULE}.`));
}
