// The project of the guide about creating packages, step by step with the guide's own commands: one package, and what each
// page says about it. The guide's three example projects are in cli/seeds.spec.ts.

import { chmodSync, cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateKeys, inspect, verify } from '../../dist/index.js';
import { type Ended, root, Workshop } from '../cli/command.js';

const fixture = join(root, '__test__/fixtures/seed-myapp');
const onGuidesPlatform = process.platform === 'linux' && process.arch === 'x64';

describe.skipIf(!onGuidesPlatform)('[slow] the project of the guide (on linux_amd64, which a slot of it names)', () => {
  const workshop = new Workshop();
  const { folder } = workshop;
  const file = join(folder, 'dist/myapp-1.0.0.psp');
  let packed: Ended;
  let fingerprint: string;

  beforeAll(async () => {
    cpSync(fixture, folder, { recursive: true });
    chmodSync(workshop.write('.venv/bin/pytest', '#!/bin/sh\necho pytest >> hooks.log\n'), 0o755);
    ({ fingerprint } = await generateKeys({ directory: join(folder, 'keys') }));
    const keys = ['--private-key', 'keys/flavor-private.key', '--public-key', 'keys/flavor-public.key'];
    const options = ['--manifest', 'pyproject.toml', ...keys, '--output', 'dist/'];
    packed = await workshop.flavor(['pack', ...options, '--level', '3']);
  });
  afterAll(() => workshop.remove());

  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    execa(file, args, { env: { HOME: folder, ...env }, extendEnv: false, reject: false });

  test('packs with the command of the guide into the named folder, and the last line names the file', () => {
    expect(packed.stderr).not.toMatch(/error|warning/i);
    expect(packed.exitCode).toBe(0);
    expect(packed.stdout.trimEnd().split('\n').at(-1)).toMatch(/^<folder>\/dist\/myapp-1\.0\.0\.psp \(/);
    expect(readdirSync(join(folder, 'dist'))).toEqual(['myapp-1.0.0.psp']);
  });

  test('ran its hooks: a program by its bare name, and scripts by their paths', () => {
    expect(readFileSync(join(folder, 'hooks.log'), 'utf8')).toBe('pytest\nprepare\nverify myapp-1.0.0.psp\n');
  });

  test('holds its modules, data, slots, dependencies and pip in an environment of the version that it names, and no tests', async () => {
    const facts = await run(['facts']);
    expect(facts.stderr).toBe('');
    expect(JSON.parse(facts.stdout)).toEqual({
      version: [3, 11],
      isolated: true,
      author: 'Your Name <you@example.org>',
      modules: ['__init__.py', 'admin.py', 'main.py', 'utils.py', 'worker.py'],
      data: 'data of the package',
      tests: [],
      config: ['settings.json'],
      static: ['img/dot.gif', 'style.css'],
      'data slots': Array.from({ length: 5 }, () => ['img/dot.gif', 'style.css']),
      models: ['line.txt'],
    });
  });

  test('runs its entry point, and each of its scripts by name', async () => {
    expect(await run([])).toMatchObject({ exitCode: 0, stdout: 'Hello from FlavorPack!', stderr: '' });
    expect(await run([], { FLAVOR_COMMAND: 'myapp-admin' })).toMatchObject({ exitCode: 0, stdout: 'admin' });
    expect(await run([], { FLAVOR_COMMAND: 'myapp-worker' })).toMatchObject({ exitCode: 7, stdout: 'worker' });
  });

  test('is verified, deeply too, and inspected with description, commands and slots', async () => {
    expect(await verify(file)).toMatchObject({ ok: true, signer: { fingerprint } });
    for (const options of [[], ['--deep']]) {
      expect((await workshop.flavor(['verify', file, ...options])).exitCode).toBe(0);
    }
    const inspected = await workshop.flavor(['inspect', file]);
    expect(inspected.exitCode).toBe(0);
    for (const word of ['My application', 'myapp-admin', 'myapp-worker', 'config', 'static', 'large-data', 'models']) {
      expect(inspected.stdout).toContain(word);
    }
    const { slots } = await inspect(file);
    expect(slots.slice(0, 3).map(({ role }) => role)).toEqual(['runtime', 'dependencies', 'application']);
  });

  test('stores a slot as its compression says: raw, tar, gzip, tgz, and by itself', async () => {
    const { slots } = await inspect(file);
    const stored = slots.filter(({ id }) => id.endsWith('-data')).map(({ id, operations }) => [id, operations]);
    expect(stored).toEqual([
      ['large-data', 'tar.zst'],
      ['raw-data', 'tar'],
      ['tar-data', 'tar'],
      ['gzip-data', 'tar.gz'],
      ['tgz-data', 'tar.gz'],
    ]);
  });

  test('keeps private keys out of the package and out of other places of the project', () => {
    const pem = readFileSync(join(folder, 'keys/flavor-private.key'), 'utf8');
    const [, secret = ''] = pem.split('\n');
    expect(secret).not.toBe('');
    expect(readFileSync(file, 'latin1')).not.toContain(secret);
    expect(existsSync(join(folder, 'dist/keys'))).toBe(false);
  });
});
