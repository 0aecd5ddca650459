/**
 * Builds the project's wheel in a scratch copy, with whatever back end the project names, and installs it into a
 * tree of its own. The user's folder is read, never written.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { unzipSync } from 'fflate';

import { FlavorError } from '../errors.js';
import { headerOf, headersOf } from './distributions.js';
import { indexSettings } from './index-settings.js';
import { openFiles, stageFiles } from './inputs/files.js';
import { notInstalled, recordWheel } from './inputs/given-wheel.js';
import { layoutOf, upwards } from './layout.js';
import { copySources, type ProjectSources } from './project-sources.js';
import { requirementsFor } from './requirements.js';
import { type BuildSession, runUv, type StagedRuntime } from './session.js';
import { type SiteTree, splitEnvironment } from './site-tree.js';
import { platformSettings } from './uv-platform.js';
import { makeEnvironment } from './virtual-environment.js';
import { buildWheelOf, fitsTarget, notPure } from './wheel-build.js';

/** The built wheel of the project. */
export interface ProjectWheel {
  /** Undefined for files that are packed as they are. */
  readonly path: string | undefined;
  readonly version: string;
  readonly description: string | undefined;
  /** Requirements, those of the chosen extras among them. */
  readonly requirements: readonly string[];
  /** Files from which uv reads the requirements, if it can read more in them than that. */
  readonly inputs?: readonly string[];
  /** Folder whose settings of uv hold instead of those of the manifest's folder. */
  readonly uvFolder?: string;
  /** Extras that it has. */
  readonly extras: readonly string[];
  /** The copies that it was built from. */
  readonly sources: ProjectSources;
}

/** Builds the wheel; what is no project needs no building. */
export async function buildWheel(session: BuildSession, runtime: StagedRuntime): Promise<ProjectWheel> {
  const { manifest, options } = session;
  const sources = await copySources(session);
  const { file, input } = manifest;
  if (input.kind === 'wheel') return { ...(await readWheel(file, options.extras)), sources };
  if (input.kind !== 'project') return openFiles(session, sources);
  const path = await buildWheelOf(session, runtime, {
    folder: sources.folder,
    name: manifest.distribution,
    path: manifest.file,
    sources,
  });
  return { ...(await readWheel(path, options.extras)), sources };
}

/** Installs the wheel, without its dependencies, into a tree of its own. */
export async function stageApplication(
  session: BuildSession,
  runtime: StagedRuntime,
  wheel: ProjectWheel,
): Promise<SiteTree> {
  if (wheel.path === undefined) return stageFiles(session);
  const environment = await makeEnvironment(session, runtime, 'application-environment');
  const flags = ['pip', 'install', '--python', environment.root, '--link-mode', 'copy', '--no-deps', '--no-index'];
  if (session.manifest.input.kind === 'wheel' || fitsTarget(session, wheel.path)) {
    const { args, changes } = platformSettings(session);
    const outcome = await runUv(session, [...flags, ...args, '--', wheel.path], {
      UV_PYTHON_PREFERENCE: undefined,
      ...changes,
    });
    if (outcome.exitCode !== 0) throw notInstalled(session, runtime, outcome);
  } else {
    await installForeignWheel(session, flags, wheel.path, wheel.version);
  }
  const tree = await splitEnvironment({
    environment,
    sitePackages: join(session.scratch, 'slots', 'application'),
    beside: join(session.scratch, 'slots', 'data'),
    recordPrefix: upwards(layoutOf(session.target, runtime.minor).sitePackages),
    hasScripts: true,
    target: session.target,
  });
  if (session.manifest.input.kind === 'wheel') await recordWheel(tree, wheel.path);
  return tree;
}

/**
 * Installs the project's wheel for another platform, which somebody has built there: from the folders and pages that
 * the user names, never from an index, where anybody may have a distribution of that name.
 */
async function installForeignWheel(
  session: BuildSession,
  flags: readonly string[],
  path: string,
  version: string,
): Promise<void> {
  const { args, changes } = indexSettings(session);
  const platform = platformSettings(session);
  const places = args.filter((word) => word !== '--no-index');
  const wanted = `${session.manifest.distribution}==${version}`;
  const outcome = await runUv(session, [...flags, ...places, ...platform.args, '--', wanted], {
    ...changes,
    ...platform.changes,
  });
  if (outcome.exitCode !== 0) throw notPure(session, session.manifest.distribution, path, outcome);
}

async function readWheel(path: string, extras: readonly string[]): Promise<Omit<ProjectWheel, 'sources'>> {
  const members = unzipSync(await readFile(path), { filter: ({ name }) => /^[^/]+\.dist-info\/METADATA$/.test(name) });
  const [content] = Object.values(members);
  const metadata = Buffer.from(content ?? []).toString('utf8');
  const version = headerOf(metadata, 'Version');
  if (version === undefined) {
    throw new FlavorError('ERR_FLAVOR_BUILD', `the build back end made a wheel without a version: ${path}`);
  }
  return {
    path,
    version,
    description: headerOf(metadata, 'Summary'),
    requirements: requirementsFor(headersOf(metadata, 'Requires-Dist'), headerOf(metadata, 'Name') ?? '', extras),
    extras: headersOf(metadata, 'Provides-Extra'),
  };
}
