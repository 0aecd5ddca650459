/**
 * Copies a project into the scratch folder, so that a build back end can leave what it wants there and nothing in
 * the user's folder. What no build needs stays behind; links that leave the project are followed.
 */

import { copyFile, mkdir, readdir, readlink, realpath, stat, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';

import { throwIfAborted } from '../cancellation.js';

/** Folders beside a project's manifest that are results or tools of development. */
const BESIDE_MANIFEST = new Set([
  '.venv',
  'venv',
  'node_modules',
  'dist',
  'build',
  '.tox',
  '.nox',
  '.mypy_cache',
  '.ruff_cache',
  '.pytest_cache',
]);

/** What to copy. */
export interface ProjectCopyRequest {
  readonly from: string;
  readonly to: string;
  /** Version control is only needed where a back end takes the version from it. */
  readonly withHistory: boolean;
  /** Folders of ours that may lie inside the project: a copy of the copy would never end. */
  readonly leftOut: readonly string[];
  readonly signal: AbortSignal;
}

/** What makes a folder a project. */
const MANIFESTS = ['pyproject.toml', 'setup.py'];

/** Copies a project, or a single file. */
export async function copyProject(request: ProjectCopyRequest): Promise<void> {
  const root = await realpath(request.from);
  const visit = async (folder: string, target: string, trail: readonly string[]): Promise<void> => {
    throwIfAborted(request.signal);
    await mkdir(target, { recursive: true });
    const names = await readdir(folder);
    const isProject = folder === root || MANIFESTS.some((name) => names.includes(name));
    for (const name of names) {
      if (isLeftOut(name, isProject, request.withHistory)) continue;
      await copyEntry(join(folder, name), join(target, name), trail);
    }
  };
  const copyEntry = async (from: string, to: string, trail: readonly string[]): Promise<void> => {
    const real = await realpath(from).catch(() => undefined);
    // A dangling link is nothing that a build could read.
    if (real === undefined || request.leftOut.includes(real)) return;
    const status = await stat(real);
    const within = relative(root, real);
    const link = await readlink(from).catch(() => undefined);
    if (link !== undefined && !isAbsolute(link) && within !== '..' && !within.startsWith(`..${sep}`)) {
      await symlink(link, to);
    } else if (status.isDirectory()) {
      if (!trail.includes(real)) await visit(from, to, [...trail, real]);
    } else if (status.isFile()) {
      await copyFile(from, to);
    }
  };
  if ((await stat(root)).isDirectory()) return visit(root, request.to, [root]);
  await mkdir(dirname(request.to), { recursive: true });
  await copyFile(root, request.to);
}

function isLeftOut(name: string, isProject: boolean, withHistory: boolean): boolean {
  if (name === '__pycache__' || name === '.DS_Store') return true;
  if (name === '.git' || name === '.hg') return !withHistory;
  if (name.endsWith('.egg-info') || name.endsWith('.psp')) return true;
  return isProject && BESIDE_MANIFEST.has(name);
}
