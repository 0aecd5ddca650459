/**
 * Which lock file a build obeys. Without a word in the manifest: requirements files if it names some, else `uv.lock` of
 * the project or its workspace, else `pylock.toml` beside the manifest, else none. `--locked` wants one.
 */

import { basename, join } from 'node:path';

import { FlavorError } from '../errors.js';
import type { ProjectManifest } from '../manifest/project-manifest.js';
import { isFile } from '../presence.js';
import type { ProjectSources } from './project-sources.js';
import type { BuildSession } from './session.js';

/** What is obeyed. */
export type LockChoice =
  | { readonly kind: 'uv' | 'pylock'; readonly file: string }
  | { readonly kind: 'requirements'; readonly files: readonly string[] }
  | { readonly kind: 'none' };

/** Absolute paths of the files that are obeyed. */
export function lockFiles(lock: LockChoice): readonly string[] {
  return lock.kind === 'requirements' ? lock.files : lock.kind === 'none' ? [] : [lock.file];
}

/** What writes the standard lock file anew. */
export function lockCommand({ file, input }: ProjectManifest): string {
  return input.kind === 'script' || input.kind === 'wheel' ? `flavor lock ${basename(file)}` : 'flavor lock';
}

/** Chooses the lock file of a build. */
export async function chooseLock(
  { manifest, options }: Pick<BuildSession, 'manifest' | 'options'>,
  sources: Pick<ProjectSources, 'originalWorkspace'>,
): Promise<LockChoice> {
  const { lock, requirements } = manifest.build;
  const { input, pylock } = manifest;
  const isScript = input.kind === 'script';
  // Of a script that is called hello.py, uv calls it hello.py.lock.
  const uvLock = isScript ? `${manifest.file}.lock` : join(sources.originalWorkspace, 'uv.lock');
  const uvCommand = isScript ? `uv lock --script ${basename(manifest.file)}` : 'uv lock';
  switch (lock) {
    case 'uv':
      return { kind: 'uv', file: await wanted(uvLock, lock, `\`${uvCommand}\` writes it`) };
    case 'pylock':
      return { kind: 'pylock', file: await wanted(pylock, lock, `\`${lockCommand(manifest)}\` writes it`) };
    case 'requirements':
      if (requirements.length === 0) {
        throw new FlavorError('ERR_FLAVOR_LOCK', 'the manifest wants requirements files to be obeyed, but names none', {
          path: manifest.file,
          hints: ['write `requirements = ["requirements.txt"]` under `[tool.flavor.build]`'],
        });
      }
      break;
    case 'auto':
      if (requirements.length > 0) break;
      if (await isFile(uvLock)) return { kind: 'uv', file: uvLock };
      if (await isFile(pylock)) return { kind: 'pylock', file: pylock };
  }
  if (lock !== 'none' && requirements.length > 0) {
    for (const file of requirements) await wanted(file, 'requirements', 'correct `tool.flavor.build.requirements`');
    return { kind: 'requirements', files: requirements };
  }
  if (options.locked) {
    throw new FlavorError(
      'ERR_FLAVOR_LOCK',
      `\`--locked\` was given, but the ${input.kind} has no lock file: ${manifest.folder}`,
      {
        path: manifest.folder,
        hints: [
          `\`${lockCommand(manifest)}\` writes ${basename(pylock)}${input.kind === 'wheel' ? '' : `, \`${uvCommand}\` writes ${basename(uvLock)}`}`,
        ],
      },
    );
  }
  return { kind: 'none' };
}

async function wanted(file: string, lock: string, hint: string): Promise<string> {
  if (await isFile(file)) return file;
  throw new FlavorError('ERR_FLAVOR_LOCK', `there is no such lock file (\`lock = "${lock}"\`): ${file}`, {
    path: file,
    hints: [hint],
  });
}
