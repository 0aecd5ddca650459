// First starts, later starts, many at once, killed ones.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Machine, users } from './packaged.js';

/** Long enough for a receipt: a file younger than two seconds gets none (security rule S20). */
async function settle(): Promise<void> {
  await sleep(2100);
}

const entries = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);

describe.each(users)('started by $name', (user) => {
  it('the second start reads a receipt: it unpacks nothing and parses no metadata', async () => {
    using machine = new Machine(user);
    await settle();
    const env = { FLAVOR_LOG_LEVEL: 'debug' };
    const cold = await machine.start(['exit', '0'], { env });
    const receipts = join(machine.home, '.cache', 'flavor', 'v1', 'receipts');
    expect(String(cold.stderr)).toContain('cold start');
    expect(entries(receipts)).toHaveLength(1);
    const slots = entries(machine.slots);
    const trace = join(machine.root, 'trace');
    const warm = await machine.start(
      [
        '-f',
        '-o',
        trace,
        '-e',
        'trace=openat,open,pread64,read,clone,clone3,mkdirat,renameat,execve',
        machine.package,
        'exit',
        '0',
      ],
      { file: '/usr/bin/strace' },
    );
    expect(warm.exitCode).toBe(0);
    const calls = readFileSync(trace, 'utf8').split('\n');
    const handOver = calls.findIndex((line, index) => index > 0 && line.includes('execve('));
    const launcher = calls.slice(1, handOver).join('\n');
    expect(handOver).toBeGreaterThan(0);
    expect(launcher).not.toMatch(/clone|mkdirat|renameat/);
    // The trailer is the only part of the package that is read.
    const reads = launcher.split('\n').filter((line) => /pread64\(/.test(line));
    const lengths = reads.map((line) => Number(/= (\d+)$/.exec(line)?.[1] ?? 0));
    expect(lengths.filter((length) => length > 0).reduce((sum, length) => sum + length, 0)).toBeLessThan(
      8200 + 65536 + 1,
    );
    expect(entries(machine.slots)).toEqual(slots);
  });

  it('a hundred first starts at once unpack once, and all of them run [slow]', async () => {
    using machine = new Machine(user);
    const env = { FLAVOR_LOG_LEVEL: 'debug' };
    const starts = Array.from({ length: 100 }, () => machine.start(['exit', '3'], { env }));
    const results = await Promise.all(starts);
    expect(results.map((result) => result.exitCode)).toEqual(Array.from({ length: 100 }, () => 3));
    const unpacked = results.flatMap((result) => String(result.stderr).match(/slot \d+ unpacked:/g) ?? []);
    expect(unpacked.sort()).toEqual(['slot 0 unpacked:', 'slot 1 unpacked:']);
    expect(entries(machine.slots).filter((name) => !name.endsWith('.record'))).toHaveLength(2);
    expect(entries(join(machine.home, '.cache', 'flavor', 'v1', 'tmp'))).toEqual([]);
  });

  it('a first start that is killed in the middle leaves nothing that a later start believes [slow]', async () => {
    for (const delay of [5, 20, 40, 80, 160, 320]) {
      using machine = new Machine(user);
      const child = machine.start(['exit', '0']);
      await sleep(delay);
      child.kill('SIGKILL');
      await child;
      expect((await machine.start(['exit', '6'])).exitCode).toBe(6);
      const report = await machine.report(['after']);
      expect(report.arguments).toEqual(['after']);
    }
  });

  it('a file of a slot that was edited or removed is noticed where the exec plan names it', async () => {
    using machine = new Machine(user);
    await settle();
    const report = await machine.report();
    writeFileSync(report.program, 'import sys; sys.exit(77)\n');
    utimesSync(report.program, 1, 1);
    expect((await machine.start(['exit', '5'])).exitCode).toBe(5);
  });

  it('a package that was touched or replaced under the same name takes the full path again', async () => {
    using machine = new Machine(user);
    await settle();
    await machine.report();
    const original = readFileSync(machine.package);
    const altered = Buffer.from(original);
    altered[original.length - 60_000] = (altered[original.length - 60_000] ?? 0) ^ 1;
    writeFileSync(machine.package, altered);
    const refused = await machine.start(['exit', '0']);
    expect([102, 103, 107]).toContain(refused.exitCode);
    writeFileSync(machine.package, original);
    expect((await machine.start(['exit', '4'])).exitCode).toBe(4);
  });

  it('s17: a cache that others can write or that is a link is not used', async () => {
    using machine = new Machine(user);
    const shared = join(machine.root, 'shared');
    mkdirSync(shared);
    machine.own(shared);
    chmodSync(shared, 0o777);
    const open = await machine.report([], { env: { FLAVOR_CACHE: join(shared, 'flavor') } });
    expect(open.prefix.startsWith(shared)).toBe(false);

    const target = join(machine.root, 'target');
    mkdirSync(target);
    machine.own(target);
    symlinkSync(target, join(machine.root, 'link'));
    const linked = await machine.report([], { env: { FLAVOR_CACHE: join(machine.root, 'link') } });
    expect(linked.prefix.startsWith(join(machine.root, 'link'))).toBe(false);
  });

  it('HOME unset: the cache goes to TMPDIR or the failure names what to set', async () => {
    using machine = new Machine(user);
    const result = await machine.start(['exit', '8'], { env: { HOME: undefined, TMPDIR: machine.root } as never });
    expect(result.exitCode).toBe(8);
    expect(entries(machine.root).some((name) => name.startsWith('flavor-'))).toBe(true);
  });
});
