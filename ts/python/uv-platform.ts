/**
 * How uv is told which platform it resolves and installs for. Nothing is said where that is this machine and the
 * manifest asks for no lower system: uv then looks at the machine, and may build source distributions. For another
 * platform only wheels count, because what is built here is for here.
 */

import { runsHere, uvPlatform } from '../platform.js';
import type { Environment } from './environment.js';
import type { BuildSession } from './session.js';

/** What uv commands that choose distributions get. */
export interface PlatformSettings {
  readonly args: readonly string[];
  readonly changes: Environment;
}

/** Versions of glibc, 2.N, that uv knows as platforms of wheels. */
const GLIBC_MINORS = [17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40];

/** Settings for a build. */
export function platformSettings({ manifest, target }: Pick<BuildSession, 'manifest' | 'target'>): PlatformSettings {
  const { glibc, macos } = manifest.floor;
  const isForeign = !runsHere(target);
  const isLowered = wantedFloor({ manifest, target }) !== undefined;
  if (!isForeign && !isLowered) return { args: [], changes: {} };
  return {
    args: ['--python-platform', platformName(target, glibc), ...(isForeign ? ['--only-binary', ':all:'] : [])],
    changes: target.os === 'darwin' && macos !== undefined ? { MACOSX_DEPLOYMENT_TARGET: macos } : {},
  };
}

/** The lowest system that the manifest asks for, in words; undefined if it asks for none of the target's kind. */
export function wantedFloor({ manifest, target }: Pick<BuildSession, 'manifest' | 'target'>): string | undefined {
  const { glibc, macos } = manifest.floor;
  if (target.libc === 'gnu' && glibc !== undefined) return `glibc ${glibc}`;
  return target.os === 'darwin' && macos !== undefined ? `macos ${macos}` : undefined;
}

function platformName(target: BuildSession['target'], glibc: string | undefined): string {
  const { arch } = uvPlatform(target);
  if (target.os === 'darwin') return `${arch}-apple-darwin`;
  if (target.os === 'windows') return `${arch}-pc-windows-msvc`;
  if (target.libc === 'musl' || glibc === undefined) return `${arch}-unknown-linux-${target.libc ?? 'gnu'}`;
  const wanted = Number(glibc.split('.')[1]);
  const fitting = GLIBC_MINORS.filter((minor) => minor <= wanted).at(-1) ?? GLIBC_MINORS[0];
  return `${arch}-manylinux_2_${fitting}`;
}
