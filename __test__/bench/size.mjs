// Size of packages at the highest level beside the obvious other way to store the same trees: `tar | zstd -19 --long` of
// all slots as one archive, plus the launcher. Where there is no `zstd` or GNU tar, the rows are left out, and the output says so.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { offlineEnvironment } from '../fetch/environment.mjs';
import { ROOT } from '../steps.mjs';

/** What is packed: names of rows and fixtures. */
const PROJECTS = { 'hello-world': 'hello-world', 'the CLI project': 'seed-mytool' };
const TARGET = 1.06;

/** Adds the rows of this file. */
export async function size({ scratch, table }) {
  const absent = ['zstd', 'tar'].find((name) => spawnSync(name, ['--version']).status !== 0);
  if (absent !== undefined) return console.log(`no rows of size: there is no \`${absent}\` here`);
  const folder = path.join(scratch, 'size');
  mkdirSync(folder);
  const env = { ...process.env, ...(await offlineEnvironment()), FLAVOR_BUILD_CACHE: path.join(folder, 'build') };
  const flavor = (...args) =>
    execFileSync(process.execPath, [path.join(ROOT, 'bin', 'flavor.mjs'), ...args], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  for (const [name, fixture] of Object.entries(PROJECTS)) {
    const file = path.join(folder, `${fixture}.psp`);
    const trees = path.join(folder, fixture);
    const project = path.join(ROOT, '__test__', 'fixtures', fixture);
    flavor(
      'pack',
      '--level',
      '19',
      '--python',
      '3.14',
      '--key-seed',
      'benchmark, not a secret',
      '-m',
      project,
      '-o',
      file,
    );
    flavor('extract-all', file, trees);
    const { regions } = JSON.parse(flavor('inspect', '--json', file));
    const launcher = regions.find(({ what }) => what === 'launcher');
    // As a packager would: in order, with nobody's name and time.
    const tar = `tar --sort=name --mtime=@315619200 --owner=0 --group=0 --numeric-owner --exclude=metadata.json -cf - .`;
    const other = `${file}.tar.zst`;
    execFileSync('/bin/sh', ['-c', `${tar} | zstd -19 --long -q -f -o "$1"`, 'sh', other], { cwd: trees });
    const [ours, theirs] = [statSync(file).size, statSync(other).size + launcher.to - launcher.from];
    const how = `${(ours / 1e6).toFixed(2)} MB against ${(theirs / 1e6).toFixed(2)} MB`;
    table.add(`size of ${name} at level 19, by \`tar | zstd -19 --long\` and the launcher`, ours / theirs, TARGET, how);
    rmSync(trees, { recursive: true });
  }
}
