// Later starts: what the launcher adds to the program that it becomes (targets: performance notes, rows 1, 4, 5 and 23).

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { idle, packageOf, tool } from './inputs.mjs';
import { median, times } from './stopwatch.mjs';

const PAIRS = 400;
/** A file younger than two seconds gets no receipt. */
const SETTLED_MS = 2500;

/** Starts until a receipt is kept. */
export async function warmed(file, env, { args = [], code = 0 } = {}) {
  await sleep(SETTLED_MS);
  for (let start = 0; start < 2; start++) {
    try {
      execFileSync(file, args, { env, stdio: 'ignore' });
    } catch (error) {
      if (error.status !== code) throw error;
    }
  }
}

/** Adds the rows of this file. */
export async function warm({ scratch, store, stopwatch, runtime, trees, table }) {
  const env = { HOME: scratch, PATH: '/usr/bin:/bin', FLAVOR_CACHE: path.join(store, 'warm') };
  const pass = ['-I', '-S', '-c', 'pass'];

  const python = await packageOf(scratch, 'python', [runtime.folder], { run: [`{slot:0}/${runtime.python}`, ...pass] });
  await warmed(python, env);
  const [ours, bare] = times(stopwatch, PAIRS, env, [[python], program(python, env)]);
  const [packaged, plain] = [median(ours.ms), median(bare.ms)];
  const added = `${packaged.toFixed(3)} ms against ${plain.toFixed(3)} ms, medians of ${PAIRS} pairs`;
  table.add('warm start of `python -I -S -c pass`, by direct exec of the same', packaged / plain, 1.1, added);

  const cli = await tool(scratch);
  await warmed(cli, env, { args: ['--help'] });
  const [tooled, untooled] = times(stopwatch, 60, env, [
    [cli, '--help'],
    [...program(cli, env), '--help'],
  ]);
  const [toolMs, bareMs] = [median(tooled.ms), median(untooled.ms)];
  table.add(
    'warm start of the demo tool, by the same interpreter and arguments',
    toolMs / bareMs,
    1.02,
    `${toolMs.toFixed(2)} ms against ${bareMs.toFixed(2)} ms, medians of 60 pairs`,
  );

  const programs = idle(scratch);
  const run = { run: ['{slot:0}/true'] };
  const little = await packageOf(scratch, 'little', [programs, trees.small], run);
  const large = await packageOf(scratch, 'large', [programs, trees.huge], run);
  await warmed(little, env);
  await warmed(large, env);
  const [less, more] = times(stopwatch, PAIRS, env, [[little], [large]]);
  table.add(
    'warm start of a large package, more than that of a small one',
    median(more.ms) - median(less.ms),
    0.05,
    `${median(more.ms).toFixed(3)} ms against ${median(less.ms).toFixed(3)} ms, medians of ${PAIRS} pairs`,
    'ms',
  );

  // The program cannot be executed, so the process that is measured is the launcher's to its end.
  const none = await packageOf(scratch, 'none', [programs], { run: ['{slot:0}/nothing'] });
  await warmed(none, env, { code: 104 });
  const [alone] = times(stopwatch, 20, env, [[none]], 104);
  table.add(
    'peak resident memory of a warm start',
    median(alone.kib) / 1024,
    2,
    'of a start whose program cannot be executed',
    'MiB',
  );
}

/** What the default command of a package executes, without the launcher. */
export function program(file, env) {
  const tool = (...args) => execFileSync(file, args, { env: { ...env, FLAVOR_LAUNCHER_CLI: '1' }, encoding: 'utf8' });
  const { commands, default: name } = JSON.parse(tool('metadata')).extensions['x-flavor'];
  const { workenv } = JSON.parse(tool('warm', '--json'));
  const slot = (_, number) => tool('slot', number).trimEnd();
  return commands[name].argv.map((word) => word.replaceAll('{workenv}', workenv).replaceAll(/\{slot:(\d+)\}/g, slot));
}
