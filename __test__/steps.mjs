// Runs one command of a longer job: says what it is, lets its output through, says how long it took.
// Plain Node: this file and setup.mjs run before anything is installed.

import { spawn } from 'node:child_process';
import path from 'node:path';

export const ROOT = path.dirname(import.meta.dirname);

/**
 * Runs a program in the repository; resolves to `{ code, output, seconds }`. `output` is what it wrote to
 * stdout, kept only with `keep`; both streams are shown in any case, unless `quiet` and all went well.
 */
export async function run(label, program, args, { env = {}, keep = false, quiet = false } = {}) {
  console.log(`▸ ${label}`);
  const started = performance.now();
  const piped = keep || quiet;
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', piped ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
  });
  const kept = [];
  child.stdout?.on('data', (chunk) => {
    kept.push(chunk);
    if (!quiet) process.stdout.write(chunk);
  });
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
