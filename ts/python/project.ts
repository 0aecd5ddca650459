/**
 * Builds the project's wheel in a scratch copy, with whatever back end the project names, and installs it into a
 * tree of its own. The user's folder is read, never written.
 */

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { unzipSync } from 'fflate';

import { cacheDirectory } from '../cache-directory.js';
import { FlavorError } from '../errors.js';
import { uvExplanation } from './dependencies.js';
import { headerOf, headersOf } from './distributions.js';
import { indexArguments } from './environment.js';
import { outputCause } from './process.js';
import { copyProject } from './project-copy.js';
import { type BuildSession, runUv, type StagedRuntime } from './session.js';
import { type SiteTree, splitEnvironment } from './site-tree.js';
import { sortedEntries } from './tree.js';
import { makeEnvironment } from './virtual-environment.js';

/** The built wheel of the project. */
export interface ProjectWheel {
  readonly path: string;
  readonly version: string;
  readonly description: string | undefined;
  /** Requirements without those of extras. */
  readonly requirements: readonly string[];
}

/** Builds the wheel. */
export async function buildWheel(session: BuildSession, runtime: StagedRuntime): Promise<ProjectWheel> {
  const { manifest, scratch, reporter } = session;
  const copy = join(scratch, 'project');
  await copyProject({
    from: manifest.folder,
    to: copy,
    withHistory: manifest.version === undefined,
    leftOut: [scratch, cacheDirectory(session.environment)],
    signal: reporter.signal,
  });
  const wheels = join(scratch, 'wheels');
  await mkdir(wheels);
  const outcome = await runUv(
    session,
    [
      'build',
      '--wheel',
      '--python',
      runtime.interpreter,
      '--out-dir',
      wheels,
      ...indexArguments(session.environment),
      copy,
    ],
    { UV_PYTHON_PREFERENCE: undefined },
  );
  const file = (await sortedEntries(wheels)).find(({ name }) => name.endsWith('.whl'));
  if (outcome.exitCode !== 0 || file === undefined) {
    const { explanation, hints } = uvExplanation(outcome.stderr);
    throw new FlavorError(
      'ERR_FLAVOR_BUILD',
      `the wheel of \`${manifest.distribution}\` could not be built${explanation === '' ? '' : `: ${explanation.replaceAll(copy, manifest.folder)}`}`,
      {
        path: manifest.file,
        hints: [...hints, 'with `--verbose` the output of the build back end is shown'],
        cause: outputCause(outcome),
      },
    );
  }
  return readWheel(join(wheels, file.name));
}

/** Installs the wheel, without its dependencies, into a tree of its own. */
export async function stageApplication(
  session: BuildSession,
  runtime: StagedRuntime,
  wheel: ProjectWheel,
): Promise<SiteTree> {
  const environment = await makeEnvironment(session, runtime, 'application-environment');
  const outcome = await runUv(
    session,
    [
      'pip',
      'install',
      '--python',
      environment.root,
      '--link-mode',
      'copy',
      '--no-deps',
      '--no-index',
      '--',
      wheel.path,
    ],
    { UV_PYTHON_PREFERENCE: undefined },
  );
  if (outcome.exitCode !== 0) {
    throw new FlavorError('ERR_FLAVOR_BUILD', 'the wheel of the project cannot be installed', {
      cause: outputCause(outcome),
    });
  }
  return splitEnvironment({
    environment,
    sitePackages: join(session.scratch, 'slots', 'application'),
    beside: join(session.scratch, 'slots', 'data'),
    recordPrefix: '../../../',
    hasScripts: true,
  });
}

async function readWheel(path: string): Promise<ProjectWheel> {
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
    requirements: headersOf(metadata, 'Requires-Dist').filter((requirement) => !/;.*\bextra\s*==/.test(requirement)),
  };
}
