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

  test('loads and runs after stripping what was stripped in the middle: the part behind moves by whole pages', async () => {
    const patched = join(copy, 'patched');
    const mapping = appended(readFileSync(join(original, 'program')));
    writeFileSync(patched, mapping, { mode: 0o755 });
    const env = { LD_LIBRARY_PATH: join(original, 'lib') };
    const run = () => execFileSync(patched, { env, encoding: 'utf8' });
    const before = run();
    const saved = await stripElf(patched);
    expect(saved).toBeGreaterThanOrEqual(4096);
    expect(saved).toBe(mapping.length - statSync(patched).size);
    expect(images(readFileSync(patched))).toEqual(images(mapping));
    expect(run()).toBe(before);
    expect(readFileSync(patched, 'latin1')).not.toContain('.debug_info');
    expect(await stripElf(patched)).toBe(0);
  });

  test.each([
    ['data behind its last section', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('payload')])],
    ['a section that no linker writes', (bytes: Buffer) => renamed(bytes, '.debug_line\0', '.signatures\0')],
  ])('is left alone with %s', async (_, change) => {
    const file = join(copy, 'special');
    const content = change(readFileSync(join(original, 'program')));
    writeFileSync(file, content);
    expect(await stripElf(file)).toBe(0);
    expect(readFileSync(file)).toEqual(content);
  });

  test('is left alone where a digest of it lies beside it', async () => {
    const file = join(copy, 'lib', 'libcrypt.so');
    copyFileSync(join(original, 'lib/libdeep.so'), file);
    writeFileSync(join(copy, 'lib', '.libcrypt.so.hmac'), '00');
    expect(await stripElf(file)).toBe(0);
  });
});

const PAGE = 4096;

/** What patchelf makes: a segment of the file's end, in the place of a header that no loader needs. */
function appended(bytes: Buffer): Buffer {
  const content = Buffer.concat([bytes, Buffer.alloc(PAGE * 2 - (bytes.length % PAGE)), Buffer.from('appended')]);
  const offset = content.length - 'appended'.length;
  const headers = programs(content);
  const spare = headers.find(({ type }) => type === 4);
  if (spare === undefined) throw new Error('no notes');
  const address = Math.max(...headers.map((header) => header.address + header.memory));
  const start = Math.ceil(address / PAGE) * PAGE + (offset % PAGE);
  content.writeUInt32LE(1, spare.at);
  content.writeUInt32LE(4, spare.at + 4);
  for (const [index, value] of [offset, start, start, 8, 8, PAGE].entries()) {
    content.writeBigUInt64LE(BigInt(value), spare.at + 8 + index * 8);
  }
  return content;
}

function programs(bytes: Buffer) {
  const [table, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * 56;
    const number = (offset: number) => Number(bytes.readBigUInt64LE(at + offset));
    return {
      ...{
        at,
        type: bytes.readUInt32LE(at),
        flags: bytes.readUInt32LE(at + 4),
        offset: number(8),
        address: number(16),
      },
      ...{ size: number(32), memory: number(40), alignment: number(48) },
    };
  });
}

/** What a loader makes of a file: content by address. Where it lies in the file is not looked at, so neither are headers. */
function images(bytes: Buffer) {
  const segments = programs(bytes).filter(({ type }) => type !== 6);
  return segments.map(({ address, alignment, flags, memory, offset, size, type }) => {
    const content = Buffer.from(bytes.subarray(offset, offset + size));
    if (offset === 0) content.fill(0, 0, Math.min(content.length, 64 + 56 * 16));
    return { type, flags, address, memory, alignment, step: offset % PAGE, content: content.toString('latin1') };
  });
}

function renamed(bytes: Buffer, from: string, to: string): Buffer {
  const at = bytes.indexOf(from, 0, 'latin1');
  expect([at > 0, from.length]).toEqual([true, to.length]);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(to, 'latin1'), bytes.subarray(at + to.length)]);
}

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
