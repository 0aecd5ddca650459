/**
 * Looks at an interpreter of another platform without running it: where its program is, for which machine that was
 * made, and which version its files say it has.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import { type Target, targetName } from '../platform.js';
import { machineOf } from './executable-head.js';
import { sortedEntries } from './tree.js';

/** Path and full version of the interpreter below a root; `promised` is the version that it was chosen by. */
export async function foreignInterpreter(
  target: Target,
  root: string,
  promised = '',
): Promise<{ readonly interpreter: string; readonly version: string }> {
  const { minor, program } = await findProgram(target, root);
  const interpreter = join(root, program);
  const machine = await machineOf(interpreter);
  if (machine?.os !== target.os || machine.arch !== target.arch) {
    const got = machine === undefined ? 'an unknown machine' : `${machine.os}_${machine.arch}`;
    throw new FlavorError(
      'ERR_FLAVOR_RUNTIME',
      `the interpreter is for another platform (got ${got}, expected ${targetName(target)}): ${program}`,
      { hints: ['check which archive was given, or what the mirror serves'] },
    );
  }
  const version = (await versionOfHeaders(root, minor)) ?? promised;
  if (!version.startsWith(`${minor}.`)) {
    throw new FlavorError(
      'ERR_FLAVOR_RUNTIME',
      `the interpreter has another version than its archive promises (got ${minor}, expected ${promised}): ${program}`,
    );
  }
  return { interpreter, version };
}

async function findProgram(
  { os }: Target,
  root: string,
): Promise<{ readonly program: string; readonly minor: string }> {
  const isWindows = os === 'windows';
  const names = (await sortedEntries(join(root, isWindows ? '' : 'bin')))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
  // `python.exe` says nothing about its version; the library that it loads does.
  const pattern = isWindows ? /^python3(\d+)\.dll$/i : /^python3\.(\d+)$/;
  const found = names.find((name) => pattern.test(name));
  if (found === undefined || (isWindows && !names.includes('python.exe'))) {
    throw new FlavorError(
      'ERR_FLAVOR_RUNTIME',
      `there is no interpreter \`${isWindows ? 'python.exe' : 'bin/python3.X'}\` in the runtime: ${root}`,
      { hints: ['the runtime must be a python-build-standalone installation'] },
    );
  }
  return { program: isWindows ? 'python.exe' : `bin/${found}`, minor: `3.${pattern.exec(found)?.[1] ?? ''}` };
}

/** The version that C extensions see; undefined where the headers are not there. */
async function versionOfHeaders(root: string, minor: string): Promise<string | undefined> {
  for (const folder of [`include/python${minor}`, 'include']) {
    const text = await readFile(join(root, folder, 'patchlevel.h'), 'utf8').catch(() => '');
    const version = /^#define\s+PY_VERSION\s+"(\d+\.\d+\.\d+)"/m.exec(text)?.[1];
    if (version !== undefined) return version;
  }
  return undefined;
}
