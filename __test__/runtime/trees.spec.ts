// Real standalone interpreters of every platform: cleaned, trimmed, and what they ask of a machine.

import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Target } from '../../dist/platform.js';
import { binaryNeeds } from '../../dist/python/binary-floor.js';
import { stageRuntime } from '../../dist/python/runtime.js';
import { normaliseRuntime } from '../../dist/python/runtime-tree.js';
import { nameTkinter } from '../../dist/python/tkinter-use.js';
import { trimRuntime } from '../../dist/python/trim.js';
import { ensureForeignMirror, foreignMetadataFile } from '../fetch/mirror.mjs';
import { Bench, DEFAULT_TRIM } from './session.js';

/** Nothing but a reason is kept of a failure: the trees come from a registry, which may be out of reach. */
const absence = await ensureForeignMirror().then(
  () => '',
  (error: unknown) => ` (skipped: ${error instanceof Error ? error.message : String(error)})`,
);

/** Bytes of all files below a folder. */
function sizeOf(root: string): number {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .reduce((sum, entry) => sum + lstatSync(join(entry.parentPath, entry.name)).size, 0);
}

const NOTHING = { distributions: [], libraries: new Set<string>(), namesTkinter: true };

const FOREIGN: readonly { key: string; target: Target; floor: unknown; library: string; program: string }[] = [
  {
    key: 'cpython-3.14.6-linux-aarch64-gnu',
    target: { os: 'linux', arch: 'arm64', libc: 'gnu' },
    floor: { glibc: '2.17' },
    library: 'lib/python3.14',
    program: 'bin/python3.14',
  },
  {
    key: 'cpython-3.14.6-macos-aarch64-none',
    target: { os: 'darwin', arch: 'arm64' },
    floor: { macos: '11.0' },
    library: 'lib/python3.14',
    program: 'bin/python3.14',
  },
  {
    key: 'cpython-3.14.6-macos-x86_64-none',
    target: { os: 'darwin', arch: 'amd64' },
    floor: { macos: '10.15' },
    library: 'lib/python3.14',
    program: 'bin/python3.14',
  },
  {
    key: 'cpython-3.14.6-windows-x86_64-none',
    target: { os: 'windows', arch: 'amd64' },
    floor: {},
    library: 'Lib',
    program: 'python.exe',
  },
];

describe.skipIf(absence !== '')(`[slow] the tree of another platform${absence}`, () => {
  test.each(FOREIGN)('$key is cleaned and trimmed, and says its floor', async (each) => {
    using bench = new Bench();
    const session = bench.session({ target: each.target });
    const folder = join(session.scratch, 'python');
    execFileSync(process.env['FLAVOR_UV'] ?? 'uv', ['python', 'install', '--quiet', each.key], {
      env: {
        ...process.env,
        UV_PYTHON_DOWNLOADS_JSON_URL: foreignMetadataFile(),
        UV_PYTHON_INSTALL_DIR: folder,
        UV_PYTHON_INSTALL_BIN: '0',
      },
    });
    const root = join(folder, each.key);
    const runtime = { root, minor: '3.14', interpreter: join(root, each.program) };
    await normaliseRuntime(session, runtime);
    const before = sizeOf(root);
    const saved = await trimRuntime({ target: each.target, runtime, settings: DEFAULT_TRIM, ...NOTHING });
    expect(Object.values(saved).reduce((sum, bytes) => sum + bytes, 0)).toBe(before - sizeOf(root));
    const gone = ['BUILD', `${each.library}/EXTERNALLY-MANAGED`, `${each.library}/test`, 'include'];
    for (const path of gone) expect(existsSync(join(root, path)), path).toBe(false);
    for (const path of [`${each.library}/os.py`, `${each.library}/ensurepip`, each.program]) {
      expect(existsSync(join(root, path)), path).toBe(true);
    }
    // uv leaves a dangling absolute link in Windows trees.
    const entries = readdirSync(root, { recursive: true, withFileTypes: true });
    const dangling = entries.filter(
      (entry) => entry.isSymbolicLink() && !existsSync(join(entry.parentPath, entry.name)),
    );
    expect(dangling.map(({ name }) => name)).toEqual([]);
    expect((await binaryNeeds(each.target, [root])).floor).toEqual(each.floor);
  });
});

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('[slow] the runtime of this platform', () => {
  const bench = new Bench();
  afterAll(() => bench[Symbol.dispose]());

  test.each(['3.11', '3.14'])('%s runs after the default trim, which saves what it says', async (python) => {
    using own = new Bench();
    const session = own.session({ python });
    const runtime = await stageRuntime(session, undefined);
    expect(runtime.archiveSha256).toMatch(/^[0-9a-f]{64}$/);
    await normaliseRuntime(session, runtime);
    const before = sizeOf(runtime.root);
    const { target } = session;
    const saved = await trimRuntime({ target, runtime, settings: DEFAULT_TRIM, ...NOTHING });
    expect(Object.values(saved).reduce((sum, bytes) => sum + bytes, 0)).toBe(before - sizeOf(runtime.root));
    // 3.11 has its core in the shared library, which is not stripped; 3.14 in the program.
    expect(Object.keys(saved)).toContain(python === '3.11' ? 'symbols' : 'libpython');
    expect(Object.keys(saved)).not.toContain(python === '3.11' ? 'libpython' : 'tkinter');
    const code = `
      import bz2, ctypes, curses, hashlib, lzma, readline, sqlite3, ssl, tkinter, uuid, sysconfig, zoneinfo
      print(sysconfig.get_config_var("prefix") is not None, ssl.OPENSSL_VERSION.split()[0])`;
    const text = code.replaceAll(/^ {6}/gm, '').trim();
    expect(execFileSync(runtime.interpreter, ['-I', '-S', '-c', text], { env: {}, encoding: 'utf8' })).toBe(
      'True OpenSSL\n',
    );
    expect((await binaryNeeds(target, [runtime.root])).floor).toEqual({ glibc: '2.17' });
  });

  test('two installations in two folders are equal once they are cleaned', async () => {
    const digests = await Promise.all(
      ['one', 'another folder'].map(async () => {
        const own = new Bench();
        const session = own.session({ python: '3.14' });
        const runtime = await stageRuntime(session, undefined);
        await normaliseRuntime(session, runtime);
        const list = execFileSync('sh', ['-c', 'find . -type f -exec sha256sum {} + | sort'], {
          cwd: runtime.root,
          encoding: 'utf8',
          maxBuffer: 1 << 26,
        });
        own[Symbol.dispose]();
        return list;
      }),
    );
    expect(digests[0]).toBe(digests[1]);
    expect(digests[0]).toContain('os.py');
  });

  test('a link that leads out of a runtime is refused', async () => {
    const session = bench.session({ python: '3.14' });
    const runtime = await stageRuntime(session, undefined);
    symlinkSync('/bin/sh', join(runtime.root, 'bin', 'shell'));
    await expect(normaliseRuntime(session, runtime)).rejects.toMatchObject({
      code: 'ERR_FLAVOR_RUNTIME',
      message: 'the runtime holds a link that leads out of it: bin/shell to /bin/sh',
    });
  });
});

describe('the trim profile', () => {
  const FILES = [
    'bin/python3.12',
    'include/python3.12/Python.h',
    'lib/libpython3.12.so.1.0',
    'lib/libtcl8.6.so',
    'lib/python3.12/asyncio/__init__.py',
    'lib/python3.12/config-3.12-x86_64-linux-gnu/Makefile',
    'lib/python3.12/config-3.12-x86_64-linux-gnu/libpython3.12.a',
    'lib/python3.12/ctypes/test/test_a.py',
    'lib/python3.12/ensurepip/__init__.py',
    'lib/python3.12/idlelib/idle_test/test_b.py',
    'lib/python3.12/lib-dynload/_testcapi.so',
    'lib/python3.12/pydoc_data/topics.py',
    'lib/python3.12/test/support/__init__.py',
    'lib/python3.12/tkinter/__init__.py',
    'lib/python3.12/unittest/case.py',
  ];
  const bench = new Bench();
  const target: Target = { os: 'linux', arch: 'amd64', libc: 'gnu' };
  let number = 0;
  afterAll(() => bench[Symbol.dispose]());

  /** Trims a tree of these files; gives what stays. */
  async function kept(
    settings: Partial<typeof DEFAULT_TRIM>,
    distributions: readonly string[] = [],
    namesTkinter = true,
  ) {
    const root = join(bench.folder, String(number++));
    for (const file of FILES) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), 'content');
    }
    const runtime = { root, minor: '3.12', interpreter: join(root, 'bin/python3.12') };
    await trimRuntime({
      target,
      runtime,
      settings: { ...DEFAULT_TRIM, ...settings },
      distributions,
      libraries: new Set(),
      namesTkinter,
    });
    return FILES.filter((file) => existsSync(join(root, file)));
  }
  const without = (...patterns: RegExp[]) => FILES.filter((file) => !patterns.some((pattern) => pattern.test(file)));
  const DEFAULT = [/include/, /config-/, /\/test\//, /idlelib/, /_testcapi/];

  test('takes out what only tests Python or builds against it', async () => {
    expect(await kept({})).toEqual(without(...DEFAULT));
  });

  test('leaves everything where everything is switched off', async () => {
    const off = { tests: false, idlelib: false, headers: false, static: false, libpython: false, symbols: false };
    expect(await kept(off)).toEqual(FILES);
  });

  test('leaves what extension modules are built against when a distribution builds some', async () => {
    for (const name of ['torch', 'cffi', 'cython']) {
      expect(await kept({}, ['click', name])).toEqual(without(/\.a$/, /\/test\//, /idlelib/, /_testcapi/));
    }
  });

  test('takes out on request what programs may need', async () => {
    expect(await kept({ tkinter: true, ensurepip: true, pydocData: true })).toEqual(
      without(...DEFAULT, /tkinter|libtcl/, /ensurepip/, /pydoc_data/),
    );
  });

  test('takes out tkinter where nothing names it, unless it is to stay', async () => {
    expect(await kept({}, [], false)).toEqual(without(...DEFAULT, /tkinter|libtcl/));
    expect(await kept({ tkinter: false }, [], false)).toEqual(without(...DEFAULT));
  });

  test.each([
    ['app/window.py', 'def show():\n    from tkinter import ttk\n'],
    ['app/native.cpython-314.so', '\x7fELF\0\0_tkinter\0'],
    ['bin/draw', '#!/usr/bin/env python\nimport turtle\n'],
    ['module.pyw', 'import_module("tkinter.messagebox")\n'],
  ])('knows tkinter by what %s says', async (file, text) => {
    const root = join(bench.folder, String(number++));
    for (const [path, content] of [
      ['names.py', 'ALIASES = ["turtle", "my_tkinter_like"]\n'],
      ['data.json', '["tkinter"]'],
      ['__pycache__/names.cpython-314.pyc', 'tkinter'],
    ] as const) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    const commands = new Map();
    expect(await nameTkinter([root], { commands })).toBe(false);
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
    expect(await nameTkinter([root], { commands })).toBe(true);
    expect(await nameTkinter([join(root, file)], { commands })).toBe(true);
  });

  test('knows tkinter by what a command runs', async () => {
    const commands = new Map([['try', { argv: ['python', '-m', 'tkinter'], env: {}, cwd: undefined }]]);
    expect(await nameTkinter([], { commands })).toBe(true);
  });

  test('keeps and drops by pattern, and keeping wins', async () => {
    const keep = ['lib/python*/test/support', 'Python.h'];
    expect(await kept({ keep, drop: ['asyncio', '*.h'] })).toEqual(
      FILES.filter((file) => /test\/support|Python\.h/.test(file) || without(...DEFAULT, /asyncio/).includes(file)),
    );
  });
});
