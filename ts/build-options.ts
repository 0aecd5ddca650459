/**
 * What a caller of `pack` asks for, put on top of what the manifest says.
 */

import type { ProjectManifest } from './manifest/project-manifest.js';
import { absoluteUnlessUrl } from './manifest/resolve.js';
import type { PackOptions } from './pack.js';
import type { BuildOptions } from './python/session.js';

/** What the options say, on top of what the manifest does. */
export function buildOptions(
  options: Pick<PackOptions, 'locked' | 'offline' | 'findLinks' | 'runtime' | 'extras' | 'groups'>,
  manifest: ProjectManifest,
  cwd: string,
): BuildOptions {
  const { build, python, pythonVersion } = manifest;
  const union = (stated: readonly string[], added: readonly string[] = []): string[] => [
    ...new Set([...stated, ...added]),
  ];
  return {
    locked: options.locked ?? false,
    offline: options.offline ?? false,
    findLinks: union(
      build.index.findLinks,
      options.findLinks?.map((place) => absoluteUnlessUrl(cwd, place)),
    ),
    runtime: options.runtime ?? python.source,
    python: pythonVersion,
    extras: union(build.extras, options.extras),
    groups: union(build.groups, options.groups),
  };
}

/** The version, if it is one. */
export function checkedPython(version: string | undefined): string | undefined {
  if (version === undefined || /^3\.\d+(\.\d+)?$/.test(version)) return version;
  throw new TypeError(`Expected \`python\` to be a version such as 3.13 or 3.13.2, got \`${version}\`.`);
}
