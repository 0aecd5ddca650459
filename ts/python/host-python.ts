/**
 * Which interpreter does the work of a packaged one on this machine: building wheels, making environments, compiling
 * modules. The packaged one itself where it runs here; else one for this machine, of the same version if there is one,
 * of the same minor version otherwise, because bytecode and extension modules belong to a minor version.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import { hostTarget, targetName } from '../platform.js';
import { layoutOf } from './layout.js';
import { nothingHad } from './runtime.js';
import { managedRuntime } from './runtime-managed.js';
import type { BuildSession, HostPython, InstalledRuntime } from './session.js';

/** Gets the one for a version, `3.14.6`; `session` is the one of this machine. */
export async function hostPython(session: BuildSession, version: string): Promise<HostPython> {
  const attempts = [];
  for (const wanted of [version, version.split('.').slice(0, 2).join('.')]) {
    const found = await managedRuntime({ ...session, manifest: { ...session.manifest, pythonVersion: wanted } });
    if (!('why' in found)) return found;
    attempts.push(found);
  }
  throw nothingHad(
    { ...session, manifest: { ...session.manifest, pythonVersion: version } },
    attempts.slice(-1),
    'to compile for other platforms',
  );
}

/** Refuses an interpreter whose bytecode the packaged one would not take, as far as their sources say it. */
export async function checkBytecodeNumber(
  session: BuildSession,
  runtime: InstalledRuntime,
  here: HostPython,
): Promise<void> {
  const [theirs, ours] = await Promise.all([
    bytecodeNumber(join(runtime.root, layoutOf(session.target, runtime.minor).library)),
    bytecodeNumber(join(here.root, layoutOf(hostTarget(), runtime.minor).library)),
  ]);
  if (theirs === undefined || ours === undefined || theirs === ours) return;
  throw new FlavorError(
    'ERR_FLAVOR_RUNTIME',
    `Python ${here.version} of this machine makes other bytecode than Python ${runtime.version} for ${targetName(session.target)} (got ${ours}, expected ${theirs})`,
    { hints: [`choose the same version for both: \`python_version = "${here.version}"\` under \`[tool.flavor]\``] },
  );
}

/** Up to 3.13 the number stands in a source file; later ones have it in the program, and finished versions never change it. */
async function bytecodeNumber(library: string): Promise<string | undefined> {
  const text = await readFile(join(library, 'importlib', '_bootstrap_external.py'), 'utf8').catch(() => '');
  return /^MAGIC_NUMBER = \((\d+)\)\.to_bytes/m.exec(text)?.[1];
}
