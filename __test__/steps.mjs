// Runs one command of a longer job: says what it is, lets its output through, says how long it took.
// Plain Node: this file and setup.mjs run before anything is installed.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

export const ROOT = path.dirname(import.meta.dirname);

/**
 * Runs a program in the repository; resolves to `{ code, output, seconds }`. `output` is what it wrote to
 * stdout, kept only with `keep`; both streams are shown in any case, unless `quiet` and all went well, and of stdout
 * what `shown` makes of each line, where that is given.
 */
export async function run(label, program, args, options = {}) {
  const { env = {}, cwd = ROOT, keep = false, quiet = false, shown } = options;
  console.log(`▸ ${label}`);
  const started = performance.now();
  const piped = keep || quiet;
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', piped ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
  });
  const kept = [];
  child.stdout?.on('data', (chunk) => {
    kept.push(chunk);
    if (!quiet && shown === undefined) process.stdout.write(chunk);
  });
  if (shown !== undefined && child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => process.stdout.write(shown(line)));
  }
  child.stderr?.on('data', (chunk) => kept.push(chunk));
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`cannot start ${program}: ${error.message}`);
      resolve(127);
    });
    child.on('close', (status, signal) => resolve(signal ? 128 : status));
  });
  const output = Buffer.concat(kept).toString('utf8');
  if (quiet && code !== 0) process.stderr.write(output);
  const seconds = (performance.now() - started) / 1000;
  console.log(`${code === 0 ? '✓' : '✗'} ${label} (${seconds.toFixed(1)} s)`);
  return { code, output, seconds };
}
