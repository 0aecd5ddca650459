// What the benchmarks measure on: trees made from the pinned runtime of `npm run fetch`, and packages of them, written by
// the project's own assembler around the launcher that ships.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { metadataFile } from '../fetch/mirror.mjs';
import { ROOT } from '../steps.mjs';

/** Files and bytes below a folder. */
export function measure(folder) {
  let [files, bytes] = [0, 0];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const below = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      const inner = measure(below);
      files += inner.files;
      bytes += inner.bytes;
    } else {
      files += 1;
      if (entry.isFile()) bytes += statSync(below).size;
    }
  }
  return { files, bytes };
}

/** The newest interpreter of the mirror, unpacked below `scratch`. */
export function runtime(scratch) {
  const entries = Object.values(JSON.parse(readFileSync(metadataFile(), 'utf8')));
  const newest = entries.sort((a, b) => b.minor - a.minor)[0];
  const folder = path.join(scratch, 'runtime');
  mkdirSync(folder);
  const archive = decodeURIComponent(new URL(newest.url).pathname);
  execFileSync('tar', ['-xzf', archive, '-C', folder, '--strip-components=1']);
  return { folder, python: `bin/python${newest.major}.${newest.minor}` };
}

/**
 * A tree of about that many files and bytes: the regular files of `tree`, copy by copy, without the largest, whose share
 * would be too high. What unpacking costs is files rather than bytes, so one library of a hundred megabytes would say
 * little about a package.
 */
export function filled(scratch, name, tree, { files, bytes }) {
  const folder = path.join(scratch, name);
  const suitable = ofAverage(regular(tree, ''), bytes / files);
  let [left, room] = [files, bytes];
  for (let copy = 0; left > 0 || room > 0; copy++) {
    for (const { relative, size } of suitable) {
      if (left <= 0 && room <= 0) break;
      const target = path.join(folder, `copy-${copy}`, relative);
      mkdirSync(path.dirname(target), { recursive: true });
      copyFileSync(path.join(tree, relative), target);
      left -= 1;
      room -= size;
    }
  }
  return folder;
}

/** All files but the largest, so that one file has `average` bytes or somewhat less. */
function ofAverage(all, average) {
  const sizes = all.map(({ size }) => size).sort((a, b) => a - b);
  let [sum, count] = [0, 0];
  while (count < sizes.length && sum + sizes[count] <= average * (count + 1)) sum += sizes[count++];
  return all.filter(({ size }) => size <= sizes[count - 1]);
}

function regular(tree, below) {
  const entries = readdirSync(path.join(tree, below), { withFileTypes: true });
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const relative = path.join(below, entry.name);
      if (entry.isDirectory()) return regular(tree, relative);
      return entry.isFile() ? [{ relative, size: statSync(path.join(tree, relative)).size }] : [];
    });
}

/** A folder with one small program in it, the system's `true`. */
export function idle(scratch) {
  const folder = path.join(scratch, 'idle');
  mkdirSync(folder, { recursive: true });
  copyFileSync('/bin/true', path.join(folder, 'true'));
  // No format that a system executes: a start ends with the launcher itself.
  writeFileSync(path.join(folder, 'nothing'), 'not a program\n');
  chmodSync(path.join(folder, 'nothing'), 0o755);
  return folder;
}

/** The name that targets have for this machine. */
export function host() {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return `${process.platform}_${arch}`;
}

/** Writes a package of these trees; each command is an argument vector. Without a launcher file it gets the usual one. */
export async function packageOf(scratch, name, trees, commands, launcher) {
  const { assemble } = await import('../../dist/index.js');
  const manifest = path.join(scratch, `${name}.json`);
  const output = path.join(scratch, `${name}.psp`);
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  writeFileSync(
    manifest,
    JSON.stringify({
      format: 'PSPF/2025',
      package: { name, version: '1' },
      execution: { primary_slot: 0, command: '{workenv}/none' },
      slots: trees.map((source, slot) => ({
        slot,
        id: `tree-${slot}`,
        source,
        target: '{workenv}',
        operations: 'tar.zst',
        purpose: 'data',
        lifecycle: 'runtime',
      })),
      extensions: {
        'x-flavor': {
          schema: 1,
          target: { os: process.platform, arch, libc: 'gnu' },
          launcher: { kind: 'rust', version: '0' },
          workenv: {},
          slots: trees.map(() => ({ role: 'data', share: true })),
          commands: Object.fromEntries(Object.entries(commands).map(([command, argv]) => [command, { argv }])),
          default: Object.keys(commands)[0],
        },
      },
    }),
  );
  await assemble({ manifest, output, launcher, level: 9, key: { source: 'seed', seed: 'benchmark, not a secret' } });
  return output;
}

/** The project that stands for a command line tool with real imports, packed by `flavor pack`. */
export async function tool(scratch) {
  const { offlineEnvironment } = await import('../fetch/environment.mjs');
  const project = path.join(scratch, 'project');
  cpSync(path.join(ROOT, '__test__', 'demo', 'project'), project, { recursive: true });
  const output = path.join(scratch, 'tool.psp');
  execFileSync(process.execPath, [path.join(ROOT, 'bin', 'flavor.mjs'), 'pack', '--quiet', '--output', output], {
    cwd: project,
    env: { ...process.env, ...(await offlineEnvironment()) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return output;
}
