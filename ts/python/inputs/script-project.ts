/**
 * What the block of a script says, as a pyproject.toml in the scratch folder: in that form uv reads all of it, sources and
 * indexes included, and resolves it for one interpreter.
 */

import { mkdtemp, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { stringify } from 'smol-toml';

import type { PackInput, ProjectManifest } from '../../manifest/project-manifest.js';
import { absoluteUnlessUrl } from '../../manifest/resolve.js';
import type { ProjectSources } from '../project-sources.js';

/** Name that uv knows it by: a script may be called like one of its dependencies. */
export const SCRIPT_PROJECT = 'flavor-script';

/** A script's part of {@link PackInput}. */
export type ScriptInput = Extract<PackInput, { kind: 'script' }>;

/** Writes the file; its path. */
export async function writeScriptProject(
  scratch: string,
  manifest: ProjectManifest,
  input: ScriptInput,
  sources: ProjectSources,
): Promise<string> {
  const folder = await mkdtemp(join(scratch, 'script-'));
  const file = join(folder, 'pyproject.toml');
  const { requiresPython } = manifest;
  const document = {
    project: {
      name: SCRIPT_PROJECT,
      version: '0',
      dependencies: [...input.dependencies],
      ...(requiresPython === undefined ? {} : { 'requires-python': requiresPython }),
    },
    ...(input.uv === undefined ? {} : { tool: { uv: await placed(input.uv, dirname(manifest.file), sources) } }),
  };
  await writeFile(file, `${stringify(document)}\n`);
  return file;
}

/** The table with paths that hold in another folder: those of sources lead into the copies. */
async function placed(table: unknown, folder: string, sources: ProjectSources, key = ''): Promise<unknown> {
  if (Array.isArray(table)) return Promise.all(table.map((value) => placed(value, folder, sources, key)));
  if (typeof table === 'string') {
    if (key === 'path') return sources.locate(resolve(folder, table));
    return key === 'url' || key === 'find-links' ? absoluteUnlessUrl(folder, table) : table;
  }
  if (typeof table !== 'object' || table === null || table instanceof Date) return table;
  const entries = Object.entries(table).map(
    async ([name, value]): Promise<[string, unknown]> => [name, await placed(value, folder, sources, name)],
  );
  return Object.fromEntries(await Promise.all(entries));
}
