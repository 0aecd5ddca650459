// The Go launcher beside the Rust one, which does the same (targets: performance notes, row 3, and issue 6 of the project).

import { statSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../steps.mjs';
import { host, idle, packageOf } from './inputs.mjs';
import { median, times } from './stopwatch.mjs';
import { program, warmed } from './warm.mjs';

const PAIRS = 400;
const ROUNDS = 9;

/** Adds the rows of this file. */
export async function go({ scratch, store, stopwatch, runtime, trees, table }) {
  const launcher = path.join(ROOT, 'dist', 'launchers', host(), 'flavor-go-launcher');
  const env = { HOME: scratch, PATH: '/usr/bin:/bin', FLAVOR_CACHE: path.join(store, 'go') };
  const run = { run: [`{slot:0}/${runtime.python}`, '-I', '-S', '-c', 'pass'] };
  const python = await packageOf(scratch, 'go-python', [runtime.folder], run, launcher);
  await warmed(python, env);
  const [ours, bare] = times(stopwatch, PAIRS, env, [[python], program(python, env)]);
  const [packaged, plain] = [median(ours.ms), median(bare.ms)];
  table.add(
    'Go launcher, warm start of `python -I -S -c pass`, by direct exec of the same',
    packaged / plain,
    1.22,
    `${packaged.toFixed(3)} ms against ${plain.toFixed(3)} ms, medians of ${PAIRS} pairs`,
  );

  const programs = idle(path.join(scratch, 'go'));
  const none = await packageOf(scratch, 'go-none', [programs], { run: ['{slot:0}/nothing'] }, launcher);
  await warmed(none, env, { code: 104 });
  const [alone] = times(stopwatch, 20, env, [[none]], 104);
  const how = 'of a start whose program cannot be executed';
  table.add('Go launcher, peak resident memory of a warm start', median(alone.kib) / 1024, 8, how, 'MiB');

  const idling = { run: ['{slot:0}/true'] };
  const files = [
    await packageOf(scratch, 'go-cold', [programs, trees.big], idling, launcher),
    await packageOf(scratch, 'rust-cold', [programs, trees.big], idling),
  ];
  const fresh = (file) => ['/bin/sh', '-c', `FLAVOR_CACHE=$(mktemp -d "${store}/run.XXXXXX") exec "${file}"`];
  const [mine, rust] = times(stopwatch, ROUNDS, { HOME: scratch, PATH: '/usr/bin:/bin' }, files.map(fresh));
  table.add(
    'Go launcher, first start of the large tree, by the Rust launcher on the same',
    median(mine.ms) / median(rust.ms),
    1.5,
    `${median(mine.ms).toFixed(0)} ms against ${median(rust.ms).toFixed(0)} ms, medians of ${ROUNDS}`,
  );
  table.add('size of the Go launcher', statSync(launcher).size / 1e6, 4, launcher.slice(ROOT.length + 1), 'MB');
}
