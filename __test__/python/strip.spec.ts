// What `--strip` takes out of the binaries of distributions, and that RECORD says so.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stripTree } from '../../dist/python/strip.js';

const hasCompiler = process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0;
const absence = hasCompiler ? '' : ' (skipped: no C compiler for Linux here)';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flavor strip '));
});
afterEach(() => rmSync(folder, { recursive: true }));

const site = () => join(folder, 'slot', 'site-packages');
const RECORD = 'tool-1.0.dist-info/RECORD';

/** A slot with one distribution of a module, a library in C and a program in C. */
function install(): void {
  const source = join(folder, 'source.c');
  writeFileSync(source, '#include <stdio.h>\nint main(void) { puts("runs"); return 0; }\n');
  const lines: string[] = [];
  const place = (path: string, make: (file: string) => void): void => {
    const file = join(site(), path);
    mkdirSync(dirname(file), { recursive: true });
    make(file);
    lines.push(lineOf(path));
  };
  place('tool/__init__.py', (file) => writeFileSync(file, 'text = "\\x7fELF"\n'));
  place('tool/native.so', (file) => {
    execFileSync('cc', ['-g', '-shared', '-fPIC', '-o', file, source]);
    // As wheels have it.
    chmodSync(file, 0o555);
  });
  place('../bin/tool', (file) => execFileSync('cc', ['-g', '-o', file, source]));
  place('tool-1.0.dist-info/METADATA', (file) => writeFileSync(file, 'Name: tool\nVersion: 1.0\n'));
  writeFileSync(join(site(), RECORD), [...lines, `${RECORD},,`, ''].join('\n'));
}

function lineOf(path: string): string {
  const content = readFileSync(join(site(), path));
  return `${path},sha256=${createHash('sha256').update(content).digest('base64url')},${content.length}`;
}

function strip(os: 'linux' | 'darwin') {
  const tree = { sitePackages: site(), beside: join(folder, 'slot'), besideFiles: ['bin/tool'] };
  const session = { target: { os, arch: 'amd64', libc: 'gnu' } };
  return stripTree(session as unknown as Parameters<typeof stripTree>[0], tree);
}

describe.skipIf(!hasCompiler)(`a distribution with binaries${absence}`, () => {
  it('loses symbols of libraries and programs, and its RECORD tells the truth', async () => {
    install();
    const paths = ['tool/native.so', '../bin/tool'];
    const before = paths.map((path) => statSync(join(site(), path)));
    const size = (path: string) => statSync(join(site(), path)).size;
    const { bytes, files } = await strip('linux');
    expect(files).toBe(2);
    expect(bytes).toBe(
      before.reduce((sum, status) => sum + status.size, 0) - paths.reduce((sum, path) => sum + size(path), 0),
    );
    expect(bytes).toBeGreaterThan(2000);
    expect(paths.map((path) => statSync(join(site(), path)).mode)).toEqual(before.map(({ mode }) => mode));
    const lines = readFileSync(join(site(), RECORD), 'utf8').trim().split('\n');
    expect(lines.slice(0, -1)).toEqual(lines.slice(0, -1).map((line) => lineOf(line.split(',')[0] ?? '')));
    expect(execFileSync(join(site(), '../bin/tool'), { encoding: 'utf8' })).toBe('runs\n');
    expect(await strip('linux')).toEqual({ files: 0, bytes: 0 });
  });

  it('keeps every byte for a system whose binaries are signed', async () => {
    install();
    const record = readFileSync(join(site(), RECORD), 'utf8');
    expect(await strip('darwin')).toEqual({ files: 0, bytes: 0 });
    expect(lineOf('tool/native.so')).toBe(record.split('\n')[1]);
  });
});
