/**
 * A folder with requirements.txt as something to pack: an application without a build back end. Its settings may stand in
 * a pyproject.toml beside, which then is no project's.
 */

import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { isFile } from '../../presence.js';
import type { ProjectManifest } from '../project-manifest.js';
import { REQUIREMENTS_FILE } from './find-input.js';
import { readRequirementsFiles } from './requirements-files.js';
import { distributionName, type InputSettings, manifestOf, readSettings } from './settings.js';

/** Files that run if they are alone. */
const MAIN_FILES = ['__main__.py', 'app.py', 'main.py'];

/** What was found, and the settings of a file that the caller names. */
export interface FolderRequest {
  /** Absolute path of the requirements file. */
  readonly requirements: string;
  /** pyproject.toml beside it. */
  readonly settings: string | undefined;
}

/** The manifest of a folder. */
export async function folderManifest(
  { requirements, settings: beside }: FolderRequest,
  settings?: InputSettings,
): Promise<ProjectManifest> {
  const folder = dirname(requirements);
  const used = settings ?? (beside === undefined ? undefined : await readSettings(beside));
  const name = distributionName(basename(folder), folder);
  const manifest = manifestOf(requirements, used, {
    name,
    version: undefined,
    description: undefined,
    requiresPython: undefined,
    scripts: new Set(),
  });
  const pylock = join(folder, 'pylock.toml');
  const { build, entryPoint } = manifest;
  const named = build.requirements.length > 0 ? build.requirements : [requirements];
  const { files, index, paths } = await readRequirementsFiles(named);
  const names = await readdir(folder);
  const candidates = MAIN_FILES.filter((file) => names.includes(file));
  const [only] = candidates;
  return {
    ...manifest,
    input: { kind: 'folder', candidates, requirementsFiles: files, sources: paths },
    file: requirements,
    folder,
    outputFolder: join(folder, 'dist'),
    pylock,
    hasScripts: manifest.commands.size > 0,
    main: entryPoint === undefined && only !== undefined && candidates.length === 1 ? fileProgram(only) : undefined,
    build: {
      ...build,
      requirements: named,
      lock: await lockOf(build, pylock, basename(requirements)),
      index: {
        url: build.index.url ?? index.url,
        extra: [...build.index.extra, ...index.extra],
        findLinks: [...build.index.findLinks, ...index.findLinks],
        noIndex: build.index.noIndex || index.noIndex,
      },
    },
  };
}

/** A lock file that `flavor lock` has written is obeyed, unless the settings or the command line name other files. */
async function lockOf(
  { lock, requirements }: ProjectManifest['build'],
  pylock: string,
  fileName: string,
): Promise<ProjectManifest['build']['lock']> {
  if (lock !== 'auto') return lock;
  if (requirements.length > 0 || fileName !== REQUIREMENTS_FILE) return 'requirements';
  return (await isFile(pylock)) ? 'pylock' : 'requirements';
}

function fileProgram(path: string): ProjectManifest['main'] {
  return { kind: 'file', path };
}
