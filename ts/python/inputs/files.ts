/**
 * A script, and the files of a folder, as the application of a package: they lie in site-packages as they are, without
 * the metadata of a distribution, which would hide that of a dependency of the same name.
 */

import { chmod, copyFile, mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { readRequirementsFiles } from '../../manifest/inputs/requirements-files.js';
import { readPathFiles } from '../path-lines.js';
import type { ProjectWheel } from '../project.js';
import type { ProjectSources } from '../project-sources.js';
import type { BuildSession } from '../session.js';
import type { SiteTree } from '../site-tree.js';
import { folderFiles } from './input-files.js';
import { SCRIPT_PROJECT, writeScriptProject } from './script-project.js';

/** What the packager knows of a project by its wheel. */
export async function openFiles(
  { manifest, reporter, scratch }: BuildSession,
  sources: ProjectSources,
): Promise<ProjectWheel> {
  const { build, description, file, input, version = '0' } = manifest;
  const facts = { path: undefined, version, description, extras: [], sources };
  if (input.kind === 'script') {
    if (!input.hasBlock) {
      const message = `${basename(file)} has no \`# /// script\` block, so it is packed without dependencies`;
      reporter.emit({ type: 'warning', message });
    }
    const project = await writeScriptProject(scratch, manifest, input, sources);
    const original = (text: string): string => sources.original(text).replaceAll(SCRIPT_PROJECT, basename(file));
    return {
      ...facts,
      sources: { ...sources, original },
      requirements: input.dependencies,
      inputs: [project],
      ...(input.uv === undefined ? {} : { uvFolder: dirname(project) }),
    };
  }
  const { requirements } = await readRequirementsFiles(build.requirements);
  return { ...facts, requirements, inputs: await Promise.all(build.requirements.map((path) => sources.locate(path))) };
}

/** Puts the files into a tree of their own. */
export async function stageFiles({ manifest, reporter, scratch }: BuildSession): Promise<SiteTree> {
  const sitePackages = join(scratch, 'slots', 'application');
  const files =
    manifest.input.kind === 'script'
      ? [{ path: basename(manifest.file), absolute: manifest.file }]
      : await folderFiles(manifest, reporter);
  await mkdir(sitePackages, { recursive: true });
  for (const { path, absolute } of files) {
    const to = join(sitePackages, path);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(absolute, to);
    // Files that nobody may write to could not be removed with the scratch folder everywhere.
    const { mode } = await stat(absolute);
    await chmod(to, (mode & 0o111) === 0 ? 0o644 : 0o755);
  }
  return {
    sitePackages,
    beside: join(scratch, 'slots', 'data'),
    besideFiles: [],
    distributions: [],
    scripts: new Map(),
    pathFiles: await readPathFiles(sitePackages),
  };
}
