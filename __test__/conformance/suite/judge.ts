// Compares what happened with what a case expects, and lists every difference.

import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { Machine } from './machine.js';
import type { Json } from './patch.js';
import type { Expectation, FileExpectation, TextExpectation } from './schema.js';
import type { Outcome } from './start.js';
import { isSealed } from './store-file.js';
import { differences, escaped, matching, snapshot } from './tree.js';

/** Differences between a start and what was expected of it. */
export function judgeStart(machine: Machine, expected: Expectation, outcome: Outcome): string[] {
  const problems: string[] = [];
  const { exit = expected.signal === undefined ? 0 : null, signal = null } = expected;
  if (![exit].flat().includes(outcome.exit as number)) problems.push(`ended with ${outcome.exit}, not ${exit}`);
  if (outcome.signal !== (signal === null ? null : `SIG${signal}`)) {
    problems.push(`ended by ${outcome.signal}, not ${signal}`);
  }
  const more = { pid: String(outcome.pid) };
  const [stdout, stderr] = [outcome.stdout.toString(), outcome.stderr.toString()];
  const failed = isFailure(expected);
  if (failed) problems.push(...judgeFailure(expected.error, stderr));
  // Whatever succeeds is silent, and a failure prints nothing where results go.
  const quiet = failed ? undefined : '';
  problems.push(...judgeText(machine, 'stderr', expected.stderr ?? quiet, outcome.stderr, more));
  problems.push(...judgeText(machine, 'stdout', expected.stdout ?? (failed ? '' : undefined), outcome.stdout, more));
  if (expected.report !== undefined) {
    const line = stdout.split('\n')[0] ?? '';
    const report = line.startsWith('{') ? (JSON.parse(line) as Json) : undefined;
    if (report === undefined) problems.push('the program did not run');
    else problems.push(...compare(machine, expected.report as Json, report, 'report', more));
  }
  if (expected.path !== undefined && outcome.path !== expected.path) {
    problems.push(`took the ${outcome.path} path, not the ${expected.path} one`);
  }
  if (problems.length > 0) problems.push(`stdout: ${stdout.slice(0, 3000)}`, `stderr: ${stderr.slice(0, 3000)}`);
  return problems;
}

/** Whether the launcher, and not the program, is expected to end the start. */
function isFailure({ error, exit, stderr, report }: Expectation): boolean {
  if (error !== undefined) return true;
  const codes = exit === undefined ? [] : [exit].flat();
  return codes.some((code) => code > 100 && code < 111) && stderr === undefined && report === undefined;
}

/** The form of LAUNCH.md 10.1, and the code. */
function judgeFailure(code: string | undefined, stderr: string): string[] {
  const lines = stderr.split('\n').filter((line) => line !== '');
  const errors = lines.filter((line) => /^[^:]+: error: .+ \[ERR_[A-Z_]+\]$/.test(line));
  const problems = errors.length === 1 ? [] : [`${errors.length} lines of standard error are errors, expected one`];
  if (code !== undefined && !stderr.includes(`[${code}]`)) problems.push(`the error is not ${code}`);
  return problems;
}

function judgeText(
  machine: Machine,
  what: string,
  expected: TextExpectation | undefined,
  bytes: Buffer,
  more: Readonly<Record<string, string>>,
): string[] {
  if (expected === undefined) return [];
  const text = bytes.toString();
  const meant = (one: string) => machine.expand(one, more);
  if (typeof expected === 'string')
    return text === meant(expected) ? [] : [`${what} is not ${JSON.stringify(meant(expected))}`];
  const problems: string[] = [];
  for (const part of expected.contains ?? [])
    if (!text.includes(meant(part))) problems.push(`${what} lacks ${JSON.stringify(meant(part))}`);
  for (const part of expected.lacks ?? [])
    if (text.includes(meant(part))) problems.push(`${what} has ${JSON.stringify(meant(part))}`);
  if (expected.matches !== undefined && !new RegExp(meant(expected.matches), 'm').test(text)) {
    problems.push(`${what} does not match ${meant(expected.matches)}`);
  }
  if (expected.json !== undefined)
    problems.push(...compare(machine, expected.json as Json, JSON.parse(text) as Json, what, more));
  if (expected.hex !== undefined && bytes.toString('hex') !== expected.hex) problems.push(`${what} has other bytes`);
  if (expected.sha256 !== undefined && createHash('sha256').update(bytes).digest('hex') !== expected.sha256) {
    problems.push(`${what} has another digest`);
  }
  return problems;
}

/** Differences between two documents; objects may have more keys than expected, `$…` keys are conditions. */
export function compare(
  machine: Machine,
  expected: Json,
  actual: Json | undefined,
  at: string,
  more: Readonly<Record<string, string>> = {},
): string[] {
  const differs = (what: string) => [`${at} is ${JSON.stringify(actual)}, ${what}`];
  if (typeof expected === 'string') {
    const meant = machine.expand(expected, more);
    const shown = typeof actual === 'number' ? String(actual) : actual;
    return meant === shown ? [] : differs(`not ${JSON.stringify(meant)}`);
  }
  if (typeof expected !== 'object' || expected === null) return expected === actual ? [] : differs(`not ${expected}`);
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs(`not ${JSON.stringify(expected)}`);
    return expected.flatMap((one, position) => compare(machine, one, actual[position], `${at}[${position}]`, more));
  }
  return compareObject(machine, expected, actual, at, more);
}

function compareObject(
  machine: Machine,
  expected: { [key: string]: Json },
  actual: Json | undefined,
  at: string,
  more: Readonly<Record<string, string>>,
): string[] {
  const differs = (what: string) => [`${at} is ${JSON.stringify(actual)}, ${what}`];
  const { $absent: absent, $matches: matches, $exactly: exactly } = expected;
  if (absent === true) return actual === undefined ? [] : differs('not absent');
  if (typeof matches === 'string') {
    const pattern = machine.expand(matches, more);
    const fits = typeof actual === 'string' && new RegExp(pattern).test(actual);
    return fits ? [] : differs(`which does not match ${pattern}`);
  }
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return differs('no object');
  if (exactly !== undefined) {
    const extra = Object.keys(actual).filter((key) => !(key in (exactly as object)));
    return [...extra.map((key) => `${at} has ${key} too`), ...compare(machine, exactly, actual, at, more)];
  }
  return Object.entries(expected).flatMap(([key, value]) => compare(machine, value, actual[key], `${at}.${key}`, more));
}

/** Differences between the file system and what was expected of it. */
export function judgeFiles(machine: Machine, files: Readonly<Record<string, FileExpectation>>): string[] {
  return Object.entries(files).flatMap(([pattern, expected]) => {
    const paths = pattern.includes('*') ? matching(machine.expand(pattern)) : machine.paths(pattern).filter(isThere);
    const wanted = typeof expected === 'string' ? { kind: expected } : expected;
    if (wanted.kind === ('absent' as never)) return paths.map((path) => `${path} is there`);
    const count = 'count' in wanted ? wanted.count : undefined;
    if (count !== undefined && paths.length !== count) return [`${pattern}: ${paths.length} paths, not ${count}`];
    if (paths.length === 0 && count === undefined) return [`${machine.expand(pattern)} is not there`];
    return paths.flatMap((path) => judgeFile(machine, path, wanted as Exclude<FileExpectation, string>));
  });
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function judgeFile(machine: Machine, path: string, expected: Exclude<FileExpectation, string>): string[] {
  const problems: string[] = [];
  const stat = lstatSync(path);
  const check = (what: string, actual: unknown, wanted: unknown) => {
    if (wanted !== undefined && actual !== wanted) problems.push(`${path}: ${what} ${actual}, not ${wanted}`);
  };
  const kind = stat.isSymbolicLink() ? 'link' : stat.isDirectory() ? 'folder' : 'file';
  if ((expected.kind as string) !== 'present') check('kind', kind, expected.kind);
  check('mode', (stat.mode & 0o7777).toString(8).padStart(4, '0'), expected.mode);
  if (expected.owner !== undefined)
    check('owner', stat.uid, { user: machine.uid, root: 0, other: 65_533 }[expected.owner]);
  check('size', stat.size, expected.size);
  check('number of links', stat.nlink, expected.links);
  if (expected.target !== undefined)
    check('target', kind === 'link' ? readlinkSync(path) : kind, machine.expand(expected.target));
  if (expected.entries !== undefined) {
    const names = readdirSync(path).sort();
    if (typeof expected.entries === 'number') check('number of entries', names.length, expected.entries);
    else
      check(
        'entries',
        names.join(' '),
        expected.entries
          .map((name) => machine.expand(name))
          .sort()
          .join(' '),
      );
  }
  if (expected.recent === true && Date.now() - stat.mtimeMs > 3_600_000) problems.push(`${path}: its time is long ago`);
  problems.push(...judgeHistory(machine, path, expected));
  if (kind === 'file') problems.push(...judgeContent(machine, path, expected));
  return problems;
}

function judgeHistory(machine: Machine, path: string, expected: Exclude<FileExpectation, string>): string[] {
  const before = (name: string) => {
    const found = machine.remembered.get(name);
    if (found === undefined) throw new Error(`nothing is remembered as \`${name}\``);
    return found;
  };
  const { untouched, same, differs } = expected;
  const changed: string[] = [];
  if (untouched !== undefined) changed.push(...differences(before(untouched), snapshot(path), 'identity'));
  if (same !== undefined) changed.push(...differences(before(same), snapshot(path), 'content'));
  const problems = changed.map((name) => `${path}: ${name} is not as it was`);
  if (differs !== undefined && differences(before(differs), snapshot(path), 'content').length === 0) {
    problems.push(`${path} is as it was`);
  }
  return problems;
}

function judgeContent(machine: Machine, path: string, expected: Exclude<FileExpectation, string>): string[] {
  const bytes = readFileSync(path);
  const problems: string[] = [];
  if (expected.text !== undefined || expected.contains !== undefined || expected.lacks !== undefined) {
    const { text, contains, lacks } = expected;
    problems.push(...judgeText(machine, path, text ?? { contains, lacks }, bytes, {}));
  }
  if (expected.sealed === true && !isSealed(bytes)) problems.push(`${path}: its checksum is wrong`);
  for (const { at, text, hex, u32, u64 } of expected.fields ?? []) {
    const wanted = [
      text === undefined ? undefined : Buffer.from(machine.expand(text)),
      hex === undefined ? undefined : Buffer.from(machine.expand(hex), 'hex'),
      u32 === undefined ? undefined : little(machine.expand(String(u32)), 4),
      u64 === undefined ? undefined : little(machine.expand(String(u64)), 8),
    ].find((one) => one !== undefined);
    if (wanted === undefined) throw new Error(`the field at ${at} has no value`);
    const actual = bytes.subarray(at, at + wanted.length);
    if (!actual.equals(wanted))
      problems.push(`${basename(path)}: ${actual.toString('hex')} at ${at}, not ${wanted.toString('hex')}`);
  }
  return problems;
}

function little(value: string, size: 4 | 8): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.subarray(0, size);
}

/** Paths of a machine that changed and that a start had no business to change. */
export function strayChanges(
  machine: Machine,
  before: ReturnType<typeof snapshot>,
  allowed: readonly string[],
): string[] {
  const after = snapshot(machine.root);
  const patterns = allowed.map((path) => {
    const relative = machine.expand(path).replace(`${machine.root}/`, '');
    return new RegExp(`^${relative.split('*').map(escaped).join('[^/]*')}(/|$)`);
  });
  const strays = differences(before, after, 'content').filter(
    (name) => !patterns.some((pattern) => pattern.test(name)),
  );
  // Folders on the way to what may change, and the log that tells warm from cold.
  const isOnTheWay = (name: string) =>
    allowed.some((path) => machine.expand(path).startsWith(`${machine.root}/${name}/`));
  return strays.filter((name) => !isOnTheWay(name) && !/^log-\d+$/.test(name)).map((name) => `${name} changed`);
}
