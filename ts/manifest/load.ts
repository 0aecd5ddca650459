/**
 * Reads pyproject.toml, and buildconfig.toml beside it. Nothing of the project is run here, and nothing is filled in
 * that the project does not say.
 */

import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { FlavorError, isSystemError } from '../errors.js';
import { TomlDocument } from './document.js';
import { findInput, unreadable } from './inputs/find-input.js';
import { folderManifest } from './inputs/folder.js';
import { scriptManifest } from './inputs/script.js';
import { readSettings } from './inputs/settings.js';
import { wheelManifest } from './inputs/wheel.js';
import type { ProjectManifest } from './project-manifest.js';
import { resolveManifest } from './resolve.js';
import { checkHooks, checkRules } from './rules.js';
import { flavorTable, type ManifestDocument, manifestSchema } from './schema.js';
import { buildConfigSchema } from './schema-build.js';

export type { ProjectManifest } from './project-manifest.js';

type BuildTable = NonNullable<NonNullable<ManifestDocument['tool']>['flavor']>['build'];

/** The original's second file: its `[build]` wins over `[tool.flavor.build]`, key by key. */
const BUILD_FILE_NAME = 'buildconfig.toml';

/**
 * Reads what is to be packed: a project, named by its manifest or its folder, a script, a folder with requirements.txt, or
 * a wheel. What is no project may have its `[tool.flavor]` in another file, which `settings` names.
 */
export async function loadManifest(path: string, settings?: string): Promise<ProjectManifest> {
  const found = await findInput(resolve(path));
  if (found.kind === 'project') {
    if (settings === undefined) return projectManifest(found.file);
    throw new FlavorError(
      'ERR_FLAVOR_OPTION',
      `a project and a manifest besides were given: ${found.file}, ${settings}`,
      {
        hints: ['a project has one manifest; name only one of them'],
      },
    );
  }
  const other = settings === undefined ? undefined : await readSettings(resolve(settings));
  switch (found.kind) {
    case 'script':
      return scriptManifest(found.file, found.text, other);
    case 'folder':
      return folderManifest(found, other);
    case 'wheel':
      return wheelManifest(found.file, other);
  }
}

async function projectManifest(file: string): Promise<ProjectManifest> {
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
    throw unreadable(file, cause);
  }
  const document = TomlDocument.parse(file, text);
  const { build } = document.checked(buildConfigSchema);
  checkHooks(document, ['build'], build);
  const stated = Object.keys((document.value as { build?: object }).build ?? {});
  return Object.fromEntries(Object.entries(build).filter(([key]) => stated.includes(key)));
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
