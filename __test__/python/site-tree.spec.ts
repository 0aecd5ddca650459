// What of a filled environment goes into slots, and that RECORD tells the truth about it (python-environments.md 6).

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { splitEnvironment } from '../../dist/python/site-tree.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flavor site '));
});
afterEach(() => rmSync(folder, { recursive: true }));

const INFO = 'tool-1.0.dist-info';
const root = (): string => join(folder, 'environment');

/** An environment as uv leaves it, with files by their paths in it. */
async function split(files: Record<string, string>, hasScripts: boolean) {
  const site = 'lib/python3.14/site-packages';
  const record = Object.keys(files).map((path) =>
    path.startsWith(`${site}/`) ? `${path.slice(site.length + 1)},sha256=old,1` : `../../../${path},sha256=old,1`,
  );
  const all = {
    ...files,
    [`${site}/${INFO}/METADATA`]: 'Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n',
    [`${site}/${INFO}/entry_points.txt`]: '[console_scripts]\ntool = tool:main\n[gui_scripts]\ntool-gui = tool:gui\n',
    [`${site}/${INFO}/RECORD`]: `${record.join('\n')}\n`,
  };
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(dirname(join(root(), path)), { recursive: true });
    writeFileSync(join(root(), path), content, { mode: path.startsWith('bin/') ? 0o755 : 0o644 });
  }
  const tree = await splitEnvironment({
    environment: { root: root(), minor: '3.14' },
    sitePackages: join(folder, 'slot/site-packages'),
    beside: join(folder, 'slot'),
    recordPrefix: '../',
    hasScripts,
    target: { os: 'linux', arch: 'amd64', libc: 'gnu' },
  });
  return {
    tree,
    record: readFileSync(join(folder, 'slot/site-packages', INFO, 'RECORD'), 'utf8')
      .trim()
      .split('\n'),
  };
}

it.each([
  ['the absolute path of the interpreter', () => `#!${root()}/bin/python\n`],
  ['three lines for the shell', () => `#!/bin/sh\n'''exec' '${root()}/bin/python' "$0" "$@"\n' '''\n`],
])('a plain script that begins with %s gets a header for any environment', async (_, header) => {
  const body = '# -*- coding: utf-8 -*-\nimport tool\n';
  const { tree, record } = await split({ 'bin/plain': `${header()}${body}` }, false);
  const script = readFileSync(join(folder, 'slot/bin/plain'));
  expect(script.toString()).toBe(`#!/bin/sh\n'''exec' "\${0%/*/*}/bin/python" "$0" "$@"\n' '''\n${body}`);
  expect(statSync(join(folder, 'slot/bin/plain')).mode & 0o777).toBe(0o755);
  expect(tree.besideFiles).toEqual(['bin/plain']);
  const digest = createHash('sha256').update(script).digest('base64url');
  expect(record).toEqual([`../bin/plain,sha256=${digest},${script.length}`]);
});

it('programs and scripts of other languages stay as they are', async () => {
  const files = { 'bin/elf': '\u007fELF', 'bin/shell': '#!/bin/sh\necho\n', 'share/a b/x': 'x' };
  const { tree, record } = await split(files, false);
  for (const [path, content] of Object.entries(files)) {
    expect(readFileSync(join(folder, 'slot', path), 'utf8')).toBe(content);
  }
  expect(tree.besideFiles).toEqual(Object.keys(files).sort());
  expect(record).toEqual(Object.keys(files).map((path) => `../${path},sha256=old,1`));
});

it('console and gui scripts are made anew, and recorded only where they will lie below the same root', async () => {
  const files = { 'bin/tool': '#!x', 'bin/tool-gui': '#!x' };
  const application = await split(files, true);
  expect([...application.tree.scripts.keys()]).toEqual(['tool', 'tool-gui']);
  expect(application.tree.besideFiles).toEqual([]);
  expect(application.record).toEqual(['../bin/tool,,', '../bin/tool-gui,,']);
});

it('uv’s notes about this machine are neither kept nor recorded', async () => {
  const info = `lib/python3.14/site-packages/${INFO}`;
  const { record } = await split({ [`${info}/direct_url.json`]: '{}', [`${info}/INSTALLER`]: 'uv' }, false);
  expect(record).toEqual([`${INFO}/INSTALLER,sha256=old,1`]);
});
