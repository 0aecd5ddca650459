// First starts: reading, verifying and unpacking a package, beside what unpacks or copies the same files without verifying
// anything (targets: performance notes, rows 6 to 9, 13 and 24). Every run gets a fresh folder, and nothing is removed
// between runs: some file systems are slow to give removed names and inodes again, for every program alike.

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import path from 'node:path';
import { idle, measure, packageOf } from './inputs.mjs';
import { median, times } from './stopwatch.mjs';

/** Adds the rows of this file. */
export async function cold({ scratch, store, stopwatch, trees, table }) {
  const programs = idle(path.join(scratch, 'cold'));
  for (const [name, rounds, targets] of [
    ['big', 9, { tar: 0.65, cp: 0.55, gzip: 0.33, one: 1.2 }],
    ['small', 11, { tar: 0.9 }],
  ]) {
    const tree = trees[name];
    const { files, bytes } = measure(tree);
    const size = `${files} files of ${Math.round(bytes / 1e6)} MB`;
    const archive = path.join(scratch, `${name}.tar`);
    execFileSync('tar', ['-C', tree, '--sort=name', '-cf', archive, '.']);
    execFileSync('gzip', ['-k', '-6', archive]);
    const file = await packageOf(scratch, `cold-${name}`, [programs, tree], { run: ['{slot:0}/true'] });
    // Into the page cache, for all alike.
    for (const input of [archive, `${archive}.gz`, file])
      execFileSync('cat', [input], { stdio: 'ignore', maxBuffer: 1 << 30 });
    // A shell makes the folder of each run; its start costs all of them the same.
    const fresh = (command) => ['/bin/sh', '-c', `d=$(mktemp -d "${store}/run.XXXXXX") && ${command}`];
    const commands = {
      ours: fresh(`FLAVOR_CACHE="$d" exec "${file}"`),
      tar: fresh(`exec tar -xf "${archive}" -C "$d"`),
      cp: fresh(`exec cp -r "${tree}/." "$d"`),
      gzip: fresh(`exec tar -xzf "${archive}.gz" -C "$d"`),
      one: fresh(`FLAVOR_CACHE="$d" exec taskset 1 "${file}"`),
    };
    const wanted = ['ours', ...Object.keys(targets)];
    const env = { HOME: scratch, PATH: '/usr/bin:/bin' };
    const results = times(
      stopwatch,
      rounds,
      env,
      wanted.map((key) => commands[key]),
    );
    const by = Object.fromEntries(wanted.map((key, number) => [key, results[number]]));
    const words = { tar: '`tar -x` of the uncompressed archive', cp: '`cp -r` of the tree', gzip: '`tar -xz`' };
    const text = (key) => `${median(by[key].ms).toFixed(0)} ms`;
    for (const key of Object.keys(words).filter((key) => key in targets)) {
      const ratio = median(by.ours.ms) / median(by[key].ms);
      table.add(
        `first start, ${size}, by ${words[key]}`,
        ratio,
        targets[key],
        `${text('ours')} against ${text(key)}, medians of ${rounds}`,
      );
    }
    if ('one' in targets) {
      const ratio = median(by.one.ms) / median(by.tar.ms);
      table.add(`the same on one core, by ${words.tar}`, ratio, targets.one, `${text('one')} against ${text('tar')}`);
    }
    const threads = Math.min(cpus().length, 8);
    const limit = 64 + 24 * threads;
    table.add(
      `peak resident memory of that start, ${threads} threads`,
      Math.max(...by.ours.kib) / 1024,
      limit,
      'the most of all runs',
      'MiB',
    );
  }
}
