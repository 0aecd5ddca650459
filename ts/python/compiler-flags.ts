/**
 * Keeps the folders of this machine out of what C compilers write: debug information and the names of files in
 * assertions then hold the same place wherever a package is built.
 *
 * CPPFLAGS, because setuptools and meson add it to their own flags; setuptools takes CFLAGS instead of those that
 * Python was built by, optimisation among them. Back ends that run CMake look at neither and are left to the warning
 * of `leaks.ts`. A user's own CPPFLAGS, even an empty one, stays as it is: an old compiler may not know the option.
 */

import type { Environment } from './environment.js';
import { machineFolders } from './leaks.js';
import type { BuildSession, StagedRuntime } from './session.js';

/** What stands for all of them, and for the interpreter, which may lie in the build cache or in the scratch folder. */
const PLACE = '/build';
const RUNTIME_PLACE = '/build/python';

/** Variables for commands that build wheels. */
export function compilerFlags(
  session: Pick<BuildSession, 'cache' | 'environment' | 'scratch' | 'target' | 'wholeScratch'>,
  { here: { root } }: Pick<StagedRuntime, 'here'>,
): Environment {
  if (session.target.os === 'windows' || session.environment['CPPFLAGS'] !== undefined) return {};
  // The last one that fits counts; not every back end knows quotes.
  const places = [...machineFolders(session).map((folder) => [folder, PLACE] as const), [root, RUNTIME_PLACE] as const];
  const usable = places.filter(([folder]) => !/[\s"'\\$=]/.test(folder));
  return { CPPFLAGS: usable.map(([folder, place]) => `-ffile-prefix-map=${folder}=${place}`).join(' ') };
}
