// A small package with roles, distributions and names that are up to no good, for the tests of `flavor size`. The launcher is
// filler, so that every number is the same everywhere.

import { join } from 'node:path';
import type { Workshop } from './command.js';

/** A name that would be markup, would end a script, and would draw on a terminal. */
export const HOSTILE = '<img src=x onerror=alert(1)> & "quoted" \u202e\u001b[31m.txt';
/** The same for a folder, which may hold no slash. */
export const HOSTILE_FOLDER = '<!--<script>document.title=1<';

/** Text that compresses as sources do, another one for each seed. */
export function text(seed: number, length: number): string {
  const words = ['def ', 'self.', 'return ', 'value', ' = ', 'None\n', 'import ', '    ', 'class ', '(', ')', ':\n'];
  let state = seed * 2654435761 + 1;
  let result = '';
  while (result.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    result += `${words[(state >>> 8) % words.length]}${state % 5 === 0 ? state % 100 : ''}`;
  }
  return result.slice(0, length);
}

/** Writes the trees and assembles them; returns the path of the package in the workshop. */
export async function sizedPackage(workshop: Workshop, ...args: string[]): Promise<string> {
  const file = (path: string, seed: number, length: number): void => {
    workshop.write(path, text(seed, length));
  };
  file('runtime/bin/python3.14', 1, 60_000);
  file('runtime/lib/python3.14/os.py', 2, 30_000);
  file('runtime/lib/python3.14/tkinter/__init__.py', 3, 50_000);
  file('runtime/lib/python3.14/__pycache__/turtle.cpython-314.pyc', 4, 9000);
  file('runtime/lib/python3.14/turtle.py', 5, 12_000);
  const site = 'dependencies/site-packages';
  const record: string[] = [];
  const installed = (path: string, seed: number, length: number): void => {
    file(`${site}/${path}`, seed, length);
    record.push(`${path},sha256=0123456789012345678901234567890123456789abc,${length}\n`);
  };
  installed('big/__init__.py', 6, 80_000);
  installed('big/core.pyi', 7, 30_000);
  installed('big/fast.c', 8, 40_000);
  installed('big/tests/test_big.py', 9, 50_000);
  installed('big/data/one.bin', 10, 20_000);
  installed('big/data/two.bin', 10, 20_000);
  // Imported by an ordinary module, so it stays.
  installed('big/kept/tests/data.py', 11, 15_000);
  workshop.write(`${site}/big/testing.py`, 'from big.kept.tests import data\n');
  workshop.write(`${site}/Big-2.0.dist-info/METADATA`, 'Name: big\nVersion: 2.0\n');
  workshop.write(`${site}/Big-2.0.dist-info/RECORD`, record.join(''));
  file(`${site}/pip/__init__.py`, 12, 30_000);
  workshop.write(`${site}/pip-26.0.dist-info/METADATA`, 'Name: pip\nVersion: 26.0\n');
  workshop.write(`${site}/pip-26.0.dist-info/RECORD`, 'pip/__init__.py,,\npip-26.0.dist-info/RECORD,,\n');
  file(`${site}/big/__pycache__/__init__.cpython-314.pyc`, 13, 40_000);
  file('models/weights', 14, 70_000);
  file(`models/${HOSTILE}`, 15, 25_000);
  file(`models/${HOSTILE_FOLDER}/inner`, 16, 20_000);
  workshop.write('launcher', 'x'.repeat(50_000));
  const slot = (number: number, id: string, more: object = {}): object => ({
    slot: number,
    id,
    source: id,
    target: '{workenv}',
    operations: 'tar.zst',
    purpose: 'data',
    lifecycle: 'runtime',
    permissions: '0755',
    ...more,
  });
  workshop.write(
    'sized.json',
    JSON.stringify({
      package: { name: 'sized', version: '1.0.0' },
      execution: { command: '{workenv}/bin/python3.14', primary_slot: 0 },
      slots: [
        slot(0, 'runtime'),
        slot(1, 'dependencies'),
        slot(2, 'models', { level: 3, operations: 'tar.zst' }),
        slot(3, 'notes', { source: '{workenv}/runtime/lib/python3.14/os.py', operations: 'raw', target: 'notes.txt' }),
      ],
      extensions: {
        'x-flavor': {
          schema: 1,
          target: { os: 'linux', arch: 'amd64', libc: 'gnu' },
          launcher: { kind: 'rust', version: '0.1.0' },
          slots: [
            { role: 'runtime', share: true },
            { role: 'dependencies', share: true },
            { role: 'data', share: true },
            { role: 'data', share: true },
          ],
          workenv: {},
          commands: { sized: { argv: ['{slot:0}/bin/python3.14'] } },
          default: 'sized',
        },
      },
    }),
  );
  const made = await workshop.flavor(['assemble', '-m', 'sized.json', '--launcher', 'launcher', ...args], {
    env: { FLAVOR_SEED: 'a seed for this test only' },
  });
  if (made.exitCode !== 0) throw new Error(made.stderr);
  return join(workshop.folder, 'dist', 'sized-1.0.0.psp');
}
