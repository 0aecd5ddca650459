/**
 * Copies an installed interpreter that the user names. An installation is not an archive with a digest: anything
 * may have been added to it, so what would run with every program, or be packed unasked, is refused (security.md S26).
 */

import { cp, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { FlavorError } from '../errors.js';
import { isThere } from '../presence.js';
import { queryInterpreter } from './runtime-query.js';
import type { BuildSession } from './session.js';
import { sortedEntries } from './tree.js';

/** Copies `from` to `to` and checks the copy. */
export async function copyGivenFolder(session: BuildSession, from: string, to: string): Promise<void> {
  const original = await realpath(from);
  if (await isThere(join(original, 'pyvenv.cfg'))) throw refused(from, 'is a virtual environment, not an interpreter');
  for (const library of await sortedEntries(join(original, 'lib'))) {
    if (!/^python3\.\d+$/.test(library.name)) continue;
    const folder = join(original, 'lib', library.name);
    await refuseForeign(from, folder);
    await refuseForeign(from, join(folder, 'site-packages'));
  }
  await cp(original, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !/(^|\/)(__pycache__|site-packages\/.+)$/.test(relative(original, path)),
  });
  await queryInterpreter(session, to, original);
}

async function refuseForeign(from: string, folder: string): Promise<void> {
  for (const { name } of await sortedEntries(folder)) {
    const path = join(folder, name);
    if (/^(sitecustomize|usercustomize)(\.py)?$/.test(name) || name.endsWith('.pth')) {
      throw refused(from, `holds a file that would run in every program: ${path}`);
    }
    if (name.endsWith('.dist-info') && !/^(pip|setuptools)-/.test(name)) {
      throw refused(from, `holds a distribution besides pip: ${path}`);
    }
  }
}

function refused(from: string, why: string): FlavorError {
  return new FlavorError('ERR_FLAVOR_RUNTIME', `the folder ${why}: ${from}`, {
    path: from,
    hints: ['give an untouched python-build-standalone installation, or its archive with `sha256`'],
  });
}
