// One clear error for each thing that cannot be packed, before any work begins: exit code, stdout and stderr in one
// snapshot, with the line of the script where it has one.

import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { manifest, Workshop } from './command.js';

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
});
afterEach(() => {
  expect(readdirSync(workshop.scratch())).toEqual([]);
  workshop.remove();
});

function pack(...args: string[]) {
  return workshop.flavor(['pack', ...args]);
}

describe('the block of a script', () => {
  const cases: [string, string[]][] = [
    ['that is not closed', ['#!/usr/bin/env python3', '# /// script', '# dependencies = []', 'import sys']],
    ['that is not closed until the end', ['# /// script', '# dependencies = []']],
    ['with a line that has no blank', ['# /// script', '#dependencies = []', '# ///']],
    ['with blanks behind its end', ['# /// script', '# dependencies = []', '# /// ', 'import sys']],
    ['that begins in another form', ['import sys', '#/// script', '# dependencies = []', '# ///']],
    ['that is there twice', ['# /// script', '# ///', '', '# /// script', '# ///']],
    [
      'with TOML that is none',
      ['', '# /// script', '# dependencies = [', '#   "click"', '#   "rich",', '# ]', '# ///'],
    ],
    ['with an unknown key', ['# A comment.', '', '# /// script', '# dependancies = ["click"]', '# ///']],
    ['with a key of the wrong type', ['# /// script', '# dependencies = "click"', '# ///']],
    [
      'with an unknown key of ours',
      [
        '"""Text."""',
        '# /// script',
        '# dependencies = []',
        '#',
        '# [tool.flavor]',
        '# python_verison = "3.14"',
        '# ///',
      ],
    ],
    ['with a version that is none', ['# /// script', '# [tool.flavor]', '# version = "one"', '# ///']],
    [
      'with a slot that does not fit',
      ['# /// script', '# [[tool.flavor.slots]]', '# id = "a"', '# source = "a"', '# lifecycle = "lasy"', '# ///'],
    ],
  ];
  test.each(cases)('%s is told by its line', async (_, lines) => {
    workshop.write('hello.py', `${lines.join('\n')}\n`);
    expect(await pack('hello.py')).toMatchSnapshot();
  });
});

describe('what is given', () => {
  test('is not there, is nothing that can be packed, or has no name', async () => {
    expect(await pack('hello.py')).toMatchSnapshot('a missing file');
    workshop.write('notes.md', '# Notes\n');
    expect(await pack('notes.md')).toMatchSnapshot('a text');
    workshop.write('---.py', '');
    expect(await pack('./---.py')).toMatchSnapshot('no name');
    workshop.write('scripts/one.py', '');
    expect(await pack('scripts')).toMatchSnapshot('a folder with a script');
    workshop.write('legacy/setup.py', '');
    workshop.write('legacy/requirements.txt', '');
    expect(await pack('legacy')).toMatchSnapshot('a folder with setup.py');
  });

  test('has no one program, or one that is not there', async () => {
    workshop.write('folder/requirements.txt', '');
    expect(await pack('folder')).toMatchSnapshot('none');
    workshop.write('folder/app.py', '');
    workshop.write('folder/main.py', '');
    expect(await pack('folder')).toMatchSnapshot('two');
    expect(await pack('folder', '--entry-point', 'mian.py')).toMatchSnapshot('a file that is not there');
    expect(await pack('folder', '--entry-point', '../outside.py')).toMatchSnapshot('a file elsewhere');
    expect(await pack('folder', '--entry-point', 'main:main', '--script', 'main')).toMatchSnapshot('both');
  });

  test('has settings in two places, or a version of its own besides', async () => {
    workshop.write('settings.toml', '[tool.flavor]\ninclude_pip = false\n');
    workshop.write('hello.py', '# /// script\n# dependencies = []\n# [tool.flavor]\n# isolated = true\n# ///\n');
    expect(await pack('hello.py', '--manifest', 'settings.toml')).toMatchSnapshot('a script');
    workshop.write('project/pyproject.toml', manifest());
    expect(await pack('project', '--manifest', 'settings.toml')).toMatchSnapshot('a project');
    workshop.write('project/pyproject.toml', manifest({ flavor: 'version = "2.0"' }));
    expect(await pack('project')).toMatchSnapshot('a version');
    workshop.write('hello.py', '');
    expect(await pack('hello.py', '--manifest', 'nowhere.toml')).toMatchSnapshot('no settings');
  });
});
