// `npm test`: makes the tree ready, then runs every suite one after another, so that none hides another.
// `npm test -- --quick` leaves the slow cases out: vitest names with `[slow]`, cargo names with `_slow`.
// The last line is the sum over all runners.

import { readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setup } from './setup.mjs';
import { ROOT, run } from './steps.mjs';

const known = new Set(['--quick']);
const unknown = process.argv.slice(2).filter((argument) => !known.has(argument));
const quick = process.argv.includes('--quick');

/** Counts of one suite; a suite that ended badly without naming a test counts as one failure. */
function counted(code, passed, failed, skipped) {
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped };
}

async function cargo(name, packages, env = {}) {
  const args = ['test', ...packages, '--locked', '--no-fail-fast'];
  if (quick) args.push('--', '--skip', '_slow');
  const { code, output, seconds } = await run(`cargo test, ${name}`, 'cargo', args, { keep: true, env });
  const sums = [0, 0, 0];
  const line = /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored; \d+ measured; (\d+) filtered out/gm;
  for (const [, passed, failed, ignored, filtered] of output.matchAll(line)) {
    sums[0] += Number(passed);
    sums[1] += Number(failed);
    sums[2] += Number(ignored) + Number(filtered);
  }
  return { name: `cargo, ${name}`, seconds, ...counted(code, ...sums) };
}

/** Go's own events, because its lines of text count no tests. Subtests are tests. */
async function go(name, args, env = {}) {
  const test = ['test', '-json', ...(quick ? ['-short'] : []), ...args];
  const { code, output, seconds } = await run(`go test, ${name}`, 'go', test, {
    keep: true,
    cwd: GO_MODULE,
    env: { GOTOOLCHAIN: 'local', ...env },
    shown: (line) => {
      const { Action: action, Output: text = '' } = event(line);
      return action === 'output' && /^(ok|FAIL|---? FAIL|panic:)|\.go:\d+:/.test(text.trimStart()) ? text : '';
    },
  });
  const sums = { pass: 0, fail: 0, skip: 0 };
  for (const line of output.split('\n')) {
    const { Action: action, Test: test } = event(line);
    if (test !== undefined && action in sums) sums[action] += 1;
  }
  return { name: `go, ${name}`, seconds, ...counted(code, sums.pass, sums.fail, sums.skip) };
}

function event(line) {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

/** Each fuzz test for a few seconds, from the vectors on. */
async function fuzz() {
  const { output } = await run('go test, fuzz tests there are', 'go', ['test', '-list', '^Fuzz', './internal/pspf'], {
    cwd: GO_MODULE,
    keep: true,
  });
  const targets = output.match(/^Fuzz\w+$/gm) ?? [];
  const result = { name: 'go, fuzz', seconds: 0, ...counted(targets.length === 0 ? 1 : 0, 0, 0, 0) };
  for (const target of targets) {
    const args = ['test', '-run', '^$', '-fuzz', `^${target}$`, '-fuzztime', '5s', './internal/pspf'];
    const { code, seconds } = await run(`go test, ${target}`, 'go', args, { cwd: GO_MODULE });
    result[code === 0 ? 'passed' : 'failed'] += 1;
    result.seconds += seconds;
  }
  return result;
}

async function vitest() {
  const report = path.join(ROOT, 'target', `vitest-${process.pid}.json`);
  const args = [path.join('node_modules', 'vitest', 'vitest.mjs'), 'run', '--reporter=default'];
  args.push('--reporter=json', `--outputFile.json=${report}`);
  if (quick) args.push('--testNamePattern', String.raw`^(?!.*\[slow\])`);
  const env = quick ? { FLAVOR_TEST_QUICK: '1' } : {};
  const { code, seconds } = await run('vitest', process.execPath, args, { env });
  let totals = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  try {
    totals = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    // Without a report the exit code speaks.
  }
  rmSync(report, { force: true });
  const skipped = totals.numPendingTests + totals.numTodoTests;
  return { name: 'vitest', seconds, ...counted(code, totals.numPassedTests, totals.numFailedTests, skipped) };
}

/**
 * Not with the other crates, whose features it would get; and what is started is the launcher that ships. Most of what these
 * tests take is waiting, so more of them than there are cores run at a time.
 */
function launcher() {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const program = path.join(ROOT, 'dist', 'launchers', `${process.platform}_${arch}`, 'flavor-rs-launcher');
  const threads = String(3 * os.availableParallelism());
  return cargo('launcher', ['--package', LAUNCHER], { FLAVOR_TEST_LAUNCHER: program, RUST_TEST_THREADS: threads });
}

const LAUNCHER = 'flavor-rs-launcher';
const GO_MODULE = path.join(ROOT, 'launchers', 'go');
const SUITES = [
  () => cargo('crates', ['--workspace', '--exclude', LAUNCHER]),
  launcher,
  () => go('all', ['./...'], { CGO_ENABLED: '0' }),
  // The detector needs cgo; what ships has none.
  () => go('store under the race detector', ['-race', './internal/store/...'], { CGO_ENABLED: '1' }),
  ...(quick ? [] : [fuzz]),
  vitest,
];

const results = [];
if (unknown.length > 0) {
  console.error(`test: error: no such option: ${unknown.join(' ')}; there is --quick`);
  process.exitCode = 2;
} else {
  if (await setup()) {
    for (const suite of SUITES) results.push(await suite());
  } else {
    results.push({ name: 'setup', seconds: 0, ...counted(1, 0, 0, 0) });
  }
  for (const { name, seconds, passed, failed, skipped } of results) {
    console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds.toFixed(1)} s)`);
  }
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  console.log(`tests: ${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  process.exitCode = sum('failed') === 0 ? 0 : 1;
}
