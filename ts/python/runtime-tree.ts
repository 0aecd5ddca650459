/**
 * Cleans an installed runtime, before `trim.ts` takes out what programs do not need: nothing of this machine inside,
 * no marks of the installer, no distribution (pip comes with the dependencies), no link that leads nowhere. Two
 * installations in two folders give equal trees.
 */

import { readlink, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';

import { FlavorError } from '../errors.js';
import type { Target } from '../platform.js';
import { isThere } from '../presence.js';
import { layoutOf } from './layout.js';
import type { BuildSession, InstalledRuntime } from './session.js';
import { filesContaining, removeAll, removeBytecode, replaceInTexts, sortedEntries, walkTree } from './tree.js';

/** What standalone builds call the place where they are installed. */
const BUILD_PREFIX = '/install';

/** Cleans the tree in place; `installed` is the folder that its texts name. */
export async function normaliseRuntime(
  session: Pick<BuildSession, 'scratch' | 'target'>,
  runtime: Pick<InstalledRuntime, 'root' | 'minor'>,
  installed = runtime.root,
): Promise<void> {
  const { root, minor } = runtime;
  const { library } = layoutOf(session.target, minor);
  await removeAll(root, ['BUILD', `${library}/EXTERNALLY-MANAGED`]);
  await removeAll(root, await contentsOf(root, `${library}/site-packages`, () => true));
  await removeAll(root, await contentsOf(root, 'bin', (name) => name.startsWith('pip')));
  await removeAll(root, await contentsOf(root, 'Scripts', () => true));
  await removeLostLinks(root);
  await removeBytecode(root);
  await replaceInTexts(root, installed, BUILD_PREFIX);
  const leaks = [...(await filesContaining(root, session.scratch)), ...(await filesContaining(root, installed))];
  if (leaks.length > 0) {
    throw new FlavorError('ERR_FLAVOR_INTERNAL', `files of the runtime name the build folder: ${leaks.join(', ')}`);
  }
}

/**
 * The programs that `python -m venv` puts in the place of the interpreter on Windows, as members of the runtime, by the
 * names that they have in an environment; none for other systems.
 */
export async function redirectorsOf(
  target: Target,
  { root }: Pick<InstalledRuntime, 'root'>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  if (target.os !== 'windows') return found;
  const folder = 'Lib/venv/scripts/nt';
  const names = (await sortedEntries(join(root, folder))).map(({ name }) => name);
  // The first are the names since 3.13.
  for (const [name, candidates] of [
    ['python.exe', ['venvlauncher.exe', 'python.exe']],
    ['pythonw.exe', ['venvwlauncher.exe', 'pythonw.exe']],
  ] as const) {
    const member = candidates.find((candidate) => names.includes(candidate));
    if (member !== undefined) found.set(name, `${folder}/${member}`);
  }
  if (found.has('python.exe')) return found;
  throw new FlavorError('ERR_FLAVOR_RUNTIME', `the runtime has no \`${folder}/venvlauncher.exe\``, {
    hints: [
      'environments on Windows cannot be made without it; `drop` under `[tool.flavor.python.trim]` must leave it',
    ],
  });
}

/** uv leaves an absolute link to a program that a Windows tree does not have. */
async function removeLostLinks(root: string): Promise<void> {
  for await (const entry of walkTree(root)) {
    if (entry.kind !== 'link') continue;
    const target = await readlink(entry.absolute);
    const isInside = resolve(dirname(entry.absolute), target).startsWith(root + sep);
    const isLost = !(await isThere(entry.absolute));
    if (!isLost && isInside && !isAbsolute(target)) continue;
    if (!isLost && !isInside) {
      throw new FlavorError(
        'ERR_FLAVOR_RUNTIME',
        `the runtime holds a link that leads out of it: ${entry.path} to ${target}`,
        { hints: ['the runtime must be a python-build-standalone installation'] },
      );
    }
    await rm(entry.absolute);
  }
}

async function contentsOf(root: string, folder: string, wanted: (name: string) => boolean): Promise<string[]> {
  const entries = await sortedEntries(join(root, folder));
  return entries.filter(({ name }) => wanted(name)).map(({ name }) => `${folder}/${name}`);
}
