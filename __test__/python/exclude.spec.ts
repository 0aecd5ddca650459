// What the manifest excludes of installed files, and that RECORD says so.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { leaveOut } from '../../dist/python/exclude.js';

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'flavor exclude '));
});
afterEach(() => rmSync(tree, { recursive: true }));

/** Installs a distribution of files that hold three bytes each. */
function install(name: string, paths: readonly string[]): void {
  const info = `${name}-1.0.dist-info`;
  const all = [...paths, `${info}/METADATA`, `${info}/licenses/tests/LICENSE`];
  for (const path of all) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), path.endsWith('METADATA') ? `Name: ${name}\nVersion: 1.0\n` : 'abc');
  }
  const lines = [...all.map((path) => `${path},,3`), `${info}/RECORD,,`, '../../../share/tests/x,,3'];
  writeFileSync(join(tree, info, 'RECORD'), `${lines.join('\n')}\n`);
}

const record = (name: string) => readFileSync(join(tree, `${name}-1.0.dist-info/RECORD`), 'utf8');

/** Leaves out by these settings; what was said about it. */
async function excluded(exclude: string[], byDistribution: Record<string, string[]> = {}, include: string[] = []) {
  const warnings: string[] = [];
  const session = {
    manifest: {
      build: {
        exclude: { all: exclude, byDistribution: new Map(Object.entries(byDistribution)) },
        include: { all: include, byDistribution: new Map() },
      },
    },
    reporter: {
      signal: new AbortController().signal,
      emit: ({ message }: { message: string }) => warnings.push(message),
    },
  };
  const left = await leaveOut(session as unknown as Parameters<typeof leaveOut>[0], [tree]);
  return { left, warnings };
}

it('files go with their folders and their lines, and what is included stays', async () => {
  install('tool', ['tool/__init__.py', 'tool/tests/a.py', 'tool/tests/data/b.txt', 'tool/tests/keep.py']);
  const { left, warnings } = await excluded(['tests'], {}, ['tool/tests/keep.py']);
  expect({ left, warnings }).toEqual({ left: { files: 2, bytes: 6 }, warnings: [] });
  expect(existsSync(join(tree, 'tool/tests/data'))).toBe(false);
  expect(existsSync(join(tree, 'tool/tests/keep.py'))).toBe(true);
  expect(record('tool')).not.toContain('tests/a.py');
  expect(record('tool')).toContain('tool/tests/keep.py,,3');
});

it('what tells about a distribution stays, and what lies beside site-packages', async () => {
  install('tool', ['tool/tests/a.py']);
  await excluded(['tests', '*.dist-info/**']);
  expect(record('tool').trim().split('\n')).toEqual([
    'tool-1.0.dist-info/METADATA,,3',
    'tool-1.0.dist-info/licenses/tests/LICENSE,,3',
    'tool-1.0.dist-info/RECORD,,',
    '../../../share/tests/x,,3',
  ]);
  expect(existsSync(join(tree, 'tool'))).toBe(false);
});

it('a pattern of one distribution leaves the others alone', async () => {
  install('tool', ['tool/data.bin']);
  install('other', ['other/data.bin']);
  await excluded([], { tool: ['*.bin'] });
  expect(existsSync(join(tree, 'tool/data.bin'))).toBe(false);
  expect(existsSync(join(tree, 'other/data.bin'))).toBe(true);
});

it('a pattern that fits nothing is told', async () => {
  install('tool', ['tool/a.py']);
  const { warnings } = await excluded(['*.bin'], { tool: ['*.so'] });
  expect(warnings).toEqual(['`exclude`: no installed file fits `*.bin`', '`exclude`: no installed file fits `*.so`']);
});
