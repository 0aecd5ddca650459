// What the original's builders put into a package comes out of our `extract` as it went in, and as the original's own
// `extract` gives it.

import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Golden, makeGolden } from './golden.js';
import type { Tree } from './inputs.js';
import { absence, Original, type TarMember } from './original.js';
import { flavor } from './ours.js';
import { parts } from './package-file.js';

const folder = mkdtempSync(join(tmpdir(), 'flavor-interop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const golden: readonly Golden[] = absence ? [] : await makeGolden(folder);

/** Mode and digest of regular files by path. */
type Files = Readonly<Record<string, string>>;
const line = (mode: number, content: Buffer) => `${mode.toString(8)} ${digest(content)}`;
const digest = (content: Buffer) => createHash('sha256').update(content).digest('hex');

function filesOf(tree: Tree): Files {
  return Object.fromEntries([...tree].map(([path, { mode, content }]) => [path, line(mode, content)]));
}

function filesIn(root: string, below = ''): Files {
  const names = readdirSync(join(root, below)).map((name) => join(below, name));
  return Object.assign(
    {},
    ...names.map((path) => {
      const stat = lstatSync(join(root, path));
      if (stat.isDirectory()) return filesIn(root, path);
      expect(stat.isFile(), path).toBe(true);
      return { [path]: line(stat.mode & 0o777, readFileSync(join(root, path))) };
    }),
  );
}

function filesOfTar(members: readonly TarMember[] | undefined): Files {
  const regular = (members ?? []).filter(({ kind }) => kind === 'file');
  return Object.fromEntries(regular.map(({ path, mode, sha256 }) => [path, `${mode.toString(8)} ${sha256}`]));
}

describe.each(golden.map((one) => [one.builder, one] as const))('a package of %s', (_, { file, slots, version }) => {
  const original = new Original(version);
  const stored = parts(readFileSync(file)).slots.map((slot) => slot.stored);
  const out = mkdtempSync(join(folder, 'extracted-'));
  const paths: string[] = [];
  const ours = (position: number) => paths[position] ?? '';
  const theirs = (position: number) => join(out, `theirs-${position}`);

  let extraction: Promise<void> | undefined;
  /** Both sides extract everything, once for all tests. */
  const extracted = () => {
    extraction ??= (async () => {
      const commands = slots.map((__, position) => ['extract', file, String(position), theirs(position)]);
      const answers = await original.flavor(...commands);
      expect(answers.map(({ exit }) => exit)).toEqual(slots.map(() => 0));
      const ended = await flavor('extract-all', '--json', file, join(out, 'ours'));
      expect(ended.exit, ended.stderr).toBe(0);
      paths.push(...ended.json<{ slots: readonly { path: string }[] }>().slots.map(({ path }) => path));
    })();
    return extraction;
  };

  it('is extracted to what went in [slow]', async () => {
    await extracted();
    for (const [position, { id, content }] of slots.entries()) {
      if (content === 'attestation') {
        expect(readFileSync(ours(position)).equals(stored[position] ?? Buffer.alloc(0)), id).toBe(true);
        expect(Object.keys(JSON.parse(readFileSync(ours(position), 'utf8'))).sort()).toEqual(['provenance', 'sbom']);
      } else if ('file' in content) {
        expect(readFileSync(ours(position)).equals(content.file), id).toBe(true);
        if (content.mode !== undefined) expect(lstatSync(ours(position)).mode & 0o777, id).toBe(content.mode);
      } else if ('tree' in content) {
        expect(filesIn(ours(position)), id).toEqual(filesOf(content.tree));
      } else {
        const [members] = await original.untar(ours(position));
        expect(filesOfTar(members), id).toEqual(filesOf(content.hidden));
      }
    }
  });

  it('is extracted to what the original extracts, where it can decode the slot [slow]', async () => {
    await extracted();
    for (const [position, { id, operations, content }] of slots.entries()) {
      const their = readFileSync(theirs(position));
      if (!DECODED.has(operations)) {
        // The original hands out other slots as they are stored.
        expect(their.equals(stored[position] ?? Buffer.alloc(0)), id).toBe(true);
      } else if (content !== 'attestation' && 'tree' in content) {
        const [members] = await original.untar(theirs(position));
        expect(filesOfTar(members), id).toEqual(filesIn(ours(position)));
      } else {
        expect(their.equals(readFileSync(ours(position))), id).toBe(true);
      }
    }
  });

  it('gives one slot, with the arguments of the original, decoded and as it is stored', async () => {
    const [tree, raw] = [join(out, 'tree'), join(out, 'raw')];
    for (const args of [
      ['extract', file, '1', tree],
      ['extract', '--raw', file, '1', raw],
    ]) {
      const ended = await flavor(...args);
      expect(ended.exit, ended.stderr).toBe(0);
    }
    expect(lstatSync(tree).isDirectory()).toBe(true);
    expect(readFileSync(raw).equals(stored[1] ?? Buffer.alloc(0))).toBe(true);
  });
});

/** What the original's `extract` decodes. */
const DECODED = new Set(['raw', 'gzip', 'tar', 'tar.gz']);
