// Interpreters of this machine: a copy that uses nothing of its original, or a refusal that says why.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binaryNeeds } from '../../dist/python/binary-floor.js';
import { readElf } from '../../dist/python/elf.js';
import { type LocalInterpreter, localInterpreters } from '../../dist/python/local-interpreters.js';
import { stageRuntime } from '../../dist/python/runtime.js';
import type { BuildSession, InstalledRuntime } from '../../dist/python/session.js';
import { Bench } from './session.js';

/** What `flavor` itself would copy; on machines without such an interpreter the tests are skipped. */
const found = await (async (): Promise<readonly LocalInterpreter[]> => {
  if (process.platform !== 'linux') return [];
  using bench = new Bench();
  return (await localInterpreters(bench.session({ environment: withoutUvs() }), undefined)).usable;
})();
/** Of each kind one: a shared libpython with an absolute search path is the kind that deceives. */
const shared = await firstShared();
const local = shared ?? found[0];
const absence = local === undefined ? ' (skipped: this machine has no interpreter that can be copied)' : '';

/** Interpreters that uv installed stand on their own feet before they are copied. */
function withoutUvs(): NodeJS.ProcessEnv {
  return { ...process.env, UV_PYTHON_INSTALL_DIR: '/nonexistent' };
}

async function firstShared(): Promise<LocalInterpreter | undefined> {
  for (const each of found) {
    const elf = await readElf(each.executable);
    const usesLibrary = elf?.needed.some((name) => name.startsWith('libpython')) ?? false;
    if (usesLibrary && elf?.searchPath?.text.startsWith('/')) return each;
  }
  return undefined;
}

function run(program: string, code: string): string {
  return execFileSync(program, ['-I', '-S', '-c', code], { env: {}, encoding: 'utf8' }).trim();
}

describe.skipIf(local === undefined)(`[slow] a copy${absence}`, () => {
  const bench = new Bench();
  let original: LocalInterpreter;
  let session: BuildSession;
  let runtime: InstalledRuntime;
  beforeAll(async () => {
    if (local === undefined) return;
    original = local;
    session = bench.session({ python: local.version, runtime: 'local', environment: withoutUvs() });
    runtime = await stageRuntime(session, undefined);
  });
  afterAll(() => bench[Symbol.dispose]());

  test('is recorded as one that nobody vouches for, and said on the terminal', () => {
    const { version } = original;
    expect(runtime).toMatchObject({ source: 'local', portable: false, version, archiveSha256: undefined });
    expect(bench.warnings).toHaveLength(1);
    expect(bench.warnings[0]).toContain(`a copy of ${original.executable} (Python ${version})`);
  });

  test('maps no library of its original, nor one of the machine besides the C library', () => {
    const code = 'import ssl, ctypes, sqlite3, hashlib, zlib; print(open("/proc/self/maps").read())';
    const lines = run(runtime.interpreter, code).split('\n');
    const mapped = [...new Set(lines.map((line) => line.split(/\s+/)[5] ?? ''))].filter((path) =>
      /\.so|\/bin\//.test(path),
    );
    expect(mapped.filter((path) => path.startsWith(`${original.prefix}/`))).toEqual([]);
    expect(mapped.some((path) => path.startsWith(`${runtime.root}/lib/lib`))).toBe(true);
    for (const path of mapped.filter((each) => !each.startsWith(`${runtime.root}/`))) {
      expect(basename(path)).toMatch(/^(ld-linux|libc|libm|libdl|libpthread|librt|libutil|libgcc_s)[-.]/);
    }
  });

  test('has nothing of the original’s site-packages, and its place in no text that Python reads', () => {
    const library = join(runtime.root, 'lib', `python${runtime.minor}`);
    expect(existsSync(join(library, 'site-packages', 'pip'))).toBe(false);
    const data = readdirSync(library).filter((name) => name.startsWith('_sysconfigdata'));
    expect(data).toHaveLength(1);
    for (const name of original.prefix.startsWith('/usr') ? [] : data) {
      expect(readFileSync(join(library, name), 'utf8')).not.toContain(`${original.prefix}/`);
    }
  });

  test('has the floor of the newest symbol that any of its files asks for', async () => {
    const { floor } = await binaryNeeds(session.target, [runtime.root]);
    const wanted = ['(', '-name', '*.so*', '-o', '-path', '*/bin/*', ')'];
    const files = execFileSync('find', [runtime.root, '-type', 'f', ...wanted], { encoding: 'utf8' });
    // The same numbers by another way: the strings of the files.
    const versions = files
      .trim()
      .split('\n')
      .flatMap((file) => readFileSync(file, 'latin1').match(/\0GLIBC_2\.\d+(?=\0)/g) ?? [])
      .map((text) => Number(text.split('.')[1]));
    expect(floor).toEqual({ glibc: `2.${Math.max(...versions)}` });
  });

  test('still runs from another folder, with spaces', () => {
    const moved = join(bench.folder, 'another place');
    renameSync(runtime.root, moved);
    const program = join(moved, 'bin', basename(runtime.interpreter));
    expect(run(program, 'import ssl, sys; print(sys.base_prefix)')).toBe(moved);
  });
});

test('an interpreter that starts a file of its own in every program is refused by name', async () => {
  using bench = new Bench();
  const prefix = join(bench.folder, 'opt');
  const library = join(prefix, 'lib', 'python3.12');
  mkdirSync(library, { recursive: true });
  writeFileSync(join(library, 'sitecustomize.py'), '');
  const facts = { version: '3.12.1', prefix, executable: join(prefix, 'bin/python3.12'), library, platlibdir: 'lib' };
  const ended = await search(bench, facts);
  expect(ended.usable).toEqual([]);
  expect(ended.refused).toEqual([
    `3.12.1 of ${facts.executable} runs ${join(library, 'sitecustomize.py')} in every program`,
  ]);
});

test('an interpreter whose library is elsewhere than under lib is refused by name', async () => {
  using bench = new Bench();
  const prefix = join(bench.folder, 'opt');
  const library = join(prefix, 'lib64', 'python3.12');
  mkdirSync(library, { recursive: true });
  const facts = { version: '3.12.1', prefix, executable: join(prefix, 'bin/python3.12'), library, platlibdir: 'lib64' };
  expect((await search(bench, facts)).refused).toEqual([
    `3.12.1 of ${facts.executable} keeps its library in ${library}, where no relocated interpreter looks`,
  ]);
});

/** Looks for interpreters with a uv that knows one, which answers with the given facts. */
async function search(bench: Bench, facts: { readonly executable: string; readonly version: string }) {
  const program = (path: string, lines: readonly unknown[]): string => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `#!/bin/sh\ncat <<'END'\n${JSON.stringify(lines[0])}\nEND\n`, { mode: 0o755 });
    return path;
  };
  program(facts.executable, [facts]);
  const { executable: path, version } = facts;
  const uv = program(join(bench.folder, 'uv'), [[{ path, version, variant: 'default', implementation: 'cpython' }]]);
  return localInterpreters({ ...bench.session({}), uv: { path: uv, version: '' } }, undefined);
}
