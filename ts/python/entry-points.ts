/**
 * Looks for the modules that commands call among the files of a package, for platforms whose interpreter does not run
 * here. Whether a module can be imported, and has the function, only a start shows.
 */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import { formatEntryPoint } from '../manifest/names.js';
import { nearestWord } from '../manifest/nearest.js';
import type { CommandSet } from './commands.js';
import type { SiteTree } from './site-tree.js';

/** What is looked through. */
export interface EntryPointRequest {
  readonly commandSet: CommandSet;
  readonly trees: readonly SiteTree[];
  /** Folder of the standard library. */
  readonly library: string;
}

/** Refuses a command whose module is nowhere. */
export async function checkModules({ commandSet, library, trees }: EntryPointRequest): Promise<void> {
  const folders = [...trees.flatMap(foldersOf), library];
  // Code in such a file may add whatever folder it likes.
  if (trees.some(({ pathFiles }) => pathFiles.lines.some(({ kind }) => kind === 'code'))) return;
  for (const [command, entry] of commandSet.commands) {
    if (await hasModule(folders, entry.module)) continue;
    const near = nearestWord(entry.module, await topModules(folders.slice(0, -1)));
    throw new FlavorError(
      'ERR_FLAVOR_ENTRY_POINT',
      `command \`${command}\` calls \`${formatEntryPoint(entry)}\`, but the package has no module \`${entry.module}\``,
      { hints: near === undefined ? [] : [`did you mean \`${near}\`?`] },
    );
  }
}

function foldersOf({ pathFiles, sitePackages }: SiteTree): string[] {
  const added = pathFiles.lines.flatMap((line) => (line.kind === 'path' ? [join(sitePackages, line.path)] : []));
  return [sitePackages, ...added];
}

async function hasModule(folders: readonly string[], module: string): Promise<boolean> {
  const parts = module.split('.');
  const last = parts.pop() ?? '';
  for (const folder of folders) {
    const names = await readdir(join(folder, ...parts)).catch(() => []);
    // A package, or a module of either kind: `name.py`, `name.cpython-314-darwin.so`, `name.cp314-win_amd64.pyd`.
    if (names.some((name) => name === last || name.startsWith(`${last}.`))) return true;
  }
  return false;
}

async function topModules(folders: readonly string[]): Promise<string[]> {
  const names = (await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])))).flat();
  return names.filter((name) => !name.endsWith('-info')).map((name) => name.replace(/\..*$/, ''));
}
