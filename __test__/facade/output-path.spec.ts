// What becomes of a file that is replaced, when what replaces it fails afterwards.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { restoredAfterFailure } from '../../dist/output-path.js';

let folder: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flavor-output-'));
  output = join(folder, 'app.psp');
});
afterEach(() => rmSync(folder, { recursive: true }));

const replaced = async (): Promise<string> => {
  rmSync(output, { force: true });
  writeFileSync(output, 'new');
  return 'done';
};
const failing = async (): Promise<never> => {
  await replaced();
  throw new Error('afterwards');
};

test('the new file stays after success, alone', async () => {
  writeFileSync(output, 'former');
  expect(await restoredAfterFailure(output, replaced)).toBe('done');
  expect([readdirSync(folder), readFileSync(output, 'utf8')]).toEqual([['app.psp'], 'new']);
});

test('the former file is there again after a failure, alone', async () => {
  writeFileSync(output, 'former');
  await expect(restoredAfterFailure(output, failing)).rejects.toThrow('afterwards');
  expect([readdirSync(folder), readFileSync(output, 'utf8')]).toEqual([['app.psp'], 'former']);
});

test('nothing is there after a failure where nothing was', async () => {
  await expect(restoredAfterFailure(output, failing)).rejects.toThrow('afterwards');
  expect(readdirSync(folder)).toEqual([]);
});
