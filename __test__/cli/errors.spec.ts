// One clear error for each bad input: exit code, stdout and stderr in one snapshot, and nothing left behind.

import { randomBytes } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generateKeys } from '../../dist/index.js';
import { canMount, mounted } from '../conformance/suite/mounts.js';
import { manifest, root, Workshop } from './command.js';

/** A manifest of the native builders. */
function planOf(slots: readonly object[]): string {
  const execution = { primary_slot: 0, command: '{workenv}/big' };
  return JSON.stringify({ package: { name: 'big', version: '1.0' }, execution, slots });
}

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
});
afterEach(() => workshop.remove());

/** What is in the folder besides what the test put there. */
function leftovers(...known: string[]): string[] {
  return readdirSync(workshop.folder).filter((name) => !['tmp', 'cache', ...known].includes(name));
}

describe('the manifest', () => {
  test('a missing one is named', async () => {
    expect(await workshop.flavor(['pack'])).toMatchSnapshot();
    expect(leftovers()).toEqual([]);
  });

  test('beside setup.py only, what has to be written is told', async () => {
    workshop.write('setup.py', 'from setuptools import setup\n\nsetup(name="sample")\n');
    expect(await workshop.flavor(['pack'])).toMatchSnapshot();
  });

  test('a path to a missing one is named', async () => {
    expect(await workshop.flavor(['pack', '--manifest', 'elsewhere/pyproject.toml', '--json'])).toMatchSnapshot();
  });

  test('malformed TOML is told by line and column', async () => {
    workshop.write('pyproject.toml', '[project]\nname = "sample"\nversion = = "1"\n');
    expect(await workshop.flavor(['pack'])).toMatchSnapshot();
  });

  test('an unknown key is told by line, with the key that was probably meant', async () => {
    workshop.write('pyproject.toml', manifest({ flavor: 'entry_point = "sample:main"\npython-version = "3.14"' }));
    expect(await workshop.flavor(['pack'])).toMatchSnapshot();
  });

  test('a key of the wrong type is told with what was found and expected', async () => {
    workshop.write('pyproject.toml', manifest({ flavor: 'entry_point = "sample:main"\ninclude_pip = "yes"' }));
    expect(await workshop.flavor(['pack'])).toMatchSnapshot();
  });

  test('an entry point of the wrong form is refused', async () => {
    workshop.write('pyproject.toml', manifest({ flavor: 'entry_point = "sample.main"' }));
    expect(await workshop.flavor(['pack'])).toMatchSnapshot();
  });

  test('a project with nothing to run is refused', async () => {
    workshop.write('pyproject.toml', manifest({ flavor: '' }));
    expect(await workshop.flavor(['pack'])).toMatchSnapshot();
  });

  test('a project without a name is refused', async () => {
    workshop.write('pyproject.toml', manifest().replace('name = "sample"\n', ''));
    expect(await workshop.flavor(['pack'])).toMatchSnapshot();
  });

  test('a name that no package can have is refused', async () => {
    workshop.write('pyproject.toml', manifest({ flavor: 'entry_point = "sample:main"\npackage_name = "../up"' }));
    expect(await workshop.flavor(['pack'])).toMatchSnapshot();
  });
});

describe('the build', () => {
  test('FLAVOR_UV that names no uv is told', async () => {
    workshop.write('pyproject.toml', manifest());
    expect(await workshop.flavor(['pack'], { env: { FLAVOR_UV: join(workshop.folder, 'uv') } })).toMatchSnapshot();
  });

  test('[slow] an entry point that does not exist is told before anything is compressed', async () => {
    const ended = await workshop.flavor([
      'pack',
      '-q',
      '-m',
      join(root, '__test__/fixtures/bad-entry-point'),
      '-o',
      'out/',
    ]);
    expect(ended).toMatchSnapshot();
    expect(leftovers()).toEqual([]);
    expect(readdirSync(workshop.scratch())).toEqual([]);
  });

  test('[slow] a public key of another pair is refused, and no file is left', async () => {
    const project = join(root, '__test__/fixtures/no-dependencies');
    for (const pair of ['one', 'other']) await generateKeys({ directory: join(workshop.folder, pair) });
    const keys = ['--key', 'one/flavor-private.key', '--public-key', 'other/flavor-public.key'];
    expect(
      await workshop.flavor(['pack', '-q', '-m', project, '-o', 'out/', ...keys, '--level', '3']),
    ).toMatchSnapshot();
    expect(leftovers('one', 'other')).toEqual([]);
  });
});

describe('the environment', () => {
  test('a SOURCE_DATE_EPOCH that is no number is told before the work begins', async () => {
    workshop.write('pyproject.toml', manifest());
    expect(await workshop.flavor(['pack'], { env: { SOURCE_DATE_EPOCH: 'yesterday' } })).toMatchSnapshot();
    expect(leftovers('pyproject.toml')).toEqual([]);
  });
});

describe('the output', () => {
  test.skipIf(process.getuid?.() === 0)(
    'a folder that may not be written is told before the work begins (not as root, whom modes do not bind)',
    async () => {
      workshop.write('pyproject.toml', manifest());
      workshop.write('closed/file', '');
      chmodSync(join(workshop.folder, 'closed'), 0o555);
      const ended = await workshop.flavor(['pack', '--output', 'closed/app.psp']);
      expect([ended.exitCode, ended.stdout]).toEqual([1, '']);
      expect(ended.stderr).toContain(
        'may not be written: <folder>/closed: <folder>/closed/app.psp [ERR_FLAVOR_OUTPUT]',
      );
    },
  );

  test('a file that is no package is not replaced', async () => {
    const file = workshop.write('pyproject.toml', manifest());
    expect(await workshop.flavor(['pack', '--output', 'pyproject.toml'])).toMatchSnapshot();
    expect(readFileSync(file, 'utf8')).toBe(manifest());
  });

  test('a file in the way of its folder is told before the work begins', async () => {
    workshop.write('pyproject.toml', manifest());
    workshop.write('taken', '');
    expect(await workshop.flavor(['pack', '--output', 'taken/app.psp'])).toMatchSnapshot();
  });
});

describe.runIf(canMount)('a full disk (needs root and mounts)', () => {
  const onFullDisk = (size: string, use: () => Promise<void>): Promise<void> =>
    mounted(join(workshop.folder, 'full'), `size=${size}`, use);

  test('where the package goes is told, and nothing is left there', async () => {
    workshop.write('big', randomBytes(1_000_000));
    const slot = { id: 'big', source: 'big', target: '{workenv}/big', operations: 'raw' };
    workshop.write('big.json', planOf([slot]));
    await onFullDisk('256k', async () => {
      expect(await workshop.flavor(['assemble', '-m', 'big.json', '-o', 'full/big.psp'])).toMatchSnapshot();
      expect(readdirSync(join(workshop.folder, 'full'))).toEqual([]);
    });
  });

  test('where temporary files go is told', async () => {
    workshop.write('pyproject.toml', manifest());
    await onFullDisk('64k', async () => {
      const ended = await workshop.flavor(['pack', '-q', '--no-cache'], {
        env: { TMPDIR: join(workshop.folder, 'full') },
      });
      expect([ended.exitCode, ended.stdout]).toEqual([1, '']);
      expect(ended.stderr).toContain('flavor: hint: the disk is full: free some space');
      expect(ended.stderr).not.toContain('is not the one of');
    });
  });
});

describe('keys', () => {
  test('a missing key file is told before the work begins', async () => {
    workshop.write('pyproject.toml', manifest());
    expect(await workshop.flavor(['pack', '--key', 'no.pem'])).toMatchSnapshot();
  });

  test('a key of the wrong kind is refused, and no file is left', async () => {
    const key = workshop.write('public.pem', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n');
    workshop.write('empty.json', planOf([]));
    const ended = await workshop.flavor(['assemble', '-m', 'empty.json', '-o', 'out/', '--key', key]);
    expect(ended).toMatchSnapshot();
    expect(leftovers('public.pem', 'empty.json', 'out')).toEqual([]);
  });

  test('a public key without a private one, one that is missing and one that is none are told before the work begins', async () => {
    workshop.write('pyproject.toml', manifest());
    await generateKeys({ directory: workshop.folder });
    const key = ['--key', 'flavor-private.key'];
    const wrong = [
      ['--public-key', 'flavor-public.key'],
      [...key, '--public-key', 'no.key'],
      [...key, '--public-key', 'pyproject.toml'],
      [...key, '--public-key', 'flavor-private.key'],
    ];
    for (const options of wrong) expect(await workshop.flavor(['pack', ...options])).toMatchSnapshot();
  });

  test('two sources are a mistake of usage', async () => {
    expect(await workshop.flavor(['pack', '--key', 'a.pem', '--key-seed', 'x'])).toMatchSnapshot();
  });

  test('two variables that differ are a mistake of usage', async () => {
    const env = { FLAVOR_SEED: 'one', FLAVOR_KEY_SEED: 'two' };
    expect(await workshop.flavor(['pack'], { env })).toMatchSnapshot();
  });

  test('keygen does not replace a key unasked', async () => {
    const first = await workshop.flavor(['keygen', '--json']);
    expect(first).toMatchSnapshot('first');
    const second = await workshop.flavor(['keygen']);
    expect(second).toMatchSnapshot('second');
    expect((await workshop.flavor(['keygen', '--force', '-q'])).exitCode).toBe(0);
  });
});

describe('files that are no packages', () => {
  test('verify, inspect and run tell a missing file', async () => {
    for (const command of ['verify', 'inspect', 'run']) {
      const ended = await workshop.flavor([command, 'no.psp']);
      expect([command, ended.exitCode, ended.stdout]).toEqual([command, 5, '']);
      expect(ended.stderr).toContain('[ERR_FLAVOR_NOT_FOUND]');
    }
  });

  test('verify and inspect exit 3 for another file', async () => {
    workshop.write('note.txt', 'not a package\n');
    expect((await workshop.flavor(['inspect', 'note.txt'])).exitCode).toBe(3);
    const ended = await workshop.flavor(['verify', 'note.txt', '--json']);
    expect(ended).toMatchSnapshot();
  });
});

describe('usage', () => {
  for (const args of [
    ['packk'],
    ['pack', '--outptu', 'x'],
    ['pack', '--level', '4'],
    ['verify'],
    ['verify', '--json', 'a', 'b'],
  ]) {
    test(`\`flavor ${args.join(' ')}\` exits 2`, async () => {
      expect(await workshop.flavor(args)).toMatchSnapshot();
    });
  }

  test('help goes to stdout and exits 0', async () => {
    const ended = await workshop.flavor(['--help']);
    expect([ended.exitCode, ended.stderr]).toEqual([0, '']);
    expect(ended.stdout).toContain('pack [options]');
  });
});
