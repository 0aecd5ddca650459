/**
 * The folders and files of this machine that a project is built from besides its own folder: the root of its uv
 * workspace, sources with a path (`[tool.uv.sources]`, theirs too), and what the manifest adds. Only manifests are
 * read; what does not exist or cannot be read is left to uv, which names it.
 */

import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

import { parse } from 'smol-toml';

import type { ProjectManifest } from '../manifest/project-manifest.js';
import { isThere } from '../presence.js';
import { sortedEntries } from './tree.js';

/** Everything that is needed, by real paths, as uv names them. */
export interface LocalProjects {
  /** Folder of the project. */
  readonly project: string;
  /** Root of the uv workspace that the project is a member of, or the project's folder. */
  readonly workspace: string;
  /** Folders that hold everything, none inside another. */
  readonly roots: readonly string[];
  /** The innermost folder that holds them all. */
  readonly common: string;
}

interface UvTable {
  readonly sources?: Readonly<Record<string, unknown>>;
  readonly workspace?: { readonly members?: readonly string[]; readonly exclude?: readonly string[] };
}

/** What is needed to build what a manifest describes, and `more` besides. */
export function sourcesOf(
  { build, file, folder, input }: ProjectManifest,
  more: readonly string[] = [],
): Promise<LocalProjects> {
  const sources = input.kind === 'script' || input.kind === 'folder' ? input.sources : [];
  const isWhole = input.kind === 'project' || input.kind === 'folder';
  return findLocalProjects(folder, [...build.dependencies, ...sources, ...more], isWhole ? undefined : file);
}

/**
 * Finds what the project in a folder, and the additional projects, are built from. With `only`, one file of the folder
 * stands for it: what lies beside is not looked at.
 */
async function findLocalProjects(folder: string, others: readonly string[], only?: string): Promise<LocalProjects> {
  const project = await realPath(folder);
  const additional = await Promise.all(others.map(realPath));
  const workspace = only === undefined ? await workspaceOf(project) : project;
  const own = only === undefined ? [project, workspace] : [join(project, basename(only))];
  const found = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    if (found.has(path) || !(await isThere(path))) return;
    found.add(path);
    const table = await uvTable(path);
    for (const source of pathSources(table?.sources)) await visit(resolve(path, source));
    if (table?.workspace !== undefined) for (const member of await membersOf(path, table)) await visit(member);
  };
  for (const path of [...own, ...additional]) await visit(path);
  for (const path of additional) await visit(await workspaceOf(path));
  const roots = [...found].filter((path) => ![...found].some((other) => other !== path && isInside(path, other)));
  return { project, workspace, roots: roots.sort(), common: commonFolder([project, ...roots]) };
}

/** The real path of what exists, else the path. */
export function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

/** Whether a path lies in a folder, or is it. */
export function isInside(path: string, folder: string): boolean {
  const within = relative(folder, path);
  return within !== '..' && !within.startsWith(`..${sep}`) && resolve(folder, within) === path;
}

function commonFolder(paths: readonly string[]): string {
  const [first = '/', ...others] = paths;
  let common = first;
  while (!others.every((path) => isInside(path, common)) && dirname(common) !== common) common = dirname(common);
  return common;
}

/** The workspace's root: the nearest folder above whose workspace has the project as a member. */
async function workspaceOf(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const table = await uvTable(at);
    if (table?.workspace !== undefined) {
      return at === folder || (await membersOf(at, table)).includes(folder) ? at : folder;
    }
    if (dirname(at) === at) return folder;
  }
}

async function membersOf(root: string, { workspace }: UvTable): Promise<string[]> {
  const select = async (patterns: readonly string[]): Promise<string[]> =>
    (
      await Promise.all(
        patterns.map((pattern) =>
          matching(
            root,
            pattern.split('/').filter((part) => part !== ''),
          ),
        ),
      )
    ).flat();
  const excluded = new Set(await select(workspace?.exclude ?? []));
  const members = (await select(workspace?.members ?? [])).filter((folder) => !excluded.has(folder));
  const isProject = await Promise.all(members.map((folder) => isThere(join(folder, 'pyproject.toml'))));
  return members.filter((_, index) => isProject[index] === true);
}

/** Folders below a root that a pattern of path segments names; `*`, `?` and `**` as uv knows them. */
async function matching(root: string, [part, ...rest]: readonly string[]): Promise<string[]> {
  if (part === undefined) return [root];
  if (!/[*?]/.test(part)) return matching(resolve(root, part), rest);
  const folders = (await sortedEntries(root)).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  if (part === '**') {
    const deeper = folders.map(({ name }) => matching(join(root, name), [part, ...rest]));
    return [...new Set([...(await matching(root, rest)), ...(await Promise.all(deeper)).flat()])];
  }
  const pattern = new RegExp(
    `^${part
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  const named = folders.filter(({ name }) => pattern.test(name));
  return (await Promise.all(named.map(({ name }) => matching(join(root, name), rest)))).flat();
}

/** Paths of `[tool.uv.sources]`. */
export function pathSources(sources: UvTable['sources'] = {}): string[] {
  return Object.values(sources)
    .flat()
    .map((source) => (typeof source === 'object' && source !== null ? (source as { path?: unknown }).path : undefined))
    .filter((path) => typeof path === 'string');
}

async function uvTable(folder: string): Promise<UvTable | undefined> {
  try {
    const document = parse(await readFile(join(folder, 'pyproject.toml'), 'utf8')) as { tool?: { uv?: UvTable } };
    return document.tool?.uv;
  } catch {
    return undefined;
  }
}
