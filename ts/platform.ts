/**
 * Names of platforms, in the words that each side uses: ours, uv's and the launchers'.
 */

import { FlavorError } from './errors.js';
import { TARGETS } from './manifest/schema-targets.js';

export { TARGETS };

/** Where a package runs. */
export interface Target {
  readonly os: 'linux' | 'darwin' | 'windows';
  readonly arch: 'amd64' | 'arm64';
  /** Only on Linux. */
  readonly libc?: 'gnu' | 'musl';
}

/** One of {@link TARGETS}. */
export type TargetName = (typeof TARGETS)[number];

/** `linux_amd64`, `linux_arm64_musl`, `darwin_arm64`, …: how targets are written for people and in files. */
export function targetName(target: Target): TargetName {
  return `${target.os}_${target.arch}${target.libc === 'musl' ? '_musl' : ''}` as TargetName;
}

/** The target of a name. */
export function targetOf(name: TargetName): Target {
  const [os, arch, libc] = name.split('_') as [Target['os'], Target['arch'], string | undefined];
  return os === 'linux' ? { os, arch, libc: libc === 'musl' ? 'musl' : 'gnu' } : { os, arch };
}

/** Whether programs of a target run on this machine. */
export function runsHere(target: Target): boolean {
  return targetName(target) === targetName(hostTarget());
}

/** Operating system, architecture and libc in the words of uv's runtime keys. */
export function uvPlatform(target: Target): { readonly os: string; readonly arch: string; readonly libc: string } {
  return {
    os: target.os === 'darwin' ? 'macos' : target.os,
    arch: target.arch === 'amd64' ? 'x86_64' : 'aarch64',
    libc: target.libc ?? 'none',
  };
}

/** The platform that this process runs on. */
export function hostTarget(): Target {
  const os = { linux: 'linux', darwin: 'darwin', win32: 'windows' }[process.platform as string] as
    | Target['os']
    | undefined;
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] as Target['arch'] | undefined;
  if (os === undefined || arch === undefined) {
    throw new FlavorError(
      'ERR_FLAVOR_USAGE',
      `packages cannot be built on this platform: ${process.platform} ${process.arch}`,
      { hints: ['supported are Linux, macOS and Windows on x64 and arm64'] },
    );
  }
  return os === 'linux' ? { os, arch, libc: hostLibc() } : { os, arch };
}

let knownLibc: Target['libc'];

function hostLibc(): 'gnu' | 'musl' {
  if (knownLibc !== undefined) return knownLibc;
  const report = process.report.getReport() as unknown as { header?: { glibcVersionRuntime?: string } };
  knownLibc = report.header?.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
  return knownLibc;
}
