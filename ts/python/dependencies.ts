/**
 * Installs what the project depends on. Everything that is declared is inside afterwards, or the build fails and
 * names the requirement.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import { foldName } from '../manifest/names.js';
import { indexArguments } from './environment.js';
import { outputCause, type ProcessOutcome } from './process.js';
import { type BuildSession, runUv, type StagedRuntime } from './session.js';
import { type SiteTree, splitEnvironment } from './site-tree.js';
import { makeEnvironment } from './virtual-environment.js';

/** The dependencies of a project, installed. */
export interface StagedDependencies extends SiteTree {
  /** Source distributions that were built on the way, as `name==version`. */
  readonly built: readonly string[];
}

/** The pip that is packed where the user's index has it. */
const PIP_REQUIREMENT = 'pip==26.3';

/** Installs requirements and splits the result into the tree of the dependencies slot. */
export async function stageDependencies(
  session: BuildSession,
  runtime: StagedRuntime,
  requirements: readonly string[],
): Promise<StagedDependencies> {
  const environment = await makeEnvironment(session, runtime, 'dependencies-environment');
  const needsPip = session.manifest.includePip && !requirements.some((text) => requirementName(text) === 'pip');
  const built = await install(session, environment.root, requirements, needsPip);
  const root = join(session.scratch, 'slots', 'dependencies');
  const tree = await splitEnvironment({
    environment,
    sitePackages: join(root, 'site-packages'),
    beside: root,
    recordPrefix: '../',
    hasScripts: false,
  });
  return { ...tree, built };
}

/** Folded name of a requirement. */
export function requirementName(requirement: string): string {
  return foldName(/^\s*([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(requirement)?.[1] ?? requirement);
}

async function install(
  session: BuildSession,
  environment: string,
  requirements: readonly string[],
  needsPip: boolean,
): Promise<string[]> {
  const attempt = (pip: readonly string[]): Promise<ProcessOutcome> =>
    installOnce(session, environment, [...requirements, ...pip]);
  let outcome = await attempt(needsPip ? [PIP_REQUIREMENT] : []);
  // An index of a company may hold another pip than the one that we know; any pip serves.
  if (outcome.exitCode !== 0 && needsPip && /\bpip==/.test(outcome.stderr)) outcome = await attempt(['pip']);
  if (outcome.exitCode !== 0) throw notInstalled(outcome, requirements, needsPip);
  return [...outcome.stderr.matchAll(/^\s*Built (\S+)/gm)].map(([, name = '']) => name).sort();
}

async function installOnce(
  session: BuildSession,
  environment: string,
  requirements: readonly string[],
): Promise<ProcessOutcome> {
  if (requirements.length === 0) return { exitCode: 0, stdout: '', stderr: '', timedOut: false };
  const file = join(session.scratch, 'requirements.txt');
  await writeFile(file, requirements.map((requirement) => `${requirement}\n`).join(''));
  return runUv(
    session,
    [
      'pip',
      'install',
      '--python',
      environment,
      '--link-mode',
      'copy',
      ...indexArguments(session.environment),
      '--requirements',
      file,
    ],
    { UV_PYTHON_PREFERENCE: undefined },
  );
}

function notInstalled(outcome: ProcessOutcome, requirements: readonly string[], needsPip: boolean): FlavorError {
  const text = outcome.stderr;
  const folded = text.toLowerCase().replaceAll(/[-_.]+/g, '-');
  const candidates = needsPip ? [...requirements, 'pip'] : requirements;
  const named = candidates.filter((requirement) =>
    new RegExp(`(^|[^a-z0-9-])${requirementName(requirement)}([^a-z0-9-]|$)`).test(folded),
  );
  const what = (named.length > 0 ? named : candidates).map((requirement) => `\`${requirement}\``).join(', ');
  const { explanation, hints } = uvExplanation(text);
  const reason = /^\s*error: .*(resolving|No solution)/m.test(text)
    ? 'could not be resolved'
    : 'could not be installed';
  return new FlavorError('ERR_FLAVOR_DEPENDENCY', `${what} ${reason}${explanation === '' ? '' : `: ${explanation}`}`, {
    hints: hints.length > 0 ? hints : ['check the name and version in `project.dependencies` and the index settings'],
    cause: outputCause(outcome),
  });
}

/** uv's own words: the first cause (or the error line), and its hints, each joined into one line. */
export function uvExplanation(stderr: string): { readonly explanation: string; readonly hints: readonly string[] } {
  const blocks: { readonly kind: string; text: string }[] = [];
  for (const line of stderr.split('\n')) {
    const start = /^\s*(error|cause|hint|warning): (.*)$/.exec(line) ?? /^\s*(?:×|╰─▶|├─▶)()\s*(.*)$/.exec(line);
    if (start !== null) blocks.push({ kind: start[1] || 'cause', text: start[2] ?? '' });
    else if (blocks.length > 0 && /^\s+\S/.test(line)) {
      const last = blocks.at(-1);
      if (last !== undefined) last.text = `${last.text} ${line.trim()}`;
    }
  }
  const tidy = (text: string): string => text.trim().replaceAll(/\s+/g, ' ').replace(/\.$/, '');
  const first = blocks.find(({ kind }) => kind === 'cause') ?? blocks.find(({ kind }) => kind === 'error');
  return {
    explanation: tidy(first?.text ?? ''),
    hints: blocks.filter(({ kind }) => kind === 'hint').map(({ text }) => tidy(text)),
  };
}
