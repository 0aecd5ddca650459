// What keeps the ordinary start, each by its name, and what `start = "fast"` says then. How programs start is in
// conformance/python-start.spec.ts.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadManifest } from '../../dist/manifest/load.js';
import { hostTarget } from '../../dist/platform.js';
import type { BuildSession } from '../../dist/python/session.js';
import { prepareStart, type StartRequest } from '../../dist/python/start.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flavor-start-'));
  for (const each of ['app', 'deps', 'runtime/lib/python3.14']) mkdirSync(join(folder, each), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Decides for a project with some lines of `[tool.flavor]`; nothing here gets as far as to run a program. */
async function decided(lines = '') {
  const project = '[project]\nname = "app"\nversion = "1.0"\n[tool.flavor]\nentry_point = "app:main"\n';
  writeFileSync(join(folder, 'pyproject.toml'), `${project}${lines}\n`);
  const session = { manifest: await loadManifest(folder), target: hostTarget() } as BuildSession;
  return prepareStart(session, {
    runtime: { root: join(folder, 'runtime'), minor: '3.14' },
    application: { sitePackages: join(folder, 'app') },
    dependencies: { sitePackages: join(folder, 'deps') },
  } as StartRequest);
}

describe.each([
  ['a sitecustomize of a dependency', 'deps/sitecustomize.py', '', 'sitecustomize.py runs at each start'],
  ['a line of code', 'deps/coded.pth', '', 'coded.pth runs code at each start'],
  [
    'a sitecustomize of the interpreter',
    'runtime/lib/python3.14/sitecustomize.py',
    '',
    'sitecustomize.py of the interpreter runs at each start',
  ],
  [
    'a variable that may hold folders',
    'app/nothing',
    '[tool.flavor.execution.runtime.env]\nset = { PYTHONPATH = "/x" }',
    'the program may get PYTHONPATH',
  ],
])('%s', (_, file, lines, reason) => {
  beforeEach(() => writeFileSync(join(folder, file), 'import sys; sys.x = 1\n'));

  it('keeps the ordinary start', async () => {
    expect(await decided(lines)).toMatchObject({ mode: 'site', reason });
  });

  it('is refused by name where the manifest wants the fast start', async () => {
    await expect(decided(`python.start = "fast"\n${lines}`)).rejects.toMatchObject({
      code: 'ERR_FLAVOR_DEPENDENCY',
      message: `the fast start is not possible: ${reason}`,
    });
  });
});
