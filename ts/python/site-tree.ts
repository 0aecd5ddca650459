/**
 * Splits a virtual environment that uv has filled into what a slot holds: site-packages, and the files that wheels
 * put beside it (`share`, `etc`, `include`, programs of `bin`). uv's notes about this machine and this moment go,
 * their RECORD lines with them. Console scripts are not kept: they are made again for the package.
 */

import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';

import { FlavorError } from '../errors.js';
import type { EntryPoint } from '../manifest/names.js';
import { hostTarget, type Target } from '../platform.js';
import { type Distribution, formatRecord, type RecordLine, readDistributions } from './distributions.js';
import { type Layout, layoutOf } from './layout.js';
import { type PathFiles, readPathFiles } from './path-lines.js';
import { windowsScriptName } from './scripts-windows.js';
import { removeAll, removeBytecode } from './tree.js';

/** A virtual environment in the scratch folder. */
export interface FilledEnvironment {
  readonly root: string;
  /** Such as `3.14`. */
  readonly minor: string;
}

/** What became of it. */
export interface SiteTree {
  /** Folder that holds site-packages' content. */
  readonly sitePackages: string;
  /** Folder that holds the files beside site-packages, by the paths they have in an environment. */
  readonly beside: string;
  /** Paths below `beside`. */
  readonly besideFiles: readonly string[];
  readonly distributions: readonly Distribution[];
  /** Commands of all distributions by name. */
  readonly scripts: ReadonlyMap<string, EntryPoint>;
  /** What its `.pth` files ask of `site`. */
  readonly pathFiles: PathFiles;
}

/** Where the parts go, and how RECORD must name files beside site-packages from inside of it. */
export interface SplitRequest {
  readonly environment: FilledEnvironment;
  readonly sitePackages: string;
  readonly beside: string;
  /** Prefix from site-packages to the root under which the files beside it are found. */
  readonly recordPrefix: string;
  /** Whether console scripts lie under that root too: the tree is unpacked into the environment that has them. */
  readonly hasScripts: boolean;
  readonly target: Target;
}

/** Written by uv and by nobody else; they hold paths and times of the build. */
const NOTES = new Set(['direct_url.json', 'uv_cache.json', 'uv_build.json']);
const ROOT_LEFTOVERS = ['.lock', '_virtualenv.py', '_virtualenv.pth'];

/** Starts a script of a slot with the interpreter of whichever work environment links to it from one of its folders. */
const SCRIPT_HEADER = `#!/bin/sh\n'''exec' "\${0%/*/*}/bin/python" "$0" "$@"\n' '''\n`;

/** Moves the environment's content into two trees. */
export async function splitEnvironment(request: SplitRequest): Promise<SiteTree> {
  const { environment, sitePackages, beside } = request;
  await mkdir(dirname(sitePackages), { recursive: true });
  await rename(join(environment.root, installedFolder(environment)), sitePackages);
  await removeAll(sitePackages, ROOT_LEFTOVERS);
  await removeBytecode(sitePackages);
  const distributions = await readDistributions(sitePackages);
  const scripts = new Map<string, EntryPoint>();
  const besideFiles = new Set<string>();
  for (const distribution of distributions) {
    const made = madeScripts(distribution);
    for (const [name, entry] of made) if (!scripts.has(name)) scripts.set(name, entry);
    const kept = await sortRecord(request, distribution, made, besideFiles);
    await writeFile(join(sitePackages, distribution.infoFolder, 'RECORD'), formatRecord(kept));
  }
  return {
    sitePackages,
    beside,
    besideFiles: [...besideFiles].sort(),
    distributions,
    scripts,
    pathFiles: await readPathFiles(sitePackages),
  };
}

/** Moves or removes the files of one distribution that do not stay in site-packages; the RECORD of what is left. */
async function sortRecord(
  request: SplitRequest,
  distribution: Distribution,
  made: ReadonlyMap<string, EntryPoint>,
  besideFiles: Set<string>,
): Promise<RecordLine[]> {
  const { environment, sitePackages, beside, recordPrefix, target } = request;
  const installed = installedFolder(environment);
  const layout = layoutOf(target, environment.minor);
  const kept: RecordLine[] = [];
  for (const line of distribution.record) {
    const path = posix.normalize(posix.join(installed, line.path));
    if (path.startsWith(`${installed}/`)) {
      if (await keepsInside(sitePackages, distribution, path.slice(installed.length + 1))) kept.push(line);
    } else if (posix.dirname(path) === 'bin' && made.has(posix.basename(path))) {
      // What is in it is known when the environment is composed, so it has neither digest nor size.
      kept.push(...scriptLines(request, layout, posix.basename(path)));
    } else {
      if (path.startsWith('../') || posix.isAbsolute(path)) throw outside(distribution, line.path);
      const moved = await moveBeside(environment, path, beside, target);
      besideFiles.add(moved.path);
      kept.push({ ...line, ...moved, path: `${recordPrefix}${moved.path}` });
    }
  }
  return kept;
}

/** The environment is one of this machine, whatever platform it was filled for. */
function installedFolder({ minor }: FilledEnvironment): string {
  return layoutOf(hostTarget(), minor).sitePackages;
}

/** RECORD lines for the files of a console script, where they lie in the same root. */
function scriptLines({ hasScripts, recordPrefix, target }: SplitRequest, layout: Layout, name: string): RecordLine[] {
  const { onPath, programs } = layout;
  if (!hasScripts) return [];
  const files =
    target.os === 'windows'
      ? [`${programs}/${windowsScriptName(name)}`, `${programs}/${name}.cmd`, `${onPath}/${name}.cmd`]
      : [`${programs}/${name}`];
  return files.map((file) => ({ path: `${recordPrefix}${file}`, hash: '', size: '' }));
}

/** Whether a file of site-packages stays in the package; removes uv's notes. */
async function keepsInside(sitePackages: string, { infoFolder }: Distribution, path: string): Promise<boolean> {
  if (path.startsWith(`${infoFolder}/`) && NOTES.has(posix.basename(path))) {
    await rm(join(sitePackages, path), { force: true });
    return false;
  }
  return !path.includes('__pycache__/');
}

/** Commands of a distribution, pip's versioned name included, which installers add to what the wheel says. */
function madeScripts(distribution: Distribution): Map<string, EntryPoint> {
  const made = new Map(distribution.scripts);
  const pip = distribution.name === 'pip' ? distribution.scripts.get('pip') : undefined;
  for (const { path } of pip === undefined ? [] : distribution.record) {
    const name = /\/bin\/(pip\d[\d.]*)$/.exec(path)?.[1];
    if (name !== undefined && pip !== undefined) made.set(name, pip);
  }
  return made;
}

/** Moves one file; where it lies then, and digest and size if its content was changed. */
async function moveBeside(
  environment: FilledEnvironment,
  path: string,
  beside: string,
  target: Target,
): Promise<Pick<RecordLine, 'path'> & Partial<RecordLine>> {
  const from = join(environment.root, path);
  const placed = path.replace(/^bin\//, `${layoutOf(target, environment.minor).programs}/`);
  const to = join(beside, placed);
  await mkdir(dirname(to), { recursive: true });
  const content = await readFile(from);
  const header = pythonHeader(content, environment.root);
  if (header === undefined) {
    await rename(from, to);
    return { path: placed };
  }
  const start = target.os === 'windows' ? '#!python\n' : SCRIPT_HEADER;
  const script = Buffer.concat([Buffer.from(start), content.subarray(header)]);
  await writeFile(to, script, { mode: 0o755 });
  const digest = createHash('sha256').update(script).digest('base64url');
  return { path: placed, hash: `sha256=${digest}`, size: String(script.length) };
}

/** Length of the lines by which uv made a script start with the interpreter of the environment; undefined without. */
function pythonHeader(content: Buffer, root: string): number | undefined {
  if (content.subarray(0, 2).toString('latin1') !== '#!') return undefined;
  const lines = content.subarray(0, 16_384).toString('latin1').split('\n', 3);
  const needle = Buffer.from(root).toString('latin1');
  const [shebang = '', second = '', third = ''] = lines;
  if (shebang.includes(needle)) return shebang.length + 1;
  // Paths that are long or hold blanks are no shebang; uv then writes three lines for the shell.
  if (!second.startsWith("'''exec' ") || !second.includes(needle)) return undefined;
  return shebang.length + second.length + third.length + 3;
}

function outside(distribution: Distribution, path: string): FlavorError {
  return new FlavorError(
    'ERR_FLAVOR_DEPENDENCY',
    `${distribution.name} ${distribution.version} installs a file outside its environment: ${JSON.stringify(path)}`,
  );
}
