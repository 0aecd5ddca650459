// Folders with requirements.txt and without a build back end, packed as they are.

import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkRepeatable, extractAll, generateKeys, type ProgressEvent, pack } from '../../dist/index.js';
import { type Ended, root } from './command.js';
import { SampleWorkshop } from './sample-workshop.js';
import { writeFiles, writeTiny, writeWheel } from './tiny-projects.js';

let workshop: SampleWorkshop;
let folder: string;
let environment: Record<string, string | undefined>;
beforeEach(() => {
  workshop = new SampleWorkshop();
  folder = join(workshop.folder, 'My folder');
  environment = { ...process.env, ...workshop.env };
  cpSync(join(root, '__test__/fixtures/plain-folder'), folder, { recursive: true });
  writeWheel(workshop.links, { name: 'tool', dependencies: ['base'] });
  for (const version of ['1.0', '2.0', '3.0']) writeWheel(workshop.links, { name: 'base', version });
  writeTiny(join(folder, 'local'), { name: 'local', module: 'version = "local"\n' });
});
afterEach(() => workshop.remove());

function flavor(...args: string[]): Promise<Ended> {
  return workshop.flavor([...args, '--cwd', folder], { env: workshop.env });
}

function start(file: string, ...args: string[]) {
  return execa(file, args, { env: { HOME: workshop.folder }, extendEnv: false, reject: false });
}

/** Paths of the files in the application of a package, without what is ours. */
async function contents(path: string): Promise<string[]> {
  const to = join(workshop.folder, 'extracted');
  await extractAll(path, { folder: to });
  const application = readdirSync(to).find((name) => name.includes('application')) ?? '';
  const files = readdirSync(join(to, application), { recursive: true, withFileTypes: true });
  return files
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(to, application).length + 1))
    .filter((name) => !/(^|\/)(__pycache__|flavor_runtime|_flavor_start)\//.test(name))
    .sort();
}

describe('a folder with requirements.txt', () => {
  test('[slow] is packed with its files, runs its main.py as `python main.py` would, and keeps addresses to itself', async () => {
    const before = readdirSync(folder);
    const ended = await flavor('pack', '--level', '3');
    expect(ended.stderr).toContain('flavor: project: my-folder 3.4, runs main.py\n');
    expect(readdirSync(folder).sort()).toEqual([...before, 'dist'].sort());
    const output = join(folder, 'dist/my-folder-3.4.psp');
    const { stdout } = await start(output, 'a', 'b');
    expect(stdout).toBe('a page beside local 2.0 1.0 __main__ a b');
    expect(await contents(output)).toEqual(
      [
        'beside.py',
        'local/backend.py',
        'local/local.py',
        'local/pyproject.toml',
        'main.py',
        'templates/page.txt',
      ].sort(),
    );
    for (const entry of readdirSync(join(workshop.folder, 'extracted'), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      expect(readFileSync(join(entry.parentPath, entry.name)).includes('zq9-secret')).toBe(false);
    }
  });

  test('[slow] leaves out what is hidden, tests, environments, packages and private keys, and takes what `include` names', async () => {
    await generateKeys({ directory: join(folder, 'keys') });
    writeFiles(folder, {
      '.env': 'TOKEN=1',
      'venv/pyvenv.cfg': '',
      'venv/lib/x.py': '',
      'deep/.hidden/x': '',
      'deep/x.txt': '',
      'deep/x.md': '',
      'tests/data/kept.json': '{}',
      'dist/old.txt': '',
      'old-package': 'anything that ends with \u{1fa84}',
    });
    symlinkSync('../beside.py', join(folder, 'deep/link.py'));
    symlinkSync('..', join(folder, 'deep/up'));
    const settings = `[tool.flavor.build]\ninclude = ["tests/data"]\nexclude = ["*.md", "local"]\n`;
    writeFileSync(join(folder, 'pyproject.toml'), readFileSync(join(folder, 'pyproject.toml'), 'utf8') + settings);
    const ended = await flavor('pack', '--quiet', '--level', '3', '--key', 'keys/flavor-private.key');
    expect(ended.stderr).toBe('');
    expect(await contents(join(folder, 'dist/my-folder-3.4.psp'))).toEqual(
      [
        ...['beside.py', 'deep/link.py', 'deep/x.txt', 'keys/flavor-public.key', 'main.py', 'templates/page.txt'],
        'tests/data/kept.json',
      ].sort(),
    );
  });

  test('[slow] runs a function, a module or a file that the caller names', async () => {
    writeFiles(folder, {
      'inner/__init__.py': '',
      'inner/__main__.py': 'import sys\nprint("module", __name__, __package__, sys.argv[1:])\n',
      'second.py': 'import sys\nprint("file", __name__, sys.argv[1:])\n',
    });
    const output = join(workshop.folder, 'x.psp');
    const outcomes: string[] = [];
    for (const program of ['main:other', 'inner', 'second.py']) {
      await pack({ input: folder, entryPoint: program, output, level: 3, environment });
      const { exitCode, stdout } = await start(output, 'a');
      outcomes.push(`${exitCode} ${stdout.split('\n').at(-1)}`);
    }
    expect(outcomes).toEqual([
      '7 a page beside local 2.0 1.0 main a',
      "0 module __main__ inner ['a']",
      "0 file __main__ ['a']",
    ]);
  });

  test('[slow] obeys pylock.toml once `flavor lock` has written it', async () => {
    expect((await flavor('lock', '--quiet')).stdout).toBe('pylock.toml (3 distributions from a resolution), written\n');
    expect(readFileSync(join(folder, 'pylock.toml'), 'utf8')).not.toMatch(/zq9-secret|index\.invalid/);
    writeFileSync(join(folder, 'upper.txt'), 'base<2\n');
    const result = await pack({ input: folder, level: 3, environment });
    expect(result).toMatchObject({
      resolution: { lock: 'pylock', files: ['pylock.toml'] },
      distributions: ['base==2.0', 'local==1.0', 'tool==1.0'],
    });
  });

  test('[slow] is built the same twice, under its name', async () => {
    const names: string[] = [];
    const onProgress = (event: ProgressEvent): void => {
      if (event.type === 'stage' && event.stage === 'project' && event.state === 'done') names.push(event.detail);
    };
    await checkRepeatable({ input: folder, level: 3, environment, onProgress });
    expect(names).toEqual(['my-folder 3.4, runs main.py', 'my-folder 3.4, runs main.py']);
  });

  test('[slow] has digests for all of its requirements if it has one', async () => {
    const sha256 = writeWheel(workshop.links, { name: 'tool', version: '4.0' });
    const requirements = join(folder, 'requirements.txt');
    writeFileSync(join(folder, 'main.py'), 'import tool\nprint(tool.version)\n');
    writeFileSync(requirements, `tool==4.0 --hash=sha256:${sha256}\n`);
    await pack({ input: folder, level: 3, environment });
    expect((await start(join(folder, 'dist/my-folder-3.4.psp'))).stdout).toBe('4.0');
    writeFileSync(requirements, `tool==4.0 --hash=sha256:${sha256}\nbase==1.0\n`);
    expect(await flavor('pack', '--quiet')).toMatchSnapshot('one without');
    writeFileSync(requirements, `tool==4.0 --hash=sha256:${'0'.repeat(64)}\n`);
    expect(await flavor('pack', '--quiet')).toMatchSnapshot('another file');
    writeFileSync(join(folder, 'main.py'), 'import base\n');
    writeFileSync(requirements, 'tool\n');
    expect(await flavor('pack', '--quiet')).toMatchSnapshot('one that is not listed');
  });
});
