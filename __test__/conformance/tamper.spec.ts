// p1: nobody without the key can change a byte of a package unnoticed. Asked of whole processes: `flavor verify`,
// `flavor run`, and the package itself. The sweep over more positions runs in-process in crates/flavor-pack.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Machine } from './packaged.js';
import { launcherSize, repair } from './repair.js';

const flavor = fileURLToPath(new URL('../../bin/flavor.mjs', import.meta.url));
const LAUNCHER_POSITIONS = 6;
const OTHER_POSITIONS = 18;
const TRAILER_POSITIONS = 4;
const TRAILER_SIZE = 8200;

/** Middles of equal parts of a range. */
function spread(count: number, from: number, to: number): number[] {
  return Array.from({ length: count }, (_, part) => from + Math.floor(((to - from) * (part + 0.5)) / count));
}

/** A machine that shows whether any code of the package ran. */
class Victim extends Machine {
  readonly original = readFileSync(this.package);
  readonly marker = join(this.root, 'it ran');

  /** Puts an altered file into the package's place. */
  put(bytes: Buffer): void {
    writeFileSync(this.package, bytes, { mode: 0o755 });
  }

  flip(position: number): void {
    const bytes = Buffer.from(this.original);
    bytes[position] = (bytes[position] ?? 0) ^ 0x10;
    repair(bytes);
    this.put(bytes);
  }

  cli(...args: string[]) {
    return this.start([flavor, ...args], { file: process.execPath });
  }
}

describe('p1: a changed byte, with every unkeyed checksum repaired', () => {
  it('the repair alone changes nothing', () => {
    using victim = new Victim();
    const bytes = Buffer.from(victim.original);
    repair(bytes);
    expect(bytes.equals(victim.original)).toBe(true);
  });

  it('makes verify exit 3, wherever it is [slow]', async () => {
    using victim = new Victim();
    const { length } = victim.original;
    const head = launcherSize(victim.original);
    const positions = [
      ...spread(LAUNCHER_POSITIONS, 0, head),
      ...spread(OTHER_POSITIONS, head, length - TRAILER_SIZE),
      ...spread(TRAILER_POSITIONS, length - TRAILER_SIZE, length),
    ];
    for (const position of positions) {
      victim.flip(position);
      const result = await victim.cli('verify', victim.package);
      expect(result.exitCode, `byte ${position}`).toBe(3);
      expect(result.stderr, `byte ${position}`).toMatch(/^flavor: error: .*\[ERR_PSPF_[A-Z_]+\]/m);
    }
  });

  it('at or behind the end of the launcher makes the first start refuse and run nothing [slow]', async () => {
    using victim = new Victim();
    const { length } = victim.original;
    const head = launcherSize(victim.original);
    const positions = [
      head,
      ...spread(OTHER_POSITIONS, head, length - TRAILER_SIZE),
      ...spread(TRAILER_POSITIONS, length - TRAILER_SIZE, length),
    ];
    const script = join(victim.root, 'mark.py');
    writeFileSync(script, `open(${JSON.stringify(victim.marker)}, "w").close()\n`);
    for (const position of positions) {
      victim.flip(position);
      const result = await victim.start(['run', script]);
      expect([102, 103, 107], `byte ${position}`).toContain(result.exitCode);
      expect(result.stderr).toMatch(/error: .*\[ERR_[A-Z_]+\]/);
      expect(result.stdout).toBe('');
    }
    expect(existsSync(victim.marker)).toBe(false);
    victim.put(victim.original);
    expect((await victim.start(['run', script])).exitCode).toBe(0);
    expect(existsSync(victim.marker)).toBe(true);
  });
});

describe('s1: a launcher that was replaced', () => {
  it('is not executed by `flavor run`, which decides before it runs a byte of the file', async () => {
    using victim = new Victim();
    const hostile = Buffer.from(victim.original);
    const script = Buffer.from(`#!/bin/sh\ntouch '${victim.marker}'\nexit 0\n`);
    script.copy(hostile);
    repair(hostile);
    victim.put(hostile);
    expect((await victim.start()).exitCode).toBe(0);
    expect(statSync(victim.marker).isFile(), 'started directly, the hostile launcher runs: nothing can stop it').toBe(
      true,
    );

    using other = new Victim();
    writeFileSync(other.package, hostile, { mode: 0o755 });
    writeFileSync(victim.marker, 'before');
    const result = await other.cli('run', other.package);
    expect([102, 103, 107, 3]).toContain(result.exitCode);
    expect(result.stderr).toContain('ERR_PSPF_LAUNCHER_DIGEST');
    expect(readFileSync(victim.marker, 'utf8')).toBe('before');
  });
});

describe('a file that is not whole', () => {
  it('is no package when it is cut short or a byte is appended: 102, whatever the arguments', async () => {
    using victim = new Victim();
    const { original } = victim;
    for (const file of [original.subarray(0, original.length - 1), Buffer.concat([original, Buffer.of(0)])]) {
      victim.put(file);
      for (const args of [[], ['run', victim.package], ['--help']]) {
        const result = await victim.start(args);
        expect(result.exitCode).toBe(102);
        expect(result.stderr).toContain('ERR_PSPF_NOT_A_PACKAGE');
      }
      expect((await victim.cli('verify', victim.package)).exitCode).toBe(3);
    }
  });
});
