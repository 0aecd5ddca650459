// What the fetched inputs promise to demo and tests.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheDirectory, place } from './cache.mjs';
import { offlineEnvironment } from './environment.mjs';
import { ORACLE_VERSIONS, oracle, oracleAbsence } from './oracle.mjs';
import { end, member } from './ustar.mjs';

const scratch = mkdtempSync(path.join(tmpdir(), 'flavor-fetch-spec-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const pinsOf = (name) => JSON.parse(readFileSync(path.join(import.meta.dirname, name), 'utf8'));
const pins = pinsOf('wheels.json');
const oraclePins = pinsOf('oracle.json');

describe('the archives of the runtime mirror', () => {
  it('are read back by another tar with names, modes, links and content', () => {
    const long = `${'folder/'.repeat(15)}file`;
    const archive = Buffer.concat([
      member({ name: 'python', type: 'directory', mode: 0o755 }),
      member({ name: 'python/run', type: 'file', mode: 0o755, content: Buffer.from('#!/bin/sh\n') }),
      member({ name: 'python/link', type: 'symlink', mode: 0o777, target: 'run' }),
      member({ name: long, type: 'file', mode: 0o644, content: Buffer.alloc(512, 'x') }),
      end(),
    ]);
    const file = path.join(scratch, 'archive.tar');
    writeFileSync(file, archive);
    const script = `
import json, sys, tarfile
print(json.dumps([[m.name, m.type.decode(), m.mode, m.size, m.linkname, m.uid, m.mtime] for m in tarfile.open(sys.argv[1])]))`;
    expect(JSON.parse(execFileSync('python3', ['-c', script, file], { encoding: 'utf8' }))).toEqual([
      ['python', '5', 0o755, 0, '', 0, 0],
      ['python/run', '0', 0o755, 10, '', 0, 0],
      ['python/link', '2', 0o777, 0, 'run', 0, 0],
      [long, '0', 0o644, 512, '', 0, 0],
    ]);
  });

  it('refuse a name that does not fit instead of cutting it', () => {
    expect(() => member({ name: 'n'.repeat(101), type: 'file', mode: 0o644 })).toThrow('too long');
  });

  it('are installed by `uv python install` without a network', async () => {
    const env = { ...process.env, ...(await offlineEnvironment()) };
    env.UV_PYTHON_INSTALL_DIR = path.join(scratch, 'pythons');
    env.UV_PYTHON_INSTALL_BIN = '0';
    execFileSync(env.FLAVOR_UV, ['python', 'install', '--quiet', '3.14', '3.11'], { env });
    for (const version of ['3.14', '3.11']) {
      const find = ['python', 'find', '--python-preference', 'only-managed', version];
      const python = execFileSync(env.FLAVOR_UV, find, { env, encoding: 'utf8' }).trim();
      const script = 'import ssl, sqlite3, ctypes, lzma, ensurepip, sys; print(*sys.version_info[:2], sep=".")';
      expect(execFileSync(python, ['-c', script], { env: {}, encoding: 'utf8' }).trim()).toBe(version);
    }
  });
});

describe('the pins', () => {
  it('name no package index', () => {
    const keys = ['project', 'version', 'filename', 'sha256'];
    for (const pin of pins) expect(Object.keys(pin)).toEqual(keys);
    for (const pin of oraclePins) expect(Object.keys(pin)).toEqual([...keys, 'oracles']);
  });

  it('hold two versions of one small distribution for upgrades', () => {
    const versions = pins.filter(({ project }) => project === 'iniconfig').map(({ version }) => version);
    expect(versions).toEqual(['2.1.0', '2.0.0']);
  });
});

const absence = oracleAbsence();
describe.skipIf(absence)(`the original${absence ? ` (skipped: ${absence})` : ''}`, () => {
  it.each(ORACLE_VERSIONS)('is installed as %s, with exactly what is pinned for it', (version) => {
    const script = `
import importlib.metadata, json, re
found = [(re.sub("[-_.]+", "-", one.metadata["Name"]).lower(), one.version) for one in importlib.metadata.distributions()]
print(json.dumps(sorted(found)))`;
    const { python } = oracle(version);
    const found = JSON.parse(execFileSync(python, ['-I', '-c', script], { env: {}, encoding: 'utf8' }));
    const wanted = oraclePins.filter(({ oracles }) => oracles.split(' ').includes(version));
    expect(found).toEqual(wanted.map((pin) => [pin.project, pin.version]).sort((a, b) => (a[0] < b[0] ? -1 : 1)));
    expect(wanted.find(({ project }) => project === 'flavorpack').version).toBe(version);
  });

  it.each(ORACLE_VERSIONS)('has builders and launchers for this platform in %s', (version) => {
    const { rustBuilder, goBuilder, rustLauncher, goLauncher } = oracle(version);
    for (const program of [rustBuilder, goBuilder, rustLauncher, goLauncher]) {
      expect(statSync(program).mode & 0o111, program).not.toBe(0);
    }
  });
});

describe('a file of the cache', () => {
  it('is whole or absent: a failed write leaves nothing', async () => {
    const file = path.join(scratch, 'whole');
    const failing = place(file, async (temporary) => {
      writeFileSync(temporary, 'half');
      throw new Error('cut off');
    });
    await expect(failing).rejects.toThrow('cut off');
    expect(() => readFileSync(file)).toThrow('ENOENT');
  });

  it('lies where FLAVOR_TEST_CACHE says, else in the XDG cache', () => {
    expect(cacheDirectory({ FLAVOR_TEST_CACHE: '/a' })).toBe(path.resolve('/a'));
    expect(cacheDirectory({ XDG_CACHE_HOME: '/x' })).toBe(path.join('/x', 'flavorpack-native-test'));
    expect(cacheDirectory({ XDG_CACHE_HOME: 'relative' })).not.toContain('relative');
  });
});
