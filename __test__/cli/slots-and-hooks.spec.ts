// A package with slots of every kind, made by a project with hooks: what its program sees, and what hooks see.

import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateKeys, verify } from '../../dist/index.js';
import { loadManifest } from '../../dist/manifest/load.js';
import { signingKey } from '../../dist/manifest-key.js';
import { type Ended, manifest, root, Workshop } from './command.js';

/** Everything that may lead to a key; hooks must see none of it. */
const SECRETS = { FLAVOR_SEED: 'a seed of a test', FLAVOR_TRUST_KEY: 'x', FLAVOR_SIGNING: 'y' };

/** What `pack` takes for a package that may be replaced: it ends as packages do. */
const FORMER = 'a former package \u{1fa84}';

describe('[slow] the carrier', () => {
  const workshop = new Workshop();
  const project = join(workshop.folder, 'project');
  const output = join(project, 'dist/carrier-1.0.0.psp');
  const home = join(workshop.folder, 'home');
  let packed: Ended;

  beforeAll(async () => {
    cpSync(join(root, '__test__/fixtures/slots-and-hooks'), project, { recursive: true });
    mkdirSync(home);
    packed = await workshop.flavor(['pack', '--cwd', project, '--level', '3'], { env: SECRETS });
  });
  afterAll(() => workshop.remove());

  const start = async (): Promise<Record<string, unknown>> => {
    const env = { HOME: home, FLAVOR_CACHE: join(workshop.folder, 'store') };
    const { stdout, stderr } = await execa(output, [], { env, extendEnv: false });
    expect(stderr).toBe('');
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  test('is packed with its slots and without those that are for others or missing', () => {
    expect(packed).toMatchObject({ exitCode: 0 });
    expect(packed.stderr).not.toMatch(/error|warning/i);
    expect(packed.stderr).toContain(
      'flavor: slots: config, static, models, templates, made, dense, settings, seeds, scratch\n',
    );
  });

  test('s25 ran its hooks in order, in the project, with the facts and without anything of a key', () => {
    const [shell, prepare = '', verify] = readFileSync(join(project, 'hooks.log'), 'utf8').trimEnd().split('\n');
    expect(shell).toBe('shell pre_build');
    const [args, told, secrets, isPackaged, folder] = JSON.parse(prepare);
    expect(args).toEqual(['one word', 'two']);
    expect(told).toEqual({
      FLAVOR_HOOK: 'pre_build',
      FLAVOR_TARGET: expect.stringMatching(/^(linux|darwin)_(amd64|arm64)(_musl)?$/),
      FLAVOR_VERSION: '1.0.0',
      FLAVOR_OUTPUT: output,
    });
    expect(secrets).toEqual([]);
    expect([isPackaged, folder]).toEqual([true, 'project']);
    expect(verify).toBe('post_build carrier-1.0.0.psp True 1.0.0');
  });

  test('wrote nothing into the project but what its hooks wrote, and its output', () => {
    const before = readdirSync(join(root, '__test__/fixtures/slots-and-hooks'));
    expect(readdirSync(project).sort()).toEqual([...before, 'dist', 'generated', 'hooks.log'].sort());
    expect(readdirSync(join(project, 'scripts')).sort()).toEqual(['prepare.py', 'verify.py']);
    expect(readdirSync(workshop.scratch())).toEqual([]);
  });

  test('finds each slot where its lifecycle says, and data of the user keeps edits', async () => {
    const expected = {
      variables: ['CONFIG', 'DENSE', 'MADE', 'SCRATCH', 'SETTINGS', 'STATIC', 'TEMPLATES'].map(
        (id) => `FLAVOR_SLOT_${id}`,
      ),
      config: [['app.ini'], 'original\n', true],
      static: [
        ['img/small.txt', 'style.css'],
        ['img/small.txt', 'style.css'],
      ],
      templates: ['index.html'],
      made: 'made for 1.0.0\n',
      settings: ['[a]\n', '[a]\n'],
      seeds: [['first.txt', 'more/second.txt'], false],
      scratch: ['img/raw/big.txt', 'img/small.txt', 'left.tmp', 'style.css'],
      models: [false, ['model.txt']],
    };
    expect(await start()).toEqual(expected);
    expect(await start()).toEqual({ ...expected, config: [['app.ini'], 'edited\n', true] });
  });

  test('holds no file that `exclude` names, in no RECORD either, and the build says how many', async () => {
    expect(packed.stderr).toContain('flavor: exclude: 1 file left out (31 bytes)\n');
    const out = join(workshop.folder, 'application');
    expect((await workshop.flavor(['extract', '-q', output, 'application', out])).exitCode).toBe(0);
    const files = readdirSync(out, { recursive: true, encoding: 'utf8' });
    expect(files).toContain('carrier/__init__.py');
    expect(files.filter((path) => path.includes('tests'))).toEqual([]);
    const record = readFileSync(join(out, 'carrier-1.0.0.dist-info/RECORD'), 'utf8');
    expect(record).toContain('carrier/__init__.py,');
    expect(record).not.toContain('tests');
  });

  test('compresses a slot by its own level', async () => {
    const { slots } = JSON.parse((await workshop.flavor(['inspect', '--json', output])).stdout) as {
      slots: { id: string; stored_bytes: number; unpacked_bytes: number }[];
    };
    const [made, dense] = ['made', 'dense'].map((id) => slots.find((slot) => slot.id === id));
    expect(dense?.unpacked_bytes).toBe(made?.unpacked_bytes);
    expect(dense?.stored_bytes).toBeLessThan(made?.stored_bytes ?? 0);
  });

  test('verifies, and shows purposes in the words of the format', async () => {
    expect((await workshop.flavor(['verify', output])).exitCode).toBe(0);
    const inspected = JSON.parse((await workshop.flavor(['inspect', '--json', output])).stdout);
    const text = JSON.stringify(inspected);
    expect(text).toContain('"tar.gz"');
    expect(text).not.toContain('static-resources');
  });
});

describe('[slow] a hook that fails', () => {
  const project = (lines: string): Workshop => {
    const workshop = new Workshop();
    workshop.write('pyproject.toml', manifest({ flavor: `entry_point = "sample:main"\n${lines}` }));
    workshop.write('sample.py', 'def main():\n    return 0\n');
    return workshop;
  };

  test('before the build stops it and shows what it printed, with --quiet too', async () => {
    const workshop = project(
      `[tool.flavor.build]\npre_build = ["sh -c 'echo seen; echo told >&2; exit 3'", "touch never"]`,
    );
    const ended = await workshop.flavor(['pack', '--quiet']);
    expect(ended).toMatchSnapshot();
    expect(existsSync(join(workshop.folder, 'never'))).toBe(false);
    expect(existsSync(join(workshop.folder, 'dist'))).toBe(false);
    workshop.remove();
  });

  test('after the build leaves the package that was there before, and nothing else', async () => {
    const workshop = project('[tool.flavor.build]\npost_build = ["./check"]');
    workshop.write('dist/sample-1.0.0.psp', FORMER);
    chmodSync(
      workshop.write(
        'check',
        '#!/bin/sh\ntest "$(wc -c < "$FLAVOR_OUTPUT")" -gt 8192 && echo "$FLAVOR_HOOK" && exit 9\n',
      ),
      0o755,
    );
    const ended = await workshop.flavor(['pack', '--json', '--level', '3']);
    expect(ended.exitCode).toBe(1);
    const lines = ended.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([
      { type: 'output', schema: 1, program: './check', text: 'post_build' },
      expect.objectContaining({
        code: 'ERR_FLAVOR_HOOK',
        message: 'the post_build hook `./check` ended with exit code 9',
      }),
    ]);
    expect(readdirSync(join(workshop.folder, 'dist'))).toEqual(['sample-1.0.0.psp']);
    expect(readFileSync(join(workshop.folder, 'dist/sample-1.0.0.psp'), 'utf8')).toBe(FORMER);
    workshop.remove();
  });
});

test("[slow] s25 the manifest's key signs, from a variable that no hook sees", async () => {
  const workshop = new Workshop();
  const keys = join(workshop.folder, 'keys');
  const { fingerprint } = await generateKeys({ directory: keys });
  const pem = readFileSync(join(keys, 'flavor-private.key'), 'utf8');
  workshop.write('sample.py', 'def main():\n    return 0\n');
  workshop.write(
    'pyproject.toml',
    manifest({
      flavor: `entry_point = "sample:main"
[tool.flavor.sign]
key_env = "SAMPLE_SECRET"
[tool.flavor.build]
pre_build = ["sh -c 'env > seen-before'"]
post_build = ["sh -c 'env > seen-after; ls \\"$TMPDIR/..\\" > left'"]`,
    }),
  );
  const packed = await workshop.flavor(['pack', '--json', '--level', '3'], { env: { SAMPLE_SECRET: pem } });
  expect(packed.stderr).toBe('');
  const result = packed.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .at(-1);
  expect(result.outputs[0].signer.source).toBe('file');
  const { signer } = await verify(join(workshop.folder, 'dist/sample-1.0.0.psp'));
  expect(signer?.fingerprint).toBe(fingerprint);
  for (const name of ['seen-before', 'seen-after']) {
    const seen = readFileSync(join(workshop.folder, name), 'utf8');
    expect(seen).toContain('FLAVOR_HOOK=');
    expect(seen).not.toMatch(/SAMPLE_SECRET|PRIVATE KEY|flavor-private/);
  }
  expect(readFileSync(join(workshop.folder, 'left'), 'utf8')).not.toContain('pem');

  // The variable may hold the path of the key as well.
  const loaded = await loadManifest(workshop.folder);
  const path = join(keys, 'flavor-private.key');
  const key = await signingKey(undefined, loaded, { SAMPLE_SECRET: path }, workshop.folder);
  expect(await key.use('/nowhere', async (opened) => opened)).toEqual({ source: 'file', path });
  workshop.remove();
});
