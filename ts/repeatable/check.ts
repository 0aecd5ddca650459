/**
 * `checkRepeatable`: builds a project twice, from copies in different folders, with different file mode masks, languages
 * and time zones, and compares the packages byte by byte. Nothing is kept, and the user's key is not needed: both
 * builds are signed by a key from a seed that is made for the check.
 */

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

import { baseFolder, readProject } from '../build-session.js';
import { abortedError } from '../cancellation.js';
import type { ErrorCode } from '../error-codes.js';
import { FlavorError } from '../errors.js';
import type { ProjectManifest } from '../manifest/project-manifest.js';
import { splitWords } from '../manifest/words.js';
import type { PackOptions, PackOutput } from '../pack.js';
import { isThere } from '../presence.js';
import { observed, type ProgressEvent, type Reporter } from '../progress.js';
import { childEnvironment, type Environment } from '../python/environment.js';
import { sourcesOf } from '../python/local-projects.js';
import { copyProject } from '../python/project-copy.js';
import { withScratch } from '../scratch.js';
import { chosenTargets } from '../targets.js';
import { differences } from './difference.js';
import type { WorkLine, WorkOrder } from './worker.js';

/** Options of {@link checkRepeatable}: those of a build, but for what it writes and who signs it. */
export type CheckOptions = Omit<PackOptions, 'output' | 'key'>;

/** What {@link checkRepeatable} found out: both builds gave these bytes. */
export interface CheckResult {
  readonly target: string;
  readonly sizeBytes: number;
  /** Lower hex SHA-256 of both packages, which a key of the check signed: another build has another one. */
  readonly sha256: string;
}

interface Surroundings {
  readonly name: string;
  readonly umask: number;
  readonly environment: Environment;
}

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

const SURROUNDINGS: readonly Surroundings[] = [
  { name: 'first', umask: 0o022, environment: { LC_ALL: 'C', TZ: 'UTC' } },
  { name: 'second', umask: 0o077, environment: { LC_ALL: 'C.UTF-8', TZ: 'Asia/Kolkata' } },
];

/**
 * Builds twice and compares.
 *
 * @throws {FlavorError} `ERR_FLAVOR_REPEAT`, naming what differs, if the builds are not equal; whatever `pack` throws if
 * one of them fails.
 */
export function checkRepeatable(options: CheckOptions = {}): Promise<CheckResult> {
  return observed(options, (reporter) => withScratch((scratch) => check(options, scratch, reporter)));
}

async function check(options: CheckOptions, scratch: string, reporter: Reporter): Promise<CheckResult> {
  const cwd = baseFolder(options);
  const manifest = await readProject(options);
  if (chosenTargets(options.platforms, manifest).length > 1) {
    throw new FlavorError('ERR_FLAVOR_OPTION', 'a check compares packages for one platform, and there are several', {
      hints: ['name one of them with `--platform`'],
    });
  }
  const { common, project, roots } = await sourcesOf(manifest, await filesBeside(manifest));
  const seed = randomBytes(32).toString('hex');
  const outputs: PackOutput[] = [];
  for (const surroundings of SURROUNDINGS) {
    reporter.emit({ type: 'stage', stage: 'build', state: 'done', detail: `${surroundings.name} build` });
    // A folder is called what it is called: the name of the package may be made of that.
    const copy = join(scratch, surroundings.name, 'project', basename(common));
    const { signal } = reporter;
    for (const root of roots) {
      await copyProject({
        from: root,
        to: join(copy, relative(common, root)),
        withHistory: manifest.version === undefined,
        leftOut: [scratch],
        signal,
      });
    }
    const temporary = join(scratch, surroundings.name, 'tmp');
    await mkdir(temporary);
    const order: WorkOrder = {
      umask: surroundings.umask,
      options: {
        ...Object.fromEntries(
          Object.entries(options).filter(([name]) => !['signal', 'onProgress', 'environment'].includes(name)),
        ),
        cwd,
        // What was kept would hide what differs.
        buildCache: false,
        input: join(copy, relative(common, project), basename(manifest.file)),
        // The manifest of a project is its input; settings of another input stay where they are.
        manifest: options.input === undefined ? undefined : options.manifest && resolve(cwd, options.manifest),
        output: join(scratch, surroundings.name, 'package.psp'),
        key: { source: 'seed', seed },
      },
    };
    const environment = childEnvironment(options.environment ?? process.env, {
      ...surroundings.environment,
      TMPDIR: temporary,
      TEMP: temporary,
      TMP: temporary,
    });
    outputs.push(await build(order, environment, reporter, (text) => text.replaceAll(copy, common)));
  }
  const [first, second] = outputs as [PackOutput, PackOutput];
  reporter.emit({ type: 'stage', stage: 'compare', state: 'start', detail: 'comparing both builds' });
  const found = await differences([first.path, second.path], scratch, reporter);
  if (found.length > 0) {
    throw new FlavorError('ERR_FLAVOR_REPEAT', `two builds of the same project differ: ${found.join('; ')}`, {
      path: manifest.file,
    });
  }
  reporter.emit({ type: 'stage', stage: 'compare', state: 'done', detail: 'equal byte by byte' });
  return { target: first.target, sizeBytes: first.sizeBytes, sha256: first.sha256 };
}

/** What a script or a wheel needs of the folder that it lies in. */
async function filesBeside({ build, file, folder, input, pylock, python, slots }: ProjectManifest): Promise<string[]> {
  if (input.kind !== 'script' && input.kind !== 'wheel') return [];
  const hooks = [...build.preBuild, ...build.postBuild].flatMap((hook) => splitWords(hook)?.slice(0, 1) ?? []);
  const named = [
    ...[`${file}.lock`, pylock, python.archive, python.path],
    ...[...build.requirements, ...build.index.findLinks],
    ...slots.map(({ source }) => source),
    ...hooks.map((script) => resolve(folder, script)),
  ];
  const paths = named.filter((path) => path !== undefined && isAbsolute(path)) as string[];
  const areThere = await Promise.all(paths.map(isThere));
  return paths.filter((_, index) => areThere[index] === true);
}

/** Nobody keeps the packages, so where they lie is no news. */
function namesOutput(event: ProgressEvent): boolean {
  return event.type === 'stage' && event.stage === 'assemble' && event.state === 'done';
}

async function build(
  order: WorkOrder,
  environment: Environment,
  reporter: Reporter,
  original: (text: string) => string,
): Promise<PackOutput> {
  const child = execa(process.execPath, [WORKER], {
    input: JSON.stringify(order),
    env: environment,
    extendEnv: false,
    reject: false,
    buffer: { stdout: false },
    cancelSignal: reporter.signal,
    forceKillAfterDelay: 10_000,
  });
  let last: WorkLine | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    last = JSON.parse(line) as WorkLine;
    if (last.type === 'event' && !namesOutput(last.event)) reporter.emit(last.event);
  }
  const { stderr } = await child;
  if (reporter.signal.aborted) throw abortedError(reporter.signal);
  if (last?.type === 'built') return last.output;
  if (last?.type === 'failed') {
    throw new FlavorError(last.code as ErrorCode, original(last.message), {
      hints: last.hints.map(original),
      ...(last.path === undefined ? {} : { path: original(last.path) }),
      ...(last.cause === undefined ? {} : { cause: new Error(original(last.cause)) }),
    });
  }
  throw new FlavorError('ERR_FLAVOR_INTERNAL', 'a build of the check ended without an answer', {
    cause: new Error(stderr),
  });
}
