// What earlier builds kept: the package is the same with it, without it, and whatever became of it.

import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { removeUnused } from '../../dist/build-cache/unused.js';
import { type Ended, root, Workshop } from './command.js';

const workshop = new Workshop();
const project = join(workshop.folder, 'project');
const module = join(project, 'src/hello_world/__init__.py');
const cache = join(workshop.folder, 'build');
afterAll(() => workshop.remove());

/** Packs the project; its cache is `build` in the folder of the test. */
async function pack(name: string, ...options: string[]): Promise<Ended & { readonly bytes: Buffer }> {
  return packWith({}, name, ...options);
}

async function packWith(env: Record<string, string>, name: string, ...options: string[]) {
  const file = join(workshop.folder, `${name}.psp`);
  const args = ['pack', '-m', project, '-o', file, '--level', '3', '--json', ...options];
  const ended = await workshop.flavor(args, {
    env: { FLAVOR_BUILD_CACHE: cache, FLAVOR_SEED: 'build cache, not a secret', ...env },
  });
  expect(ended.exitCode, ended.stderr).toBe(0);
  return { ...ended, bytes: readFileSync(file) };
}

const stage = ({ stdout }: Ended, name: string): { detail: string; ms: number } =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .find((line) => line.type === 'stage' && line.stage === name && line.state === 'done');

/** The one tree of a kind. */
function tree(kind: string): string {
  const [key = '', ...others] = readdirSync(join(cache, kind));
  expect(others).toEqual([]);
  return join(cache, kind, key, 'tree');
}

describe('a package', () => {
  let expected: Buffer;
  beforeAll(async () => {
    cpSync(join(root, '__test__/fixtures/hello-world'), project, { recursive: true });
    const packed = await pack('without', '--no-cache');
    expect(packed.stderr).toBe('');
    expected = packed.bytes;
  });

  test('[slow] made with --no-cache leaves nothing in the cache', () => {
    expect(existsSync(cache)).toBe(false);
    expect(existsSync(join(workshop.folder, 'cache', 'build'))).toBe(false);
  });

  test('[slow] is the same from two builds that fill one cache at the same time', async () => {
    const both = await Promise.all([pack('one'), pack('other')]);
    for (const packed of both) {
      expect(packed.stderr).toBe('');
      expect(packed.bytes.equals(expected)).toBe(true);
    }
    expect(readdirSync(join(cache, 'tmp'))).toEqual([]);
    expect(readdirSync(join(cache, 'frames')).length).toBeGreaterThan(3);
    expect(readFileSync(join(cache, 'CACHEDIR.TAG'), 'utf8')).toMatch(/^Signature: 8a477f597d28d172789f06886806bc55\n/);
  });

  test('[slow] is the same from what was kept, which a build changes nothing in', async () => {
    const packed = await pack('warm');
    expect(packed.bytes.equals(expected)).toBe(true);
    expect(stage(packed, 'runtime').detail).toContain('build-cache');
    expect(stage(packed, 'runtime').ms).toEqual(expect.any(Number));
    for (const kind of ['installations', 'runtimes', 'dependencies']) expect(existsSync(tree(kind))).toBe(true);
  });

  test('[slow] of a changed project is what it is without a cache', async () => {
    const before = readFileSync(module);
    appendFileSync(module, '\n# changed\n');
    const packed = await pack('changed');
    const plain = await pack('changed-without', '--no-cache');
    writeFileSync(module, before);
    expect(packed.bytes.equals(plain.bytes)).toBe(true);
    expect(packed.bytes.equals(expected)).toBe(false);
  });

  test('[slow] is the same after files of the cache were altered or cut short, and those are made anew', async () => {
    const altered = ['installations', 'runtimes'].map((kind) => join(tree(kind), 'lib/python3.14/os.py'));
    for (const file of altered) appendFileSync(file, 'raise SystemExit("altered")\n');
    const entry = join(tree('dependencies'), '..', 'entry.json');
    const known = readFileSync(entry, 'utf8');
    const wrong = known.replace('"compiled\\":', '"compiled\\":1');
    expect(wrong).not.toBe(known);
    writeFileSync(entry, wrong);
    for (const name of readdirSync(join(cache, 'frames'))) truncateSync(join(cache, 'frames', name), 1000);
    const packed = await pack('repaired');
    expect(packed.bytes.equals(expected)).toBe(true);
    expect(packed.stderr).toBe('');
    for (const file of altered) expect(readFileSync(file, 'utf8')).not.toContain('altered');
    expect(readFileSync(entry, 'utf8')).not.toBe(wrong);
  });

  test('[slow] does not need a cache that can be written', async () => {
    const packed = await packWith({ FLAVOR_BUILD_CACHE: join(module, 'below-a-file') }, 'unwritable');
    expect(packed.bytes.equals(expected)).toBe(true);
    expect(packed.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(packed.stderr)).toMatchObject({
      type: 'warning',
      message: expect.stringMatching(/^the build cache cannot be used: /),
    });
  });
});

describe.skipIf(process.platform === 'win32')('s17 a cache that others may change', () => {
  test('is not used, which is one warning', async () => {
    const { openBuildCache } = await import('../../dist/build-cache/build-cache.js');
    const open = join(workshop.folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const warnings: string[] = [];
    const reporter = {
      signal: new AbortController().signal,
      emit: (event: { readonly type: string }) => warnings.push(JSON.stringify(event)),
    };
    for (const folder of [open, join(open, 'below')]) {
      expect(await openBuildCache({ FLAVOR_BUILD_CACHE: folder }, reporter)).toBeUndefined();
    }
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('may be changed by others');
  });
});

describe('unused parts of a cache', () => {
  const folder = join(workshop.folder, 'old');
  const day = 24 * 60 * 60 * 1000;
  const now = 100 * day;
  const made = (path: string, days: number): void => {
    const file = workshop.write(`old/${path}`, 'content');
    utimesSync(file, (now - days * day) / 1000, (now - days * day) / 1000);
  };

  test('go after 30 days, and what a killed build left after one', async () => {
    for (const days of [29, 31]) {
      made(`frames/${days}`, days);
      made(`runtimes/${days}/tree/file`, 50);
      made(`runtimes/${days}/entry.json`, days);
    }
    made('tmp/young', 0.5);
    made('tmp/old', 2);
    const gone = await removeUnused(folder, now, { dryRun: true });
    expect(gone).toHaveLength(3);
    expect(readdirSync(join(folder, 'frames')).sort()).toEqual(['29', '31']);
    await removeUnused(folder, now);
    expect(readdirSync(join(folder, 'frames'))).toEqual(['29']);
    expect(readdirSync(join(folder, 'runtimes'))).toEqual(['29']);
    expect(readdirSync(join(folder, 'tmp'))).toEqual(['young']);
  });
});
