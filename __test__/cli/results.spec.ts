// What the commands print about a package, and that arguments, exit code and damage come through.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, inject, test } from 'vitest';
import '../conformance/packaged.js';
import { Workshop } from './command.js';

const workshop = new Workshop();
const file = inject('probePackage');
afterAll(() => workshop.remove());

const lines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('[slow] pack --json ends with the result', () => {
  const { stdout, stderr } = inject('probeResult');
  expect(stderr).toBe('');
  const objects = lines(stdout);
  expect(objects.every(({ schema }) => schema === 1)).toBe(true);
  expect(objects.at(-1)).toMatchObject({
    type: 'result',
    command: 'pack',
    package: { name: 'probe', version: '1.2.3' },
    commands: ['probe', 'probe-version'],
    start: { mode: 'fast' },
    resolution: { lock: 'none', files: [] },
    distributions: expect.arrayContaining(['probe==1.2.3']),
    built_sdists: [],
    outputs: [
      {
        path: join(dirname(file), 'probe-1.2.3.psp'),
        sha256: createHash('sha256').update(readFileSync(file)).digest('hex'),
        signer: { fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/), source: 'seed' },
        runtime: { version: '3.14.6', source: 'uv-install', portable: true },
      },
    ],
  });
});

test('[slow] verify --json has checks and signer, and exits 0', async () => {
  const ended = await workshop.flavor(['verify', '--json', file]);
  expect([ended.exitCode, ended.stderr]).toEqual([0, '']);
  const [result, ...more] = lines(ended.stdout);
  expect(more).toEqual([]);
  expect(result).toMatchObject({ type: 'result', command: 'verify', ok: true, signer: { fingerprint: '<sha256>' } });
  expect(Object.keys((result as { checks: object[] }).checks[0] ?? {})).toEqual(['name', 'ok', 'detail']);
});

test('[slow] verify of a changed package prints the result and the error, and exits 3', async () => {
  const damaged = join(workshop.folder, 'damaged.psp');
  const bytes = readFileSync(file);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(damaged, bytes);
  const ended = await workshop.flavor(['verify', '--json', damaged]);
  expect(ended.exitCode).toBe(3);
  expect(lines(ended.stdout)).toMatchObject([{ type: 'result', command: 'verify', ok: false }]);
  expect(lines(ended.stderr)).toMatchObject([{ type: 'error', schema: 1, code: 'ERR_PSPF_SLOT_DIGEST' }]);
});

test('[slow] inspect tells slots and commands', async () => {
  const ended = await workshop.flavor(['inspect', '--json', file]);
  expect(ended.exitCode).toBe(0);
  const [result] = lines(ended.stdout);
  expect(result).toMatchObject({ type: 'result', command: 'inspect', foreign: false });
  expect((result as unknown as { slots: { role: string }[] }).slots.map(({ role }) => role)).toEqual([
    'runtime',
    'dependencies',
    'application',
  ]);
});
