// What `.pth` files ask of the start of Python, and how each line is judged (python-environments.md 4).

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readPathFiles, reasonForSite } from '../../dist/python/path-lines.js';

const DISTUTILS =
  "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; enabled and __import__('_distutils_hack').add_shim(); ";
const NAMESPACE = (names: string): string =>
  `import sys, types, os;has_mfs = sys.version_info > (3, 5);p = os.path.join(sys._getframe(1).f_locals['sitedir'], *(${names}));importlib = has_mfs and __import__('importlib.util');has_mfs and __import__('importlib.machinery');m = has_mfs and sys.modules.setdefault('zope', importlib.util.module_from_spec(importlib.machinery.PathFinder.find_spec('zope', [os.path.dirname(p)])));m = m or sys.modules.setdefault('zope', types.ModuleType('zope'));mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)`;
const COVERAGE = `import sys; exec('import os\\n\\nif os.getenv("COVERAGE_PROCESS_START") or os.getenv("COVERAGE_PROCESS_CONFIG"):\\n try:\\n  import coverage\\n except:\\n  pass\\n else:\\n  coverage.process_startup(slug="pth")')`;

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'flavor-pth-'));
});
afterEach(() => rmSync(tree, { recursive: true }));

function write(file: string, text = ''): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  writeFileSync(join(tree, file), text);
}

async function kinds(): Promise<string[]> {
  return (await readPathFiles(tree)).lines.map(({ file, kind }) => `${file}: ${kind}`);
}

it('folders of the tree are kept in the order of the files, and lines that add nothing are not', async () => {
  write('win32/api.py');
  write('lib/x.py');
  write('b.pth', '# a comment\n\nwin32\n./lib/\nnot-there\n.\n');
  write('.hidden.pth', 'lib\n');
  write('a.pth', '\uFEFFlib\r\n');
  const { lines, files } = await readPathFiles(tree);
  expect(lines.map((line) => (line.kind === 'path' ? line.path : line.kind))).toEqual(['lib', 'win32', 'lib']);
  expect(files).toEqual(['a.pth', 'b.pth']);
});

it('setuptools’ line is known by its words, with what it does where the variable is not set', async () => {
  write('distutils-precedence.pth', DISTUTILS);
  write('old.pth', DISTUTILS.replace("'local') ==", "'stdlib') =="));
  const { lines } = await readPathFiles(tree);
  expect(lines.map((line) => (line.kind === 'distutils' ? line.unless : line.kind))).toEqual(['local', 'stdlib']);
});

it('a namespace line says nothing new, unless the folder has an __init__', async () => {
  write('zope.event-5.0-py3.11-nspkg.pth', NAMESPACE("'zope',"));
  write('zope/event/__init__.py');
  expect(await kinds()).toEqual(['zope.event-5.0-py3.11-nspkg.pth: inert']);
  write('zope/__init__.py');
  expect(await kinds()).toEqual(['zope.event-5.0-py3.11-nspkg.pth: code']);
});

it('lines of coverage and pytest-cov wait for variables', async () => {
  write('a1_coverage.pth', COVERAGE);
  write(
    'pytest-cov.pth',
    "import os, sys;exec('if \\'COV_CORE_SOURCE\\' in os.environ: from pytest_cov.embed import init')",
  );
  const path = await readPathFiles(tree);
  expect(path.lines.map((line) => (line.kind === 'variables' ? line.variables.join() : line.kind))).toEqual([
    'COVERAGE_PROCESS_START,COVERAGE_PROCESS_CONFIG',
    'COV_CORE_SOURCE',
  ]);
  expect(reasonForSite([path])).toBeUndefined();
});

it('any other line that runs is code, whatever its file is called', async () => {
  const files = [
    ['pip_system_certs.pth', 'import os; os.environ'],
    ['distutils-precedence.pth', `${DISTUTILS}import evil`],
    ['x-nspkg.pth', `${NAMESPACE("'zope',")};import evil`],
    ['coverage.pth', 'import sys; exec("import coverage; coverage.process_startup()")'],
    ['tab.pth', 'import\tos'],
  ] as const;
  for (const [file, text] of files) write(file, text);
  expect(await kinds()).toEqual(files.map(([file]) => `${file}: code`).sort());
  expect(reasonForSite([await readPathFiles(tree)])).toBe('coverage.pth runs code at each start');
});

it('a sitecustomize or usercustomize is named, in each of its forms', async () => {
  write('sitecustomized.py');
  expect(reasonForSite([await readPathFiles(tree)])).toBeUndefined();
  write('usercustomize.cpython-314-x86_64-linux-gnu.so');
  write('sitecustomize/__init__.py');
  const path = await readPathFiles(tree);
  expect(path.customizers).toEqual(['sitecustomize', 'usercustomize.cpython-314-x86_64-linux-gnu.so']);
  expect(reasonForSite([path])).toBe('sitecustomize runs at each start');
});

it.each([
  ['proj.pth', '/home/somebody/proj/src'],
  ['proj.pth', '../../proj'],
  ['proj.pth', 'C:\\proj'],
  ['__editable__.proj-1.0.pth', 'import __editable___proj_1_0_finder; __editable___proj_1_0_finder.install()'],
])('a folder outside the package fails by name: %s with %s', async (file, line) => {
  write(file, `${line}\n`);
  await expect(readPathFiles(tree)).rejects.toMatchObject({
    code: 'ERR_FLAVOR_DEPENDENCY',
    message: `${file} adds a folder outside the package: ${JSON.stringify(line)}`,
    hints: ['editable installs cannot be packed; depend on the project by version or path instead'],
  });
});
