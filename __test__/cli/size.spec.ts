// `flavor size`: that the rows add up, what is printed, what is refused, and that a build that follows its advice has the
// size that was predicted.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type SizeRow, size } from '../../dist/index.js';
import '../conformance/packaged.js';
import { manifest, Workshop } from './command.js';
import { foreignPackage } from './foreign.js';
import { HOSTILE, sizedPackage } from './sized-package.js';

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly stored_bytes: number;
  readonly children?: readonly Row[];
}

interface Advice {
  readonly kind: string;
  readonly table?: string;
  readonly change: string;
  readonly saved_bytes: number;
  readonly predicted_bytes: number;
}

interface Result {
  readonly type: string;
  readonly schema: number;
  readonly command: string;
  readonly size_bytes: number;
  readonly tree: Row;
  readonly advice: readonly Advice[];
  readonly slots: readonly { readonly level?: number }[];
  readonly types: readonly { readonly stored_bytes: number }[];
}

const workshop = new Workshop();
let file: string;
beforeAll(async () => {
  file = await sizedPackage(workshop);
});
afterAll(() => workshop.remove());

/** Sum of the rows without children. */
function leaves(row: Row): number {
  return row.children === undefined ? row.stored_bytes : row.children.reduce((sum, child) => sum + leaves(child), 0);
}

function resultOf(stdout: string): Result {
  const [line = '', ...more] = stdout.trimEnd().split('\n');
  expect(more).toEqual([]);
  return JSON.parse(line) as Result;
}

describe('what is shown', () => {
  test('a tree, file types, duplicates and what could go', async () => {
    expect(await workshop.flavor(['size', file])).toMatchSnapshot();
  });

  test('--all shows every file, --depth as many levels as it says', async () => {
    expect(await workshop.flavor(['size', '--all', '--no-advice', file])).toMatchSnapshot('all');
    const { stdout } = await workshop.flavor(['size', '--depth', '0', '--no-advice', file]);
    expect(stdout.split('\n\n')[0]?.split('\n')).toHaveLength(2);
  });

  test('--json is one object whose rows add up to the file', async () => {
    const { exitCode, stdout, stderr } = await workshop.flavor(['size', '--json', file]);
    expect([exitCode, stderr]).toEqual([0, '']);
    const result = resultOf(stdout);
    expect(result).toMatchObject({ type: 'result', schema: 1, command: 'size', size_bytes: statSync(file).size });
    expect(leaves(result.tree)).toBe(result.size_bytes);
    expect(result.tree.stored_bytes).toBe(result.size_bytes);
    expect(result.slots.map(({ level }) => level)).toEqual([9, 9, 3, undefined]);
    expect(result.advice).toMatchSnapshot('advice');
  });

  test('names of files cannot draw on the terminal', async () => {
    const { stdout } = await workshop.flavor(['size', '--all', '--no-advice', file]);
    expect(stdout).not.toContain('\u202e');
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain(HOSTILE.slice(0, 20));
  });

  test('the library has the same, and can be stopped', async () => {
    const result = await size(file, { advice: false });
    const sum = (row: SizeRow): number =>
      row.children.length === 0 ? row.storedBytes : row.children.reduce((total, child) => total + sum(child), 0);
    expect(sum(result.tree)).toBe(statSync(file).size);
    expect(result.advice).toEqual([]);
    await expect(size(file, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ERR_FLAVOR_ABORTED' });
  });

  test('a package of another builder has its rows and no advice, as its build is not ours', async () => {
    const foreign = foreignPackage('some text');
    const path = workshop.write('foreign.psp', foreign);
    const result = resultOf((await workshop.flavor(['size', '--json', path])).stdout);
    expect(leaves(result.tree)).toBe(foreign.length);
    expect(result.advice).toEqual([]);
  });
});

describe('what is refused', () => {
  test('a file that is not there, one that is no package, and wrong options', async () => {
    expect(await workshop.flavor(['size', 'no.psp'])).toMatchSnapshot('missing');
    workshop.write('text.txt', 'no package');
    expect(await workshop.flavor(['size', 'text.txt'])).toMatchSnapshot('no package');
    expect(await workshop.flavor(['size', '--depth', 'deep', file])).toMatchSnapshot('depth');
    expect(await workshop.flavor(['size'])).toMatchSnapshot('no file');
  });

  test('a package with a changed byte', async () => {
    const bytes = readFileSync(file);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(join(workshop.folder, 'damaged.psp'), bytes);
    expect(await workshop.flavor(['size', 'damaged.psp'])).toMatchSnapshot();
  });

  test('a page in the place of something else', async () => {
    const before = readFileSync(file);
    expect(await workshop.flavor(['size', '--html', file, file])).toMatchSnapshot();
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

describe('the advice', () => {
  test('[slow] of a real package is sound: a build that follows it has the predicted size', async () => {
    const shop = new Workshop();
    try {
      const project = 'dependencies = ["markupsafe", "zope-interface"]';
      const init = 'import markupsafe, zope.interface\n\ndef main():\n    return 0\n';
      const pack = async (name: string, tables: string, ...options: string[]): Promise<number> => {
        shop.write(`${name}/src/sample/__init__.py`, init);
        const lines = `entry_point = "sample:main"\npython_version = "3.14"\n${tables}`;
        shop.write(`${name}/pyproject.toml`, manifest({ project, flavor: lines }));
        const args = ['pack', '-q', '-m', name, '-o', `${name}.psp`, '--key-seed', 'a seed for this test', ...options];
        const packed = await shop.flavor(args, { env: { FLAVOR_BUILD_CACHE: join(shop.folder, 'builds') } });
        expect(packed.exitCode, packed.stderr).toBe(0);
        return statSync(join(shop.folder, `${name}.psp`)).size;
      };
      const before = await pack('before', '', '--level', '3');
      const result = resultOf((await shop.flavor(['size', '--json', 'before.psp'])).stdout);
      expect(leaves(result.tree)).toBe(before);
      const kinds = result.advice.map(({ kind }) => kind);
      expect(kinds).toEqual(expect.arrayContaining(['tests', 'pip', 'runtime', 'level']));
      const followed = ['tests', 'pip', 'level'].map((kind) => result.advice.find((advice) => advice.kind === kind));
      for (const advice of followed) {
        if (advice === undefined) throw new Error('it was found above');
        const { kind, table, change, saved_bytes: saved, predicted_bytes: predicted } = advice;
        // The lines stand in `[tool.flavor]` or in a table below it.
        const lines = table === undefined ? '' : table === '[tool.flavor]' ? change : `${table}\n${change}`;
        const options = table === undefined ? change.split(' ') : ['--level', '3'];
        const after = await pack(kind, lines, ...options);
        expect(predicted).toBe(before - saved);
        // Not only the package but what it saves is predicted within 5 %; a higher level is tried on a part of large slots.
        const expected = kind === 'level' ? predicted : saved;
        expect(Math.abs(predicted - after) / expected, `${kind}: ${before} to ${after}`).toBeLessThan(0.05);
      }
    } finally {
      shop.remove();
    }
  }, 600_000);

  test('[slow] the rows of a packed project are its interpreter, distributions and application', async () => {
    const { stdout } = await workshop.flavor(['size', '--json', '--no-advice', inject('probePackage')]);
    const { tree } = resultOf(stdout);
    expect(leaves(tree)).toBe(statSync(inject('probePackage')).size);
    const slot = (name: string): readonly Row[] => tree.children?.find((row) => row.name === name)?.children ?? [];
    expect(slot('runtime').map(({ name }) => name)).toEqual(
      expect.arrayContaining(['standard library', 'interpreter', 'extension modules']),
    );
    expect(slot('dependencies').map(({ kind, name }) => `${kind} ${name}`)).toContain('distribution pip');
    expect(slot('application').map(({ kind, name }) => `${kind} ${name}`)).toContain('distribution probe');
  });
});
