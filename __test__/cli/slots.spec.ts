// `assemble`, and what `inspect`, `verify --deep`, `extract` and `extract-all` say and write: with a launcher of filler,
// so that every number is the same everywhere.

import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Workshop } from './command.js';
import { foreignPackage } from './foreign.js';

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
});
afterEach(() => workshop.remove());

const at = (...names: string[]): string => join(workshop.folder, ...names);

/** A manifest over a tree with a program and a link, and a file. */
async function assemble(...args: string[]) {
  chmodSync(workshop.write('tool/bin/run', '#!/bin/sh\n'), 0o755);
  mkdirSync(at('tool/empty'));
  symlinkSync('run', at('tool/bin/go'));
  workshop.write('settings.toml', 'colour = "blue"\n');
  workshop.write('launcher', 'x'.repeat(5000));
  const slot = { purpose: 'data', lifecycle: 'runtime', permissions: '0640' };
  workshop.write(
    'small.json',
    JSON.stringify({
      package: { name: 'small', version: '1.0.0', description: 'shows its slots' },
      execution: { command: '{workenv}/bin/run', primary_slot: 0 },
      slots: [
        { slot: 0, id: 'tool', source: 'tool', target: '{workenv}', operations: 'tar.zst', ...slot },
        {
          slot: 1,
          id: 'settings',
          source: '{workenv}/settings.toml',
          target: 'settings.toml',
          operations: 'gzip',
          ...slot,
        },
      ],
    }),
  );
  return workshop.flavor(['assemble', '-m', 'small.json', '--launcher', 'launcher', ...args], {
    env: { FLAVOR_SEED: 'a seed for this test only' },
  });
}

const PACKAGE = 'dist/small-1.0.0.psp';

describe('assemble', () => {
  test('makes a package from a manifest, with the same bytes every time', async () => {
    expect(await assemble()).toMatchSnapshot();
    const seed = ['--key-seed', 'a seed for this test only'];
    const args = ['assemble', '-m', 'small.json', '--launcher', 'launcher', '-o', 'again/', ...seed];
    expect((await workshop.flavor(args)).exitCode).toBe(0);
    expect(readFileSync(at('again/small-1.0.0.psp')).equals(readFileSync(at(PACKAGE)))).toBe(true);
  });

  test('--json has slots and warnings', async () => {
    expect(await assemble('--json', '--align', '4096', '--level', '19')).toMatchSnapshot();
  });

  test('a manifest that is missing, malformed or states facts is told', async () => {
    expect(await workshop.flavor(['assemble', '-m', 'no.json'])).toMatchSnapshot('missing');
    workshop.write('broken.json', '{"package": ');
    const broken = await workshop.flavor(['assemble', '-m', 'broken.json', '-o', 'x.psp']);
    expect([broken.exitCode, broken.stdout]).toEqual([1, '']);
    expect(broken.stderr).toContain('[ERR_FLAVOR_PLAN]');
    workshop.write('launcher', 'x');
    workshop.write(
      'facts.json',
      JSON.stringify({
        package: { name: 'a', version: '1' },
        execution: { command: 'x' },
        slots: [{ slot: 3, id: 'a', source: 'launcher', target: 'a' }],
      }),
    );
    expect(await workshop.flavor(['assemble', '-m', 'facts.json', '--launcher', 'launcher'])).toMatchSnapshot('slot');
    expect(existsSync(at('dist'))).toBe(false);
  });

  test('usage is checked', async () => {
    expect(await workshop.flavor(['assemble'])).toMatchSnapshot('no manifest');
    expect(await workshop.flavor(['assemble', '-m', 'x', '--align', '512'])).toMatchSnapshot('alignment');
  });
});

describe('inspect', () => {
  test('shows a package as a tree, or as one object', async () => {
    await assemble();
    expect(await workshop.flavor(['inspect', PACKAGE])).toMatchSnapshot('text');
    const ended = await workshop.flavor(['inspect', '--json', PACKAGE]);
    const { index, ...object } = JSON.parse(ended.stdout) as { index: Record<string, unknown> };
    expect(object).toMatchSnapshot('object');
    expect(index).toMatchObject({ format_version: '0x20250001', slot_count: 2, capabilities: '0x0000000000000081' });
    expect(Object.keys(index)).toHaveLength(26);
  });
});

describe('verify --deep', () => {
  test('lists the bytes of a package of ours, all of them covered', async () => {
    await assemble();
    expect(await workshop.flavor(['verify', '--deep', PACKAGE])).toMatchSnapshot();
  });

  test('says of a package of another builder which bytes the signature covers and which not', async () => {
    workshop.write('foreign.psp', foreignPackage('hello\n'));
    expect(await workshop.flavor(['verify', 'foreign.psp'])).toMatchSnapshot('without');
    expect(await workshop.flavor(['verify', '--deep', 'foreign.psp'])).toMatchSnapshot('text');
    const ended = await workshop.flavor(['verify', '--deep', '--json', 'foreign.psp']);
    const { coverage } = JSON.parse(ended.stdout) as {
      coverage: { from: number; to: number; covered_by: string | null }[];
    };
    expect(coverage[0]).toEqual({ from: 0, to: 27, what: 'launcher', covered_by: null });
    for (const [index, range] of coverage.slice(1).entries()) expect(range.from).toBe(coverage[index]?.to);
    expect(coverage.at(-1)?.to).toBe(statSync(at('foreign.psp')).size);
  });
});

describe('extract', () => {
  test('writes a tree by number and a file by id, where it was asked to', async () => {
    await assemble();
    expect(await workshop.flavor(['extract', PACKAGE, '0', 'out/tool'])).toMatchSnapshot('tree');
    expect(readdirSync(at('out/tool/bin'))).toEqual(['go', 'run']);
    expect(lstatSync(at('out/tool/bin/go')).isSymbolicLink()).toBe(true);
    expect(statSync(at('out/tool/bin/run')).mode & 0o777).toBe(0o755);
    expect(await workshop.flavor(['extract', PACKAGE, 'settings', '--json'])).toMatchSnapshot('file');
    expect(readFileSync(at('settings'), 'utf8')).toBe('colour = "blue"\n');
    expect(await workshop.flavor(['extract', PACKAGE, 'settings', '--raw'])).toMatchSnapshot('raw');
    expect(readFileSync(at('settings.gz')).subarray(0, 2).toString('hex')).toBe('1f8b');
  });

  test('replaces a file only when asked to, and a folder never', async () => {
    await assemble();
    workshop.write('settings', 'mine');
    workshop.write('full/mine', 'mine');
    expect(await workshop.flavor(['extract', PACKAGE, '1'])).toMatchSnapshot('file');
    expect(await workshop.flavor(['extract', PACKAGE, '0', '-o', 'full', '--force'])).toMatchSnapshot('folder');
    expect(readFileSync(at('settings'), 'utf8')).toBe('mine');
    expect((await workshop.flavor(['extract', PACKAGE, '1', '--force'])).exitCode).toBe(0);
    expect(readFileSync(at('settings'), 'utf8')).toContain('blue');
  });

  test('an unknown slot, two outputs, a missing and a damaged package are told', async () => {
    await assemble();
    expect(await workshop.flavor(['extract', PACKAGE, 'none', 'new/x'])).toMatchSnapshot('slot');
    expect(await workshop.flavor(['extract', PACKAGE, '0', 'a', '--output', 'b'])).toMatchSnapshot('outputs');
    expect((await workshop.flavor(['extract', 'no.psp', '0'])).exitCode).toBe(5);
    const bytes = readFileSync(at(PACKAGE));
    const { slots } = JSON.parse((await workshop.flavor(['inspect', '--json', PACKAGE])).stdout) as {
      slots: { offset: number }[];
    };
    const offset = (slots[0]?.offset ?? 0) + 20;
    bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    workshop.write('damaged.psp', bytes);
    const ended = await workshop.flavor(['extract', 'damaged.psp', '0', 'new/x']);
    expect([ended.exitCode, ended.stdout]).toEqual([3, '']);
    expect(ended.stderr).toContain('[ERR_PSPF_SLOT_DIGEST]');
    expect(existsSync(at('new'))).toBe(false);
  });
});

describe('extract-all', () => {
  test('fills a new folder with every slot and the metadata', async () => {
    await assemble();
    expect(await workshop.flavor(['extract-all', PACKAGE, 'all'])).toMatchSnapshot();
    expect(readdirSync(at('all'))).toEqual(['00_tool', '01_settings', 'metadata.json']);
    expect(JSON.parse(readFileSync(at('all/metadata.json'), 'utf8'))).toMatchObject({ format: 'PSPF/2025' });
    expect((await workshop.flavor(['extract-all', PACKAGE, 'all'])).exitCode).toBe(1);
    await workshop.flavor(['extract-all', PACKAGE, 'raw', '--raw']);
    expect(readdirSync(at('raw'))).toEqual(['00_tool.tar.zst', '01_settings.gz', 'metadata.json']);
  });

  test('says which slot of another builder the signature does not cover', async () => {
    workshop.write('foreign.psp', foreignPackage('hello\n'));
    expect(await workshop.flavor(['extract-all', 'foreign.psp', 'all'])).toMatchSnapshot();
    expect(readFileSync(at('all/00_data'), 'utf8')).toBe('hello\n');
  });
});
