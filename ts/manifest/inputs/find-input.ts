/**
 * What somebody wants to have packed: a project, a script, a folder with requirements.txt, or a wheel. Told by what lies at
 * the path; nothing is parsed further than that needs.
 */

import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { parse } from 'smol-toml';

import { FlavorError, isSystemError } from '../../errors.js';
import { isFile } from '../../presence.js';

/** Name of a project's manifest. */
export const PROJECT_FILE = 'pyproject.toml';
/** Name of the file that makes a folder without a project one that can be packed. */
export const REQUIREMENTS_FILE = 'requirements.txt';

/** What lies at a path. */
export type FoundInput =
  | { readonly kind: 'project'; readonly file: string }
  | { readonly kind: 'script'; readonly file: string; readonly text: string }
  | { readonly kind: 'folder'; readonly requirements: string; readonly settings: string | undefined }
  | { readonly kind: 'wheel'; readonly file: string };

const KINDS =
  'a folder with pyproject.toml or requirements.txt, one of these files, a Python script, and a wheel can be packed';

/** Looks at an absolute path. */
export async function findInput(path: string): Promise<FoundInput> {
  const isFolder = await statusOf(path);
  if (isFolder) return folderAt(path);
  const name = basename(path);
  if (name === PROJECT_FILE) return (await plainFolder(dirname(path))) ?? { kind: 'project', file: path };
  if (name.endsWith('.toml')) return { kind: 'project', file: path };
  if (name.endsWith('.whl')) return { kind: 'wheel', file: path };
  if (name.endsWith('.txt')) return { kind: 'folder', requirements: path, settings: await settingsIn(dirname(path)) };
  const text = await scriptText(path);
  if (text !== undefined) return { kind: 'script', file: path, text };
  throw new FlavorError('ERR_FLAVOR_MANIFEST', `this is nothing that can be packed: ${path}`, { path, hints: [KINDS] });
}

async function folderAt(folder: string): Promise<FoundInput> {
  const plain = await plainFolder(folder);
  if (plain !== undefined) return plain;
  const file = join(folder, PROJECT_FILE);
  if (!(await isFile(file))) await refuseEmpty(folder, file);
  return { kind: 'project', file };
}

/** A folder with requirements, and no project of any build back end. */
async function plainFolder(folder: string): Promise<FoundInput | undefined> {
  const requirements = join(folder, REQUIREMENTS_FILE);
  if (!(await isFile(requirements)) || (await hasProject(folder))) return undefined;
  return { kind: 'folder', requirements, settings: await settingsIn(folder) };
}

/** Tools keep their settings in pyproject.toml, too, so its being there says nothing yet. */
async function hasProject(folder: string): Promise<boolean> {
  for (const name of ['setup.py', 'setup.cfg']) if (await isFile(join(folder, name))) return true;
  const text = await readFile(join(folder, PROJECT_FILE), 'utf8').catch(() => '');
  try {
    const { project, tool, 'build-system': backEnd } = parse(text) as Record<string, Record<string, unknown>>;
    return project !== undefined || backEnd !== undefined || tool?.['poetry'] !== undefined;
  } catch {
    // Whoever reads it next says what is wrong.
    return true;
  }
}

async function settingsIn(folder: string): Promise<string | undefined> {
  const file = join(folder, PROJECT_FILE);
  return (await isFile(file)) ? file : undefined;
}

/** The text of a Python script; undefined for other files. */
async function scriptText(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const isScript = /\.pyw?$/i.test(path) || /^#!.*\b(python|uv|pipx)/.test(text) || /^# \/\/\/ script$/m.test(text);
  return isScript && !text.includes('\0') ? text : undefined;
}

/** Says what is missing in a folder that has nothing to begin with. */
async function refuseEmpty(folder: string, file: string): Promise<never> {
  const names = await readdir(folder).catch(() => []);
  const legacy = names.find((name) => name === 'setup.py' || name === 'setup.cfg');
  const scripts = names.filter((name) => name.endsWith('.py')).sort();
  throw new FlavorError('ERR_FLAVOR_NOT_FOUND', `no manifest at this path: ${file}`, {
    path: file,
    hints: [
      `run flavor in the folder of ${PROJECT_FILE}, or name it with \`--manifest\``,
      ...(legacy === undefined
        ? [
            scripts.length === 0
              ? `without a project, a folder needs ${REQUIREMENTS_FILE}`
              : `without a project, a folder needs ${REQUIREMENTS_FILE} (it may be empty); one script alone is packed with \`flavor pack ${scripts[0]}\``,
          ]
        : [`beside ${legacy}, a ${PROJECT_FILE} with name, version and scripts under \`[project]\` is needed`]),
    ],
  });
}

async function statusOf(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** The refusal of a file that is not there, or cannot be read. */
export function unreadable(path: string, cause: unknown): FlavorError {
  if (isSystemError(cause) && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) {
    const isManifest = path.endsWith('.toml');
    return new FlavorError('ERR_FLAVOR_NOT_FOUND', `${isManifest ? 'no manifest' : 'nothing'} at this path: ${path}`, {
      path,
      hints: [
        isManifest ? `run flavor in the folder of ${PROJECT_FILE}, or name it with \`--manifest\`` : 'check the path',
      ],
      cause,
    });
  }
  return new FlavorError('ERR_FLAVOR_IO', `the manifest could not be read: ${path}`, { path, cause });
}
