// `npm test`: makes the tree ready, then runs every suite one after another, so that none hides another.
// `npm test -- --quick` leaves the slow cases out: vitest names with `[slow]`, cargo names with `_slow`.
// The last line is the sum over all runners.

import { readFileSync, rmSync } from 'node:fs';
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

/** Not with the other crates, whose features it would get; and what is started is the launcher that ships. */
function launcher() {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const program = path.join(ROOT, 'dist', 'launchers', `${process.platform}_${arch}`, 'flavor-rs-launcher');
  return cargo('launcher', ['--package', LAUNCHER], { FLAVOR_TEST_LAUNCHER: program });
}

const LAUNCHER = 'flavor-rs-launcher';
const SUITES = [() => cargo('crates', ['--workspace', '--exclude', LAUNCHER]), launcher, vitest];

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
