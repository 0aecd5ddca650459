/**
 * A trial package: the package that is about to be made, with its trees stored instead of compressed and signed by a key
 * made for the moment, in the scratch folder. Starting it shows what the user will get (composition, interpreter,
 * commands), and it ends with everything else in the scratch folder.
 *
 * It is started by the launcher of this installation, never by the one that is embedded, with an environment that
 * holds nothing of the user's but where programs, temporary files and the language are. The key that signs the real
 * package is not open yet (security.md S25).
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { findLauncher, type Launcher } from '../launchers.js';
import { assemble } from '../native.js';
import { type ProcessOutcome, runProcess } from './process.js';
import type { BuildSession } from './session.js';

/** A trial package that can be started. */
export interface Trial {
  readonly file: string;
  readonly launcher: Launcher;
  /** Folder that is HOME and the working folder of what is started. */
  readonly home: string;
}

/** One start. */
export interface TrialStart {
  readonly command: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly input?: string;
}

/** Commands of the trial beside those of the package, as argument vectors. */
export type TrialCommands = Readonly<Record<string, readonly string[]>>;

/** What a start sees of the user's environment: nothing that the package must not need. */
const PASSED = /^(PATH|TMPDIR|TMP|TEMP|LANG|LC_[A-Z]+|TZ|SystemRoot|SYSTEMROOT|ComSpec|PATHEXT|NUMBER_OF_PROCESSORS)$/;

/** The part of a manifest for assembly that a trial changes. */
interface Plan {
  slots: { operations?: string }[];
  extensions: { 'x-flavor': { commands: Record<string, unknown> } };
}

/** Writes the trial package of a manifest for assembly. */
export async function makeTrial(session: BuildSession, manifestJson: string, commands: TrialCommands): Promise<Trial> {
  const launcher = await findLauncher(session.target);
  const folder = join(session.scratch, 'trial');
  const home = join(folder, 'home');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const file = join(folder, 'trial.psp');
  await assemble(
    {
      manifestJson: trialPlan(manifestJson, commands),
      output: file,
      launcherPath: launcher.path,
      launcherSha256: launcher.sha256,
      level: 3,
      key: { source: 'ephemeral' },
    },
    // What is stored once more for a trial is no progress of the build.
    { signal: session.reporter.signal, emit: () => undefined },
  );
  return { file, launcher, home };
}

/** Starts a command of the trial package. */
export function startTrial(session: BuildSession, trial: Trial, start: TrialStart): Promise<ProcessOutcome> {
  const passed = Object.entries(session.environment).filter(([name]) => PASSED.test(name));
  return runProcess({
    file: trial.launcher.path,
    args: ['run', trial.file, ...start.args],
    cwd: trial.home,
    environment: Object.fromEntries(passed),
    changes: {
      FLAVOR_LAUNCHER_CLI: '1',
      FLAVOR_COMMAND: start.command,
      FLAVOR_CACHE: join(trial.home, '..', 'cache'),
      HOME: trial.home,
      USERPROFILE: trial.home,
    },
    signal: session.reporter.signal,
    timeoutMs: start.timeoutMs,
    ...(start.input === undefined ? {} : { input: start.input }),
  });
}

function trialPlan(manifestJson: string, commands: TrialCommands): string {
  const plan = JSON.parse(manifestJson) as Plan;
  for (const slot of plan.slots) if (slot.operations === 'tar.zst') slot.operations = 'tar';
  const all = plan.extensions['x-flavor'].commands;
  for (const [name, argv] of Object.entries(commands)) all[name] = { argv };
  return JSON.stringify(plan);
}
