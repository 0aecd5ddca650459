/**
 * Which packages one call makes: their targets, file names and launchers, and what cannot be asked for several of them
 * at once. Judged before the long work begins.
 */

import type { ProjectOptions } from './build-session.js';
import { FlavorError } from './errors.js';
import { findLauncher, installedLaunchers, type Launcher, type LauncherKind, launcherOfFile } from './launchers.js';
import type { ProjectManifest } from './manifest/load.js';
import { nearestWord } from './manifest/nearest.js';
import { hostTarget, runsHere, TARGETS, type Target, type TargetName, targetName, targetOf } from './platform.js';
import type { Reporter } from './progress.js';
import { machineOf } from './python/executable-head.js';

/** The targets of a build: those that the caller names, else the manifest's, else this machine's. Each once. */
export function chosenTargets(
  platforms: readonly string[] | undefined,
  manifest: Pick<ProjectManifest, 'targets'>,
): [Target, ...Target[]] {
  const wanted = platforms === undefined || platforms.length === 0 ? manifest.targets : platforms.map(checkedName);
  const [first, ...others] = [...new Set(wanted ?? [])].map(targetOf);
  return first === undefined ? [hostTarget()] : [first, ...others];
}

/** A name of a target. @throws {FlavorError} `ERR_FLAVOR_OPTION` if it is none. */
export function checkedName(name: string): TargetName {
  const known = TARGETS.find((target) => target === name);
  if (known !== undefined) return known;
  const near = nearestWord(name, TARGETS);
  throw new FlavorError('ERR_FLAVOR_OPTION', `there is no platform \`${name}\``, {
    hints: [near === undefined ? `there are these: ${TARGETS.join(', ')}` : `did you mean \`${near}\`?`],
  });
}

/** File name of a package. With several packages each has its target in its name. */
export function packageFileName(
  { name }: Pick<ProjectManifest, 'name'>,
  version: string,
  target: Target,
  isOneOfSeveral: boolean,
): string {
  const suffix = isOneOfSeveral ? `-${targetName(target)}` : '';
  return `${name}-${version}${suffix}.psp${target.os === 'windows' ? '.exe' : ''}`;
}

/** Refuses what is for one platform where there are several. */
export function checkForOne(
  {
    pythonArchive,
    launcherFile,
  }: Pick<ProjectOptions, 'pythonArchive'> & { readonly launcherFile?: string | undefined },
  { python }: Pick<ProjectManifest, 'python'>,
  targets: readonly Target[],
): void {
  if (targets.length === 1) return;
  const what =
    pythonArchive !== undefined || python.archive !== undefined || python.path !== undefined
      ? 'an interpreter'
      : launcherFile !== undefined
        ? 'a launcher file'
        : undefined;
  if (what === undefined) return;
  throw new FlavorError('ERR_FLAVOR_OPTION', `${what} is for one platform, and there are ${targets.length} targets`, {
    hints: ['pack each platform by itself, with `--platform`'],
  });
}

/** The launcher of each target, in their order; says where it is another one than on this machine. */
export async function launchersFor(
  targets: readonly Target[],
  { kind, file }: { readonly kind: LauncherKind | undefined; readonly file: string | undefined },
  reporter: Reporter,
): Promise<Launcher[]> {
  if (file !== undefined) return Promise.all(targets.map((target) => launcherOf(target, file)));
  const installed = await installedLaunchers();
  const hasRust = (target: Target): boolean =>
    installed.some((entry) => entry.kind === 'rust' && entry.target === targetName(target));
  const chosen = targets.map((target) => kind ?? (hasRust(target) || runsHere(target) ? 'rust' : 'go'));
  const launchers = await Promise.all(targets.map((target, index) => findLauncher(target, chosen[index])));
  const names = targets.filter((_, index) => kind === undefined && chosen[index] === 'go').map(targetName);
  if (names.length > 0) {
    const message = `packages for ${names.join(', ')} carry the Go launcher: this installation has no Rust launcher for that`;
    reporter.emit({ type: 'warning', message });
  }
  const windows = targets
    .filter(({ os }, index) => os === 'windows' && launchers[index]?.kind === 'go')
    .map(targetName);
  if (windows.length > 0) {
    const message = `packages for ${windows.join(', ')} do not start yet: the Go launcher starts no programs on Windows`;
    reporter.emit({ type: 'warning', message });
  }
  return launchers;
}

async function launcherOf(target: Target, file: string): Promise<Launcher> {
  const launcher = await launcherOfFile(file);
  const machine = await machineOf(file);
  if (machine === undefined || (machine.os === target.os && machine.arch === target.arch)) return launcher;
  throw new FlavorError(
    'ERR_FLAVOR_LAUNCHER',
    `the launcher is for another platform (got ${machine.os}_${machine.arch}, expected ${targetName(target)}): ${file}`,
    { path: file },
  );
}
