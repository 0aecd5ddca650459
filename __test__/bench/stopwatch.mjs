// Times programs in turns with `launchers/rust/examples/stopwatch.rs`, and keeps what was measured in one table.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { ROOT } from '../steps.mjs';

/** Builds the stopwatch; the path of the program. */
export function build() {
  const args = [
    'build',
    '--quiet',
    '--release',
    '--package',
    'flavor-rs-launcher',
    '--example',
    'stopwatch',
    '--message-format=json-render-diagnostics',
  ];
  const lines = execFileSync('cargo', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    .trim()
    .split('\n');
  return (
    lines.map((line) => JSON.parse(line)).findLast((message) => message.executable)?.executable ??
    path.join(ROOT, 'target')
  );
}

/** Runs `commands` in turns; for each the milliseconds and peak KiB of every run, which must end with `code`. */
export function times(stopwatch, rounds, env, commands, code = 0) {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const args = [String(rounds), ...variables, ...commands.flatMap((command) => ['--', ...command])];
  const out = execFileSync(stopwatch, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  const results = commands.map(() => ({ ms: [], kib: [] }));
  for (const line of out.trim().split('\n')) {
    const [number, nanoseconds, kib, ended] = line.split(' ').map(Number);
    if (ended !== code) throw new Error(`\`${commands[number].join(' ')}\` ended with ${ended}, not with ${code}`);
    results[number].ms.push(nanoseconds / 1e6);
    results[number].kib.push(kib);
  }
  return results;
}

/** The middle of a list of numbers. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Rows of what was measured beside what was aimed at. */
export class Table {
  rows = [];

  /** `value` is to be at most `target`; `how` says what was divided by what, with the medians. */
  add(what, value, target, how, unit = '×') {
    const word = value <= target ? 'reached' : 'MISSED';
    this.rows.push({ what, measured: format(value, unit), target: `≤ ${format(target, unit)}`, word, how });
    const row = this.rows.at(-1);
    console.log(`${word.padEnd(7)}  ${row.measured.padStart(10)}  ${row.target.padEnd(12)} ${what}: ${how}`);
  }
}

function format(value, unit) {
  const digits = unit === '×' ? 3 : unit === 'ms' ? 3 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}
