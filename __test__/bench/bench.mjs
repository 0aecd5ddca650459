// `npm run bench`: what starts of a package and packing cost, each figure beside its target and beside a yardstick of the same run:
// times of one machine drift, so only ratios of runs in turns mean something. By hand, never a gate; a row that says
// MISSED is a fact about this machine, not a failure.

import { mkdirSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { setup } from '../setup.mjs';
import { ROOT } from '../steps.mjs';

const TMPFS = 0x01021994;

async function bench(scratch, store) {
  // After `setup`, which installs and builds what these need.
  const { filled, host, runtime } = await import('./inputs.mjs');
  const { build, Table } = await import('./stopwatch.mjs');
  const { warm } = await import('./warm.mjs');
  const { cold } = await import('./cold.mjs');
  const { go } = await import('./go.mjs');
  const { python } = await import('./python.mjs');
  const { size } = await import('./size.mjs');
  mkdirSync(path.join(scratch, 'cold'));
  const table = new Table();
  const tree = runtime(scratch);
  const trees = {
    big: filled(scratch, 'big', tree.folder, { files: 10_000, bytes: 100e6 }),
    huge: filled(scratch, 'huge', tree.folder, { files: 29_000, bytes: 400e6 }),
    small: filled(scratch, 'small', tree.folder, { files: 900, bytes: 28e6 }),
  };
  const context = { scratch, store, stopwatch: build(), runtime: tree, trees, table };
  const kind = statfsSync(store).type === TMPFS ? 'tmpfs' : `type 0x${statfsSync(store).type.toString(16)}`;
  console.log(`${cpus().length} cores, store on ${kind}`);
  await warm(context);
  await cold(context);
  await go(context);
  await python(context);
  await size(context);
  const launcher = path.join(ROOT, 'dist', 'launchers', host(), 'flavor-rs-launcher');
  table.add(
    'size of the launcher, static gnu build',
    statSync(launcher).size / 1e6,
    2,
    launcher.slice(ROOT.length + 1),
    'MB',
  );
  const missed = table.rows.filter(({ word }) => word === 'MISSED').length;
  console.log(`${table.rows.length - missed} targets reached, ${missed} missed`);
}

if (await setup()) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'flavor-bench-'));
  // In memory where that is possible: disks of virtual machines have costs of their own. FLAVOR_BENCH_STORE names another folder.
  const store = mkdtempSync(path.join(process.env.FLAVOR_BENCH_STORE ?? memory() ?? tmpdir(), 'flavor-bench-'));
  try {
    await bench(scratch, store);
  } catch (error) {
    console.error(`bench: error: ${error.message}`);
    process.exitCode = 1;
  } finally {
    for (const folder of [scratch, store]) rmSync(folder, { recursive: true, force: true });
  }
} else {
  process.exitCode = 1;
}

function memory() {
  try {
    return statfsSync('/dev/shm').type === TMPFS ? '/dev/shm' : undefined;
  } catch {
    return undefined;
  }
}
