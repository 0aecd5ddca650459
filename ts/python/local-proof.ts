/**
 * Proves that a copied interpreter uses nothing of its original. A copy that finds its original works perfectly on
 * the machine where it was made, and a copy that finds another one does so everywhere; so the copy is run with the
 * original out of sight, loads all its extension modules, and shows which files that brought into the process.
 *
 * The original is hidden in a mount namespace of its own, which an unprivileged user may make on most systems. Where
 * that is forbidden the list of mapped files alone decides, and the caller is told.
 */

import { basename, dirname, join, sep } from 'node:path';

import { FlavorError, isFlavorError } from '../errors.js';
import { embeddedFile } from './embedded-files.js';
import { isOfTheMachine } from './library-closure.js';
import type { LocalCopy } from './local-copy.js';
import type { LocalInterpreter } from './local-interpreters.js';
import { outputCause, type ProcessOutcome, runProcess } from './process.js';
import { GIVE_ARCHIVE } from './runtime-staging.js';
import type { BuildSession } from './session.js';

interface Answer {
  readonly version: string;
  readonly prefix: string;
  readonly failed: Readonly<Record<string, string>>;
  readonly mapped: readonly string[];
}

/** Exit code of our own shell lines when something could not be hidden. */
const NOT_HIDDEN = 97;
const TIMEOUT_MS = 60_000;
/** Folders that other programs, the shell and `mount` among them, live in. */
const SHARED_PREFIXES = ['/', '/usr'];

/** Runs the copy in `root`; says whether the original was hidden meanwhile. */
export async function proveCopy(
  session: BuildSession,
  local: LocalInterpreter,
  copy: LocalCopy,
  root: string,
): Promise<{ readonly hidden: boolean }> {
  const modules = join(root, 'lib', `python${local.minor}`, 'lib-dynload');
  const command = [join(root, 'bin', `python${local.minor}`), '-I', '-S', '-B', embeddedFile('prove_copy.py'), modules];
  const hiding = await runHidden(session, hidingLines(local, copy), command);
  const outcome = hiding ?? (await run(session, command));
  judge(local, root, outcome);
  return { hidden: hiding !== undefined };
}

/** Shell lines that put nothing in the place of the original. */
function hidingLines(local: LocalInterpreter, copy: LocalCopy): string[] {
  const whole = !SHARED_PREFIXES.includes(local.prefix);
  const folders = whole ? [local.prefix] : [local.library];
  const files = [local.executable, ...copy.libraries].filter(
    (path) => !folders.some((folder) => path.startsWith(folder + sep)),
  );
  return [
    ...folders.map((folder) => `mount -t tmpfs -o size=64k none ${quoted(folder)}`),
    ...files.map((file) => `mount --bind /dev/null ${quoted(file)}`),
  ];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Undefined if this system does not let us hide anything. */
async function runHidden(
  session: BuildSession,
  lines: readonly string[],
  command: readonly string[],
): Promise<ProcessOutcome | undefined> {
  // Everything that is hidden is hidden by one shell, so that no program is started half-way.
  const script = [...lines.map((line) => `${line} || exit ${NOT_HIDDEN}`), 'exec "$@"'].join('\n');
  const namespace = ['--user', '--map-root-user', '--mount', '--', 'sh', '-c', script, 'sh'];
  try {
    const outcome = await run(session, ['unshare', ...namespace, ...command]);
    const isRefused = outcome.exitCode === NOT_HIDDEN || (outcome.exitCode !== 0 && /^unshare: /m.test(outcome.stderr));
    return isRefused ? undefined : outcome;
  } catch (error) {
    if (isFlavorError(error) && error.code === 'ERR_FLAVOR_IO') return undefined;
    throw error;
  }
}

function run(session: BuildSession, [file = '', ...args]: readonly string[]): Promise<ProcessOutcome> {
  const { PATH, LANG } = session.environment;
  return runProcess({
    file,
    args,
    cwd: session.scratch,
    environment: { PATH, LANG },
    signal: session.reporter.signal,
    timeoutMs: TIMEOUT_MS,
  });
}

function judge(local: LocalInterpreter, root: string, outcome: ProcessOutcome): void {
  if (outcome.exitCode !== 0) throw refused(local, 'it does not run', outputCause(outcome));
  const answer = JSON.parse(outcome.stdout) as Answer;
  if (answer.version !== local.version) throw refused(local, `it became Python ${answer.version}`);
  if (answer.prefix !== root) throw refused(local, `it finds its library in ${answer.prefix}`);
  const foreign = answer.mapped.find((path) => isForeign(path, root));
  if (foreign !== undefined) throw refused(local, `it uses ${foreign}`);
  const [failure] = Object.entries(answer.failed);
  if (failure !== undefined) {
    throw refused(local, `its module \`${failure[0]}\` does not load`, new Error(failure[1]));
  }
}

/** Only shared libraries and programs count: the C library maps locale files of the machine. */
function isForeign(path: string, root: string): boolean {
  if (path.startsWith(root + sep)) return false;
  const isCode = /\.so(\.|$)/.test(basename(path)) || basename(dirname(path)) === 'bin';
  return isCode && !isOfTheMachine(basename(path));
}

function refused(local: LocalInterpreter, why: string, cause?: Error): FlavorError {
  return new FlavorError(
    'ERR_FLAVOR_RUNTIME',
    `a copy of Python ${local.version} of ${local.executable} does not stand on its own: ${why}`,
    {
      path: local.executable,
      hints: [GIVE_ARCHIVE],
      cause,
    },
  );
}
