// ELF files: what is read of them, and what is written into them. The yardstick is what the loader does.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readElf } from '../../dist/python/elf.js';
import { searchPathObstacle, writeSearchPath } from '../../dist/python/elf-search-path.js';
import { stripElf } from '../../dist/python/elf-strip.js';
import { Bench } from './session.js';

const hasCompiler = process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0;
const absence = hasCompiler ? '' : ' (skipped: no C compiler for Linux here)';

describe.skipIf(!hasCompiler)(`a program with a library of its own${absence}`, () => {
  const bench = new Bench();
  const original = join(bench.folder, 'a rather long folder');
  const copy = join(bench.folder, 'copy');
  const program = join(copy, 'bin', 'program');

  beforeAll(() => {
    for (const folder of [join(original, 'lib'), join(copy, 'bin'), join(copy, 'lib')]) {
      mkdirSync(folder, { recursive: true });
    }
    const compile = (name: string, source: string, ...args: string[]): void => {
      const file = join(bench.folder, 'source.c');
      writeFileSync(file, source);
      execFileSync('cc', ['-g', '-o', join(original, name), file, ...args]);
    };
    compile('lib/libdeep.so', 'const char *deep(void) { return DEEP; }', '-shared', '-fPIC', '-DDEEP="original"');
    // Needs the other one without saying where it is.
    const top = 'const char *deep(void); const char *top(void) { return deep(); }';
    compile('lib/libtop.so', top, '-shared', '-fPIC', `-L${original}/lib`, '-ldeep');
    const main = '#include <stdio.h>\nconst char *top(void); int main(void) { puts(top()); return 0; }';
    const search = ['-Wl,--enable-new-dtags', `-Wl,-rpath,${original}/lib`, `-Wl,-rpath-link,${original}/lib`];
    compile('program', main, `-L${original}/lib`, '-ltop', ...search);
    copyFileSync(join(original, 'program'), program);
    chmodSync(program, 0o755);
    copyFileSync(join(original, 'lib/libtop.so'), join(copy, 'lib/libtop.so'));
    compile('lib/libdeep2.so', 'const char *deep(void) { return "copied"; }', '-shared', '-fPIC');
    copyFileSync(join(original, 'lib/libdeep2.so'), join(copy, 'lib/libdeep.so'));
    return () => bench[Symbol.dispose]();
  });

  test('is read as the loader reads it', async () => {
    const elf = await readElf(program);
    expect(elf?.needed).toEqual(['libtop.so', 'libc.so.6']);
    expect(elf?.searchPath?.text).toBe(join(original, 'lib'));
    expect(elf?.versions.every((name) => name.startsWith('GLIBC_'))).toBe(true);
  });

  test('uses the copied libraries, also those that only its libraries need, once its search path is written', async () => {
    const elf = await readElf(program, 'with-symbols');
    if (elf === undefined) throw new Error('not an ELF file');
    expect(searchPathObstacle(elf, '$ORIGIN/../lib')).toBeUndefined();
    await writeSearchPath(program, elf, '$ORIGIN/../lib');
    expect((await readElf(program))?.searchPath?.text).toBe('$ORIGIN/../lib');
    // An inherited variable does not come first.
    const env = { LD_LIBRARY_PATH: join(original, 'lib') };
    expect(execFileSync(program, { env, encoding: 'utf8' })).toBe('copied\n');
  });

  test('is refused where the new search path is longer than the old one', async () => {
    const elf = await readElf(program, 'with-symbols');
    if (elf === undefined) throw new Error('not an ELF file');
    expect(searchPathObstacle(elf, '$ORIGIN/../../../lib')).toContain('too short to be overwritten');
  });

  test('is refused where another string lies in the old search path', async () => {
    const elf = await readElf(program, 'with-symbols');
    if (elf?.searchPath === undefined) throw new Error('no search path');
    const shared = { ...elf, stringsInUse: [...elf.stringsInUse, elf.searchPath.stringOffset + 3] };
    expect(searchPathObstacle(shared, '$ORIGIN')).toContain('part of another string');
  });

  test('runs after stripping, with the sections that the loader maps under their names', async () => {
    const before = execFileSync(program, { encoding: 'utf8' });
    const size = statSync(program).size;
    expect(await stripElf(program)).toBe(size - statSync(program).size);
    expect(statSync(program).size).toBeLessThan(size);
    expect(execFileSync(program, { encoding: 'utf8' })).toBe(before);
    const bytes = readFileSync(program, 'latin1');
    expect(bytes).toContain('\0.text\0');
    expect(bytes).not.toContain('.debug_info');
    expect(await stripElf(program)).toBe(0);
  });
});

test('what is no ELF file is none: a text, an empty file, a header and nothing behind it', async () => {
  using bench = new Bench();
  const header = Buffer.alloc(64, 0xff);
  header.write('\x7fELF', 'latin1');
  header[4] = 2;
  header[5] = 1;
  for (const content of ['text', '', header]) {
    const file = join(bench.folder, 'file');
    writeFileSync(file, content);
    expect(await readElf(file)).toBeUndefined();
    expect(await stripElf(file)).toBe(0);
    expect(readFileSync(file)).toEqual(Buffer.from(content));
  }
});
