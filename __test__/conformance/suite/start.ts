// One start of a package as a case describes it, through the stage (launchers/rust/examples/stage.rs), which sets to the
// byte what the launcher is given.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from './machine.js';
import type { Bytes, Start } from './schema.js';

const LONGEST_MS = 60_000;
const READY = 'ready\n';

/** How a start ended. */
export interface Outcome {
  readonly exit: number | null;
  readonly signal: string | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly pid: number;
  /** Which way the launcher took, where the case asks. */
  readonly path: string | undefined;
}

/** Variables of a start: a case's, laid over HOME and PATH. */
export type Variables = Readonly<Record<string, Bytes | null>>;

let logs = 0;

/** Starts, waits for the end, and runs `meanwhile` in between once the program has said that it is ready. */
export async function run(
  machine: Machine,
  stage: string,
  start: Start,
  given: { readonly env: Variables; readonly logged: boolean },
  meanwhile?: () => Promise<void>,
): Promise<Outcome> {
  const log = join(machine.root, `log-${++logs}`);
  const env: Variables = {
    HOME: machine.home,
    PATH: '/usr/bin:/bin',
    ...given.env,
    ...start.env,
    ...(start.tool === true ? { FLAVOR_LAUNCHER_CLI: '1' } : {}),
    ...(given.logged ? { FLAVOR_LOG_PATH: log, FLAVOR_LOG_LEVEL: 'info' } : {}),
  };
  const words = staged(machine, start, env);
  const nothing = start.stdin === null ? openSync('/dev/null', 'r') : undefined;
  const release = start.waiting === undefined ? undefined : await held(machine.expand(start.waiting));
  const child = spawn(stage, words, { stdio: [nothing ?? 'pipe', 'pipe', 'pipe'], env: {}, cwd: '/' });
  if (nothing !== undefined) closeSync(nothing);
  const outcome = collect(child);
  const limit = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
  try {
    child.stdin?.on('error', () => {});
    if (start.stdin !== null && start.stdin !== undefined) child.stdin?.write(machine.bytes(start.stdin));
    if (release !== undefined) {
      await blocked(child.pid ?? 0);
      await meanwhile?.();
      if (start.signal !== undefined) {
        child.kill(`SIG${start.signal}`);
        await outcome;
      }
      release();
    } else if (meanwhile !== undefined || start.signal !== undefined) {
      await readiness(child);
      await meanwhile?.();
      if (start.signal !== undefined) child.kill(`SIG${start.signal}`);
    }
    // A signal ends the program; the end of its input must not come first.
    if (start.signal === undefined) child.stdin?.end();
    const { exit, signal, stdout, stderr } = await outcome;
    return { exit, signal, stdout, stderr, pid: child.pid ?? 0, path: given.logged ? pathOf(log) : undefined };
  } finally {
    clearTimeout(limit);
  }
}

/** Takes an exclusive flock; resolves to what ends it. */
export async function held(path: string): Promise<() => void> {
  const words = ['--exclusive', path, '--command', 'echo held; exec cat'];
  const child = spawn('flock', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('error', reject);
    child.once('close', () => reject(new Error(`${path} cannot be locked`)));
  });
  return () => child.stdin.end();
}

/** Resolves when a process waits for a lock. */
async function blocked(pid: number): Promise<void> {
  const waits = new RegExp(`-> FLOCK +ADVISORY +\\w+ ${pid} `);
  for (let tries = 0; tries < 1000; tries += 1) {
    if (waits.test(readFileSync('/proc/locks', 'utf8'))) return;
    await sleep(10);
  }
  throw new Error('the start does not wait for the lock');
}

/** The stage's arguments. */
function staged(machine: Machine, start: Start, env: Variables): string[] {
  const hex = (bytes: Bytes) => machine.bytes(bytes).toString('hex');
  const file = machine.expand(start.file ?? '<package>');
  const words: string[] = [];
  const add = (word: string, value: string) => words.push(word, value);
  if (start.umask !== undefined) add('umask', start.umask);
  for (const name of start.ignore ?? []) add('ignore', String(constants.signals[`SIG${name}`]));
  for (const name of start.block ?? []) add('block', String(constants.signals[`SIG${name}`]));
  const { uid, gid } = machine.user;
  if (gid !== undefined) add('gid', String(gid));
  if (uid !== undefined) add('uid', String(uid));
  add('chdir', hex(start.cwd ?? '<root>'));
  for (const [name, value] of Object.entries(env)) {
    if (value !== null) add('env', Buffer.concat([Buffer.from(`${name}=`), machine.bytes(value)]).toString('hex'));
  }
  for (const variable of start.variables ?? []) add('env', hex(variable));
  for (const argument of [start.name ?? file, ...(start.args ?? [])]) add('arg', hex(argument));
  for (const descriptor of start.close ?? []) add('close', String(descriptor));
  add('exec', hex(file));
  return words;
}

interface Collected {
  exit: number | null;
  signal: string | null;
  stdout: Buffer;
  stderr: Buffer;
}

function collect(child: ChildProcess): Promise<Collected> {
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr?.on('data', (bytes: Buffer) => stderr.push(bytes));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) =>
      resolve({ exit, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) }),
    );
  });
}

/** Resolves when the program has printed `ready`, or has ended without. */
function readiness(child: ChildProcess): Promise<void> {
  let seen = '';
  return new Promise((resolve) => {
    child.stdout?.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
      if (seen.endsWith(READY)) resolve();
    });
    child.once('close', () => resolve());
  });
}

/** The way that the log tells of (LAUNCH.md 10.3). */
function pathOf(log: string): string {
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
  return /(warm|cold) start:/.exec(text)?.[1] ?? 'neither';
}
