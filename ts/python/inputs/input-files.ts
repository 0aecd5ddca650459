/**
 * Which files of a folder without a build back end are its application: all but what is hidden, a result or a tool of
 * development, a test, or the list of what it needs. `include` brings such a file back, but for private keys, former
 * packages and virtual environments, which no program has a use for.
 */

import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { throwIfAborted } from '../../cancellation.js';
import type { ProjectManifest } from '../../manifest/project-manifest.js';
import { endsAsPackage } from '../../output-path.js';
import { pathMatcher } from '../../path-patterns.js';
import { isFile } from '../../presence.js';
import type { Reporter } from '../../progress.js';

/** One file to pack. */
export interface InputFile {
  /** Path in the package, with `/`. */
  readonly path: string;
  /** Path on this machine. */
  readonly absolute: string;
}

/** Stays behind wherever it lies. */
const ANYWHERE = pathMatcher(['.*', '__pycache__', 'node_modules', '*.pyc', '*.pyo', '*.egg-info', '*.dist-info']);
/** Stays behind at the top. */
const AT_TOP = pathMatcher([
  ...['/dist', '/build', '/test', '/tests', '/test_*.py', '/conftest.py', '/tox.ini', '/noxfile.py'],
  ...['/pyproject.toml', '/buildconfig.toml', '/uv.toml', '/uv.lock', '/pylock.toml', '/pylock.*.toml'],
  ...['/requirements*.txt', '/requirements*.in', '/constraints*.txt', '/Pipfile', '/Pipfile.lock'],
]);

const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/;
/** Keys are small. */
const MAX_KEY_BYTES = 65_536;

/** Files of the folder of a manifest, sorted by path. Links are followed. */
export async function folderFiles(manifest: ProjectManifest, reporter: Reporter): Promise<InputFile[]> {
  const { build, folder, input, name, sign } = manifest;
  const included = [...build.include.all, ...(build.include.byDistribution.get(name) ?? [])];
  const isIncluded = pathMatcher(included);
  const ownFiles = input.kind === 'folder' ? input.requirementsFiles : [];
  const listed = new Set(await Promise.all(ownFiles.map(realOf)));
  const key = sign.key === undefined ? undefined : await realOf(sign.key);
  const found: InputFile[] = [];
  const isPacked = async (path: string, real: string, size: number): Promise<boolean> => {
    if (real === key || (await endsAsPackage(real))) return false;
    if (size > MAX_KEY_BYTES || !PRIVATE_KEY.test(await readFile(real, 'latin1'))) return true;
    reporter.emit({ type: 'warning', message: `${path} holds a private key, so it is not packed` });
    return false;
  };
  const isOut = (path: string, real: string): boolean =>
    (listed.has(real) || ANYWHERE(path) || AT_TOP(path)) && !isIncluded(path);
  // In a folder that stays behind may lie what is included.
  const isVisited = async (path: string, real: string): Promise<boolean> =>
    (!isOut(path, real) || (included.length > 0 && !/(^|\/)\.git$/.test(path))) &&
    !(await isFile(join(real, 'pyvenv.cfg')));
  const visit = async (prefix: string, trail: readonly string[]): Promise<void> => {
    throwIfAborted(reporter.signal);
    for (const entry of (await readdir(join(folder, prefix))).sort()) {
      const path = prefix === '' ? entry : `${prefix}/${entry}`;
      const real = await realOf(join(folder, path));
      const status = await stat(real).catch(() => undefined);
      if (status?.isDirectory() === true) {
        if (!trail.includes(real) && (await isVisited(path, real))) await visit(path, [...trail, real]);
      } else if (status?.isFile() === true && !isOut(path, real) && (await isPacked(path, real, status.size))) {
        found.push({ path, absolute: real });
      }
    }
  };
  await visit('', [await realOf(folder)]);
  return found;
}

function realOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
