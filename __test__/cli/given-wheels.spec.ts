// Wheels that somebody has built, packed as they are.

import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkRepeatable, extractAll, pack } from '../../dist/index.js';
import type { Ended } from './command.js';
import { SampleWorkshop } from './sample-workshop.js';
import { type TinyWheel, writeWheel } from './tiny-projects.js';

let workshop: SampleWorkshop;
let dist: string;
let environment: Record<string, string | undefined>;
beforeEach(() => {
  workshop = new SampleWorkshop();
  environment = { ...process.env, ...workshop.env };
  dist = join(workshop.folder, 'dist');
  workshop.write('settings.toml', '[tool.flavor]\ninclude_pip = false\n');
  for (const name of ['base', 'more']) writeWheel(workshop.links, { name });
});
afterEach(() => workshop.remove());

/** Writes a wheel with commands; its path and digest. */
function wheel(
  more: Partial<TinyWheel> = {},
  tag = 'py3-none-any',
): { readonly path: string; readonly sha256: string } {
  const sha256 = writeWheel(
    dist,
    {
      name: 'my-app',
      version: '1.5',
      dependencies: ['base', 'more ; extra == "big"'],
      files: {
        'my_app/__init__.py':
          'import base\ndef main():\n    print("main", base.version)\ndef second():\n    print("second")\n',
        'my_app/__main__.py': 'print("module", __name__)\n',
        'my_app-1.5.dist-info/entry_points.txt': '[console_scripts]\nmy-app = my_app:main\nmy-second = my_app:second\n',
      },
      ...more,
    },
    tag,
  );
  return { path: join(dist, `my_app-1.5-${tag}.whl`), sha256 };
}

const settings = () => join(workshop.folder, 'settings.toml');

function flavor(...args: string[]): Promise<Ended> {
  return workshop.flavor(['pack', '--quiet', '--level', '3', '-m', settings(), ...args], { env: workshop.env });
}

async function says(file = join(dist, 'my-app-1.5.psp')): Promise<string> {
  return (await execa(file, [], { env: { HOME: workshop.folder }, extendEnv: false })).stdout;
}

describe('a wheel', () => {
  test('[slow] runs the command that is called like it, lies beside it, and has its digest inside', async () => {
    const { path, sha256 } = wheel();
    const result = await pack({ input: path, manifest: settings(), level: 3, environment });
    expect(result).toMatchObject({
      package: { name: 'my-app', version: '1.5' },
      commands: ['my-app', 'my-second'],
      distributions: ['base==1.0', 'my-app==1.5'],
    });
    expect(readdirSync(dist).sort()).toEqual(['my-app-1.5.psp', 'my_app-1.5-py3-none-any.whl']);
    expect(await says()).toBe('main 1.0');
    const to = join(workshop.folder, 'extracted');
    await extractAll(join(dist, 'my-app-1.5.psp'), { folder: to });
    const application = readdirSync(to).find((name) => name.includes('application')) ?? '';
    expect(JSON.parse(readFileSync(join(to, application, '_flavor/resolution.json'), 'utf8'))).toEqual({
      schema: 1,
      distributions: [{ name: 'my-app', version: '1.5', kind: 'wheel', sha256 }],
    });
  });

  test('[slow] runs another command, a function or a module where the caller says so, with extras', async () => {
    const { path } = wheel();
    const outcomes: string[] = [];
    for (const options of [
      { script: 'my-second' },
      { entryPoint: 'my_app:second' },
      { entryPoint: 'my_app', extras: ['big'] },
    ]) {
      const { distributions } = await pack({ input: path, manifest: settings(), level: 3, environment, ...options });
      outcomes.push(`${await says()} ${distributions.length}`);
    }
    expect(outcomes).toEqual(['second 2', 'second 2', 'module __main__ 3']);
  });

  test('[slow] that is for one version of Python gets that one, and one for no version that is there fails by name', async () => {
    const files = { 'my_app.py': 'import sys\ndef main():\n    print(sys.version_info[:2])\n' };
    const { path } = wheel({ files, dependencies: [] }, 'cp311-cp311-linux_x86_64');
    await pack({ input: path, manifest: settings(), entryPoint: 'my_app:main', level: 3, environment });
    expect(await says()).toBe('(3, 11)');
    expect(await flavor(path, '-e', 'my_app:main', '--python', '3.14')).toMatchSnapshot('another Python');
    const other = wheel({ files, dependencies: [] }, 'py3-none-win_amd64');
    expect(await flavor(other.path, '-e', 'my_app:main')).toMatchSnapshot('another platform');
  });

  test('[slow] builds the same twice, and is locked beside it', async () => {
    const { path } = wheel();
    const checked = await checkRepeatable({ input: path, manifest: settings(), level: 3, environment });
    expect(checked.sizeBytes).toBeGreaterThan(1_000_000);
    const args = ['lock', path, '-m', settings(), '--quiet'];
    expect((await workshop.flavor(args, { env: workshop.env })).stdout).toBe(
      'dist/pylock.my-app.toml (1 distribution from a resolution), written\n',
    );
  });

  test('[slow] whose bytes are not those that it records is refused', async () => {
    const { path } = wheel();
    const bytes = readFileSync(path);
    const at = bytes.indexOf('.dist-info') - 60;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const ended = await flavor(path);
    expect(ended).toMatchObject({ exitCode: 1 });
    expect(ended.stderr).toMatch(/my_app-1\.5-py3-none-any\.whl cannot be (installed|packed): /);
    expect(readdirSync(dist)).toEqual(['my_app-1.5-py3-none-any.whl']);
  });

  test('that is none, has another name, or nothing to run is refused before any work begins', async () => {
    const { path } = wheel();
    const whole = readFileSync(path);
    const refused = async (what: string, ...args: string[]) => expect(await flavor(...args)).toMatchSnapshot(what);
    await refused('a command that it does not have', path, '--script', 'my-thrid');
    writeFileSync(path, whole.subarray(0, 300));
    await refused('a part of it', path);
    writeFileSync(path, whole);
    renameSync(path, join(dist, 'my_app-1.6-py3-none-any.whl'));
    await refused('another version in its name', join(dist, 'my_app-1.6-py3-none-any.whl'));
    renameSync(join(dist, 'my_app-1.6-py3-none-any.whl'), join(dist, 'download.whl'));
    await refused('no name of a wheel', join(dist, 'download.whl'));
    writeWheel(dist, { name: 'library' });
    await refused('nothing to run', join(dist, 'library-1.0-py3-none-any.whl'));
    const scripts = '[console_scripts]\none = library:one\ntwo = library:two\n';
    writeWheel(dist, { name: 'library', files: { 'library-1.0.dist-info/entry_points.txt': scripts } });
    await refused('two commands', join(dist, 'library-1.0-py3-none-any.whl'));
    await refused('one that is not there', join(dist, 'nothing-1.0-py3-none-any.whl'));
  });
});
