/**
 * Turns an installed runtime into the content of its slot: nothing of this machine inside, nothing that a program
 * never needs, no distribution (pip comes with the dependencies). Two installations in two folders give equal trees.
 */

import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import type { BuildSession, StagedRuntime } from './session.js';
import { filesContaining, removeAll, removeBytecode, replaceInTexts, sortedEntries } from './tree.js';

/** What standalone builds call the place where they are installed. */
const BUILD_PREFIX = '/install';

/** Folders of the library that only serve to test or teach Python itself. */
const TRIMMED = [
  'test',
  'idlelib',
  'turtledemo',
  'ctypes/test',
  'distutils/tests',
  'lib2to3/tests',
  'sqlite3/test',
  'tkinter/test',
  'unittest/test',
];

/** Cleans the tree in place. */
export async function normaliseRuntime(session: BuildSession, runtime: StagedRuntime): Promise<void> {
  const { root, minor } = runtime;
  const library = `lib/python${minor}`;
  await removeAll(root, ['BUILD', `${library}/EXTERNALLY-MANAGED`]);
  await removeAll(
    root,
    TRIMMED.map((path) => `${library}/${path}`),
  );
  await removeAll(root, await contentsOf(root, `${library}/site-packages`, () => true));
  await removeAll(root, await contentsOf(root, 'bin', (name) => /^(pip|idle|2to3)/.test(name)));
  await removeAll(root, await contentsOf(root, 'lib', (name) => name.endsWith('.a')));
  for (const config of await contentsOf(root, library, (name) => name.startsWith('config-'))) {
    await removeAll(root, await contentsOf(root, config, (name) => /\.(a|o)$/.test(name)));
  }
  await removeBytecode(root);
  await replaceInTexts(root, root, BUILD_PREFIX);
  const leaks = await filesContaining(root, session.scratch);
  if (leaks.length > 0) {
    throw new FlavorError('ERR_FLAVOR_INTERNAL', `files of the runtime name the build folder: ${leaks.join(', ')}`);
  }
}

async function contentsOf(root: string, folder: string, wanted: (name: string) => boolean): Promise<string[]> {
  const entries = await sortedEntries(join(root, folder));
  return entries.filter(({ name }) => wanted(name)).map(({ name }) => `${folder}/${name}`);
}
