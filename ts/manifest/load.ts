/**
 * Reads pyproject.toml, and buildconfig.toml beside it. Nothing of the project is run here, and nothing is filled in
 * that the project does not say.
 */

import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { FlavorError, isSystemError } from '../errors.js';
import { isFile } from '../presence.js';
import { TomlDocument } from './document.js';
import type { ProjectManifest } from './project-manifest.js';
import { resolveManifest } from './resolve.js';
import { checkHooks, checkRules } from './rules.js';
import { flavorTable, type ManifestDocument, manifestSchema } from './schema.js';
import { buildConfigSchema } from './schema-build.js';

export type { ProjectManifest } from './project-manifest.js';

type BuildTable = NonNullable<NonNullable<ManifestDocument['tool']>['flavor']>['build'];

/** Name that is looked for in a folder. */
const FILE_NAME = 'pyproject.toml';
/** The original's second file: its `[build]` wins over `[tool.flavor.build]`, key by key. */
const BUILD_FILE_NAME = 'buildconfig.toml';

/** Reads the manifest at a path, which names the file or its folder. */
export async function loadManifest(path: string): Promise<ProjectManifest> {
  const file = await manifestFile(resolve(path));
  const document = TomlDocument.parse(file, await textOf(file));
  const manifest = document.checked(manifestSchema);
  checkRules(document, manifest);
  const build = manifest.tool?.flavor?.build ?? flavorTable.parse({}).build;
  return resolveManifest(file, manifest, { ...build, ...(await buildConfig(join(dirname(file), BUILD_FILE_NAME))) });
}

/** The keys of `[build]` that buildconfig.toml states. */
async function buildConfig(file: string): Promise<Partial<BuildTable>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (isSystemError(cause) && cause.code === 'ENOENT') return {};
    throw await unreadable(file, cause);
  }
  const document = TomlDocument.parse(file, text);
  const { build } = document.checked(buildConfigSchema);
  checkHooks(document, ['build'], build);
  const stated = Object.keys((document.value as { build?: object }).build ?? {});
  return Object.fromEntries(Object.entries(build).filter(([key]) => stated.includes(key)));
}

async function manifestFile(path: string): Promise<string> {
  try {
    return (await stat(path)).isDirectory() ? join(path, FILE_NAME) : path;
  } catch (cause) {
    throw await unreadable(path, cause);
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw await unreadable(file, cause);
  }
}

/** What a project of setuptools needs that has no manifest of today. */
async function legacyHint(folder: string): Promise<string[]> {
  for (const name of ['setup.py', 'setup.cfg']) {
    if (!(await isFile(join(folder, name)))) continue;
    return [`beside ${name}, a ${FILE_NAME} with name, version and scripts under \`[project]\` is needed`];
  }
  return [];
}

async function unreadable(path: string, cause: unknown): Promise<FlavorError> {
  if (isSystemError(cause) && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) {
    return new FlavorError('ERR_FLAVOR_NOT_FOUND', `no manifest at this path: ${path}`, {
      path,
      hints: [
        `run flavor in the folder of ${FILE_NAME}, or name it with \`--manifest\``,
        ...(await legacyHint(dirname(path))),
      ],
      cause,
    });
  }
  return new FlavorError('ERR_FLAVOR_IO', `the manifest could not be read: ${path}`, { path, cause });
}
