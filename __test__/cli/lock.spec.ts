// `flavor lock`: what it writes, when it changes it, and what never gets into it.

import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Ended } from './command.js';
import { PackageIndex } from './package-index.js';
import { SampleWorkshop } from './sample-workshop.js';
import { writeTiny, writeWheel } from './tiny-projects.js';

let workshop: SampleWorkshop;
let links: string;
let env: Record<string, string>;
beforeEach(() => {
  workshop = new SampleWorkshop();
  ({ links, env } = workshop);
});
afterEach(() => workshop.remove());

function lock(...args: string[]): Promise<Ended> {
  return workshop.flavor(['lock', '--quiet', '--manifest', workshop.project, ...args], { env });
}

function written(): string {
  return readFileSync(join(workshop.project, 'pylock.toml'), 'utf8');
}

describe('flavor lock', () => {
  test('writes names, versions and digests of everything, and nothing else into the project', async () => {
    writeWheel(links, { name: 'base', version: '2.0' });
    writeWheel(links, { name: 'tool', dependencies: ['base'] });
    workshop.sample({ dependencies: ['tool'], flavor: '[tool.flavor.build]\nextra_packages = ["more"]' });
    writeWheel(links, { name: 'more' });
    const before = readdirSync(workshop.project);
    const ended = await lock('--json');
    expect(ended.exitCode).toBe(0);
    const result = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(result).toMatchObject({
      type: 'result',
      command: 'lock',
      changed: true,
      source: 'resolution',
      packages: ['base==2.0', 'more==1.0', 'tool==1.0'],
    });
    expect(readdirSync(workshop.project).sort()).toEqual([...before, 'pylock.toml'].sort());
    expect(written().replaceAll(/[0-9a-f]{64}/g, '<sha256>')).toMatchSnapshot();
    expect(readdirSync(workshop.scratch())).toEqual([]);
  });

  test('keeps what is locked where it fits, and renews it when asked', async () => {
    writeWheel(links, { name: 'tool', version: '1.0' });
    writeWheel(links, { name: 'tool', version: '2.0' });
    workshop.sample({ dependencies: ['tool<2'] });
    await lock();
    workshop.sample({ dependencies: ['tool'] });
    expect((await lock()).stdout).toMatch(/up to date\n$/);
    expect(written()).toContain('version = "1.0"');
    expect((await lock('--upgrade')).stdout).toMatch(/written\n$/);
    expect(written()).toContain('version = "2.0"');
  });

  test('`--check` passes for what was just written, and names what is different otherwise', async () => {
    writeWheel(links, { name: 'tool', version: '1.0' });
    writeWheel(links, { name: 'other' });
    workshop.sample({ dependencies: ['tool'] });
    expect(await lock('--check')).toMatchSnapshot('no file');
    expect(existsSync(join(workshop.project, 'pylock.toml'))).toBe(false);
    await lock();
    expect((await lock('--check')).exitCode).toBe(0);
    const before = written();
    workshop.sample({ dependencies: ['other'] });
    expect(await lock('--check')).toMatchSnapshot('another file');
    expect(written()).toBe(before);
  });

  test('takes what uv.lock says where there is one, and refuses one that does not fit', async () => {
    const uv = process.env['FLAVOR_UV'] ?? 'uv';
    writeWheel(links, { name: 'tool', version: '1.0' });
    workshop.sample({ dependencies: ['tool'] });
    await execa(uv, ['lock', '--no-index', '--find-links', links], { cwd: workshop.project, env });
    writeWheel(links, { name: 'tool', version: '2.0' });
    const ended = await lock('--json');
    expect(JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      source: 'uv.lock',
      packages: ['tool==1.0'],
    });
    workshop.sample({ dependencies: ['tool>=2'] });
    expect(await lock()).toMatchSnapshot();
  });

  test('writes no password, no path of the build and no path that only a copy has', async () => {
    writeWheel(links, { name: 'tool' });
    writeTiny(join(workshop.folder, 'lib'), { name: 'lib' });
    workshop.sample({ dependencies: ['tool', 'lib'], more: '[tool.uv.sources]\nlib = { path = "../lib" }' });
    const index = await PackageIndex.start(links, 'me:hunter2');
    env = { ...env, UV_NO_INDEX: '', UV_FIND_LINKS: '', UV_INDEX_URL: `http://me:hunter2@${index.host}/simple/` };
    const ended = await lock('--verbose');
    const { host } = index;
    await index.stop();
    expect(ended.stderr).toBe('');
    expect(index.served).toContain('/simple/tool/');
    const text = written();
    expect(text).toContain(`http://${host}/files/tool-1.0-py3-none-any.whl`);
    expect(text).toContain('path = "../lib"');
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain(workshop.folder);
    expect(readdirSync(join(workshop.folder, 'lib'))).not.toContain('build');
  });

  test('s25_the_variable_that_leads_to_the_key_reaches_no_back_end', async () => {
    workshop.sample({
      project: 'dynamic = ["optional-dependencies"]',
      flavor: '[tool.flavor.sign]\nkey_env = "SAMPLE_SECRET"',
      backend: 'import os; open(os.environ["WITNESS"], "w").write(os.environ.get("SAMPLE_SECRET", "nothing"))',
    });
    const witness = join(workshop.folder, 'witness');
    env = { ...env, WITNESS: witness, SAMPLE_SECRET: 'a key' };
    expect(await lock()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(readFileSync(witness, 'utf8')).toBe('nothing');
  });

  test('a file that cannot be a lock file by its name is refused', async () => {
    workshop.sample();
    expect(await lock('--output', 'requirements.lock')).toMatchSnapshot();
  });

  test('[slow] what it wrote is what `flavor pack --locked` packs, also after newer versions appeared', async () => {
    writeWheel(links, { name: 'tool', version: '1.0' });
    workshop.sample({
      dependencies: ['tool'],
      module: 'import tool\n\ndef main():\n    print("tool", tool.version)\n',
    });
    await lock();
    writeWheel(links, { name: 'tool', version: '2.0' });
    cpSync(workshop.project, join(workshop.folder, 'copy'), { recursive: true });
    const copy = join(workshop.folder, 'copy');
    const packed = await workshop.flavor(
      ['pack', '-q', '-m', copy, '-o', 'out.psp', '--level', '3', '--locked', '--json'],
      {
        env,
      },
    );
    expect(packed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(packed.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      resolution: { lock: 'pylock', files: ['pylock.toml'] },
      distributions: ['sample==1.0', 'tool==1.0'],
    });
    const started = await execa(join(workshop.folder, 'out.psp'), {
      env: { FLAVOR_CACHE: join(workshop.folder, 'cache') },
    });
    expect(started.stdout).toBe('tool 1.0');
    writeFileSync(join(copy, 'pylock.toml'), written().replace(/sha256 = "\w{64}"/, `sha256 = "${'0'.repeat(64)}"`));
    const refused = await workshop.flavor(['pack', '-q', '-m', copy, '-o', 'out.psp', '--level', '3'], { env });
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('[ERR_FLAVOR_HASH]');
  });
});
