// One clear error for each bad value of the manifest, before any work begins: exit code, stdout and stderr in one
// snapshot, with the line and what would be right.

import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { manifest, Workshop } from './command.js';

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
});
afterEach(() => {
  // Nothing of this came to the making of anything.
  expect(readdirSync(workshop.scratch())).toEqual([]);
  workshop.remove();
});

/** Packs a project whose `[tool.flavor]` ends with some lines. */
function packed(lines: string, ...args: string[]) {
  workshop.write('pyproject.toml', manifest({ flavor: `entry_point = "sample:main"\n${lines}` }));
  return workshop.flavor(['pack', ...args]);
}

/** A slot with some lines. */
function slot(lines: string, id = 'models'): string {
  return `[[tool.flavor.slots]]\nid = "${id}"\nsource = "models"\n${lines}\n`;
}

describe('a bad value', () => {
  const cases: [string, string][] = [
    ['unknown key of a slot', slot('lifecylce = "lazy"')],
    ['unknown key that is like no other', '[tool.flavor.sign]\nzzz = 1'],
    ['slot without a source', '[[tool.flavor.slots]]\nid = "models"'],
    ['slot id that is no folder', slot('', '../up')],
    ['slot id that is taken', slot('', 'runtime')],
    ['slot id twice', `${slot('')}${slot('target = "elsewhere"')}`],
    ['slot ids with one variable', `${slot('', 'a-b')}${slot('target = "elsewhere"', 'a.b')}`],
    ['unknown lifecycle', slot('lifecycle = "lasy"')],
    ['unknown purpose', slot('purpose = "static-resource"')],
    ['unknown platform', slot('platform = "linux_arm"')],
    ['operations that no launcher undoes', slot('operations = "tar.xz"')],
    ['operations and compression that differ', slot('operations = "gzip"\ncompression = "raw"')],
    ['level of compression', slot('level = 5')],
    ['permissions that are no mode', slot('permissions = "rwx"')],
    ['target outside', slot('target = "../etc"')],
    ['target in the way of Python', slot('target = "lib/models"')],
    ['target of a lazy slot', slot('target = "m"\nlifecycle = "lazy"')],
    ['targets in one another', `${slot('target = "a"')}${slot('target = "a/b"', 'other')}`],
    ['exclude that is no list', slot('exclude = "*.tmp"')],
    ['command that is neither', '[tool.flavor.commands.c]\nenv = {}'],
    ['command that is both', '[tool.flavor.commands.c]\nargv = ["x"]\nentry_point = "a:b"'],
    ['command of the wrong form', '[tool.flavor.commands]\nc = "just-a-name"'],
    ['command of the wrong type', '[tool.flavor.commands]\nc = 7'],
    ['command with an empty argv', '[tool.flavor.commands]\nc = []'],
    ['command with a name for no file', '[tool.flavor.commands]\n"a/b" = "a:b"'],
    ['command that names an unknown slot', `[tool.flavor.commands]\nc = ["x", "{slot:model}"]\n${slot('')}`],
    [
      'variable that names a lazy slot',
      `[tool.flavor.execution.runtime.env.set]\nX = "{slot:models}"\n${slot('lifecycle = "lazy"')}`,
    ],
    ['variable with an impossible name', '[tool.flavor.execution.runtime.env]\nunset = ["A=B"]'],
    ['hook with an open quote', `[tool.flavor.build]\npre_build = ["sh -c 'x"]`],
    ['hook that is no list', '[tool.flavor.build]\npre_build = "pytest"'],
    ['trim of the wrong type', '[tool.flavor.python]\ntrim = "all"'],
    ['optimize', '[tool.flavor.python]\noptimize = 3'],
    ['start', '[tool.flavor.python]\nstart = "fastest"'],
    ['archive and path', '[tool.flavor.python]\narchive = "a.tar.gz"\npath = "b"'],
    ['exclude of the wrong type', '[tool.flavor.build]\nexclude = { numpy = "tests" }'],
    ['lock', '[tool.flavor.build]\nlock = "poetry"'],
    ['execution path', '[tool.flavor.execution]\npath = "script"'],
    ['key and key_env', '[tool.flavor.sign]\nkey = "k.pem"\nkey_env = "K"'],
    ['unknown target', 'targets = ["linux_x86_64"]'],
    ['floor that is no version', '[tool.flavor.floor]\nglibc = "17"'],
    ['isolated twice', 'isolated = false\n[tool.flavor.python]\nisolated = true'],
    ['smoke', 'smoke = "it\'s"'],
  ];
  test.each(cases)('%s', async (_name, lines) => {
    expect(await packed(lines)).toMatchSnapshot();
  });
});

describe('what the manifest names', () => {
  test('a slot whose source is missing', async () => {
    expect(await packed(slot(''))).toMatchSnapshot();
  });

  test('a slot that this package does not have, in a command', async () => {
    const lines = `[tool.flavor.commands]\nc = ["x", "{slot:models}"]\n${slot('optional = true')}`;
    const ended = await packed(lines);
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain('the command `c` names the slot `models`, which is not in this package for ');
  });

  test('a hook whose script is missing', async () => {
    expect(await packed('[tool.flavor.build]\npre_build = ["scripts/prepare.py"]')).toMatchSnapshot();
  });

  test('a hook whose script may not be executed', async () => {
    chmodSync(workshop.write('scripts/check', '#!/bin/sh\n'), 0o644);
    expect(await packed('[tool.flavor.build]\npost_build = ["scripts/check --all"]')).toMatchSnapshot();
  });

  test('a hook whose program is missing', async () => {
    expect(await packed('[tool.flavor.build]\npre_build = ["no-such-program -q"]')).toMatchSnapshot();
  });

  test('a key file that is missing', async () => {
    expect(await packed('[tool.flavor.sign]\nkey = "keys/private.pem"')).toMatchSnapshot();
  });

  test('a variable for the key that is not set', async () => {
    expect(await packed('[tool.flavor.sign]\nkey_env = "SAMPLE_KEY"')).toMatchSnapshot();
  });

  test('buildconfig.toml with a table that nobody reads', async () => {
    workshop.write('buildconfig.toml', '[builds]\npre_build = []\n');
    expect(await packed('')).toMatchSnapshot();
  });
});

describe('options', () => {
  test.each([[['--python', '2.7']], [['--runtime', 'conda']]])('`flavor pack %j` exits 2', async (args) => {
    expect(await packed('', ...args)).toMatchSnapshot();
  });
});

test('with --json the error names code, file and hints', async () => {
  const ended = await packed(slot('lifecycle = "lasy"'), '--json');
  expect(JSON.parse(ended.stderr)).toMatchObject({
    type: 'error',
    code: 'ERR_FLAVOR_MANIFEST',
    path: join('<folder>', 'pyproject.toml'),
    hints: ['did you mean `lazy`?'],
  });
});
