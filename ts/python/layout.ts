/**
 * Where things lie in an interpreter's installation and in a work environment, which looks like a virtual environment
 * of the target's system.
 */

import type { Target } from '../platform.js';

/** Folders, relative to an installation or an environment, with `/`. */
export interface Layout {
  /** The standard library of an installation. */
  readonly library: string;
  /** Site-packages of an environment and of an installation. */
  readonly sitePackages: string;
  /** All scripts and programs of an environment, the interpreter among them. */
  readonly programs: string;
  /** Those of them that may be found on PATH in front of the user's own. */
  readonly onPath: string;
  /** The interpreter's own folder in an installation: what pyvenv.cfg calls home. */
  readonly home: string;
}

/** The layout for a target and a minor version of Python. */
export function layoutOf({ os }: Pick<Target, 'os'>, minor: string): Layout {
  if (os === 'windows') {
    // Names that differ by case alone are one folder there.
    return { library: 'Lib', sitePackages: 'Lib/site-packages', programs: 'Scripts', onPath: 'bin', home: '' };
  }
  const library = `lib/python${minor}`;
  return { library, sitePackages: `${library}/site-packages`, programs: 'bin', onPath: 'scripts', home: 'bin' };
}

/** What leads from a folder of a layout to the root, such as `../../../`. */
export function upwards(folder: string): string {
  return '../'.repeat(folder.split('/').length);
}
