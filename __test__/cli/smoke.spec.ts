// What is tried before a package is made, and what is said if it does not work.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { manifest, root, Workshop } from './command.js';

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
});
afterEach(() => workshop.remove());

/** Packs a project of one module. */
async function pack(module: string, flavor = 'entry_point = "sample:main"', env: Record<string, string> = {}) {
  workshop.write('pyproject.toml', manifest({ flavor }));
  workshop.write('sample.py', module);
  return workshop.flavor(['pack', '-q', '--level', '3'], { env });
}

/** The build failed with this snapshot and left nothing. */
function expectRefused(ended: unknown): void {
  expect(ended).toMatchSnapshot();
  expect(readdirSync(workshop.folder).filter((name) => !['cache', 'tmp'].includes(name))).toEqual([
    'pyproject.toml',
    'sample.py',
  ]);
  expect(readdirSync(workshop.scratch())).toEqual([]);
}

describe('the build fails and says so', () => {
  test('[slow] if the module of a command imports what no dependency provides', async () => {
    expectRefused(await pack('import requests\n\ndef main():\n    return 0\n'));
  });

  test('[slow] if the entry point is no function', async () => {
    expectRefused(await pack('main = 7\n\ndef start():\n    return 0\n'));
  });

  test('[slow] if a data file is not in the wheel', async () => {
    const module = [
      'from pathlib import Path',
      'TEXT = (Path(__file__).parent / "a.txt").read_text()',
      'def main():',
      '    return 0',
      '',
    ].join('\n');
    const ended = await pack(module);
    expectRefused({ ...ended, stderr: ended.stderr.replaceAll(/'[^']*\/site-packages\//g, "'<site-packages>/") });
  });

  test('[slow] if importing the module ends the interpreter', async () => {
    expectRefused(await pack('import os\n\nos._exit(7)\n\ndef main():\n    return 0\n'));
  });

  test('[slow] if the smoke run fails, with the last line that it said', async () => {
    const module = 'import sys\n\ndef main():\n    print("no", sys.argv[1], file=sys.stderr)\n    return 3\n';
    expectRefused(await pack(module, 'entry_point = "sample:main"\nsmoke = "sample --version"'));
  });

  test('[slow] if the smoke run names no command of the package', async () => {
    const module = 'def main():\n    return 0\n';
    expectRefused(await pack(module, 'entry_point = "sample:main"\nsmoke = ["sampel", "--version"]'));
  });
});

test('the look for entry points sees no module of its own folder, with an interpreter that cannot be told so either', async () => {
  const answer = join(workshop.folder, 'answer');
  const entries = [{ command: 'x', module: 'certificates', attribute: 'main' }];
  const script = join(root, 'dist/python/embedded/check_entry_points.py');
  await execa('python3', ['-s', script], { input: JSON.stringify({ entries, answer }) });
  expect(JSON.parse(readFileSync(answer, 'utf8'))).toMatchObject({ command: 'x', outcome: 'no-module' });
});

describe('the smoke run', () => {
  test('[slow] replaces the import, sees nothing of the environment of the user, and gets no key material', async () => {
    const module = [
      'import os, sys',
      'def main():',
      '    leaked = [n for n in os.environ if n.startswith("SECRET") or "SEED" in n or n == "FLAVOR_KEY"]',
      '    home = os.environ["HOME"]',
      '    return 0 if leaked == [] and os.getcwd() == home and os.listdir(home) == [] else f"{leaked} {home}"',
      '',
    ].join('\n');
    // The packaged interpreter is a command of each package; one that fails by its own name is above.
    const smoke = 'smoke = ["python", "-c", "import sample, sys; sys.exit(sample.main())"]';
    const ended = await pack(module, `entry_point = "sample:main"\n${smoke}`, {
      SECRET_TOKEN: 'x',
      FLAVOR_SEED: 'a seed that no child may see',
    });
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('[slow] is left out where the manifest says that there is none', async () => {
    const ended = await pack('raise SystemExit(9)\n', 'entry_point = "sample:main"\nsmoke = []');
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
