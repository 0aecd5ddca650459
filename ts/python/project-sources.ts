/**
 * The project and every local project that it is built from, copied into the scratch folder with their places
 * towards each other kept, so that relative paths between them hold and build back ends leave their traces there.
 */

import { basename, join, relative } from 'node:path';

import { cacheDirectory } from '../cache-directory.js';
import { FlavorError } from '../errors.js';
import { isThere } from '../presence.js';
import { isInside, realPath, sourcesOf } from './local-projects.js';
import { copyProject } from './project-copy.js';
import type { BuildSession } from './session.js';

/** The copies of one build. */
export interface ProjectSources {
  /** The project's folder in the copy. */
  readonly folder: string;
  /** The copy's folder of the uv workspace, or of the project. */
  readonly workspace: string;
  /** The user's folder of the workspace, or of the project. */
  readonly originalWorkspace: string;
  /** Where a folder or file of the user lies in the copy; what is not there yet is copied. */
  locate(path: string): Promise<string>;
  /** Text with the paths of copies replaced by the user's. */
  original(text: string): string;
}

/** Copies what the project is built from. */
export async function copySources(session: BuildSession): Promise<ProjectSources> {
  const { manifest, scratch, reporter } = session;
  for (const folder of manifest.build.dependencies) {
    if (await isThere(folder)) continue;
    throw new FlavorError('ERR_FLAVOR_NOT_FOUND', `there is no local project at this path: ${folder}`, {
      path: folder,
      hints: ['correct `dependencies` under `[tool.flavor.build]`; paths are relative to the manifest'],
    });
  }
  const { common, project, roots, workspace } = await sourcesOf(manifest);
  const top = join(scratch, 'project');
  const copied = new Map<string, string>();
  const copy = async (from: string, to: string): Promise<void> => {
    await copyProject({
      from,
      to,
      withHistory: manifest.version === undefined,
      leftOut: [scratch, cacheDirectory(session.environment)],
      signal: reporter.signal,
    });
    copied.set(from, to);
  };
  for (const root of roots) await copy(root, join(top, relative(common, root)));
  const placeOf = (path: string): string | undefined => {
    const [root, to] = [...copied].find(([from]) => isInside(path, from)) ?? [];
    return root === undefined || to === undefined ? undefined : join(to, relative(root, path));
  };
  return {
    folder: join(top, relative(common, project)),
    workspace: join(top, relative(common, workspace)),
    originalWorkspace: workspace,
    async locate(given) {
      const path = await realPath(given);
      if (isInside(path, top)) return path;
      const place = placeOf(path);
      if (place !== undefined && (await isThere(place))) return place;
      if (place === undefined) {
        const to = join(scratch, 'outside', String(copied.size), basename(path));
        await copy(path, to);
        return to;
      }
      // It lies in a folder that copies leave out, such as `dist`.
      await copyProject({ from: path, to: place, withHistory: false, leftOut: [scratch], signal: reporter.signal });
      return place;
    },
    original: (text) =>
      [...copied].reduce((result, [from, to]) => result.replaceAll(to, from), text).replaceAll(top, common),
  };
}
