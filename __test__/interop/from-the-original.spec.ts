// The original's packages under our tools: what its three builders make is verified, inspected and extracted by ours.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { verify } from '../../dist/index.js';
import { repair } from '../conformance/repair.js';
import { type Golden, makeGolden } from './golden.js';
import { absence, Original, SEED, versions } from './original.js';
import { flavor, type Inspected, type Verified } from './ours.js';
import { chain, INDEX, parts, publicKeyOf, sha256, text } from './package-file.js';

const folder = mkdtempSync(join(tmpdir(), 'flavor-interop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const golden: readonly Golden[] = absence ? [] : await makeGolden(folder);

describe.skipIf(absence)(`the original${absence ? ` (skipped: ${absence})` : ''}`, () => {
  it.each(versions)('%s accepts the golden packages of every release', async (version) => {
    const answers = await new Original(version).flavor(...golden.map(({ file }) => ['verify', file]));
    expect(answers.map(({ exit, output }) => (exit === 0 ? 0 : output))).toEqual(golden.map(() => 0));
  });

  it.each(versions)(
    '%s ends its processes with the exit codes that these tests read in one process [slow]',
    async (version) => {
      const original = new Original(version);
      const [good, bad] = [golden[0]?.file ?? '', join(folder, 'app.sh')];
      const inProcess = await original.flavor(['verify', good], ['verify', bad]);
      const processes = [await original.process('verify', good), await original.process('verify', bad)];
      expect(processes.map(({ exit }) => exit)).toEqual(inProcess.map(({ exit }) => exit));
      expect(processes.map(({ exit }) => exit)).toEqual([0, 1]);
    },
  );
});

describe.each(golden)('a package of $builder', ({ file, slots, builder }) => {
  const bytes = readFileSync(file);
  const found = parts(bytes);

  it('is verified, and what its signature does not cover is named', async () => {
    const ended = await flavor('verify', '--json', file);
    expect(ended.exit, ended.stderr).toBe(0);
    const { ok, checks, signer } = ended.json<Verified>();
    expect(ok).toBe(true);
    expect(signer?.fingerprint).toBe(sha256(publicKeyOf(SEED)).toString('hex'));
    for (const [position, slot] of slots.entries()) {
      const check = checks.find(({ name }) => name === `slot ${position} (${slot.id})`);
      // The original signs no digest of the slot that it adds itself.
      expect(check?.detail).toMatch(slot.id === '_attestation' ? /^not checked/ : /bytes as signed/);
    }
    const uncovered = checks.filter(({ detail }) => detail.includes('not covered')).map(({ detail }) => detail);
    for (const region of ['launcher', 'slot table', 'gaps']) expect(uncovered.join('\n')).toContain(region);
  });

  it('is decoded by verify --deep, which tells of every byte whether the signature covers it', async () => {
    const ended = await flavor('verify', '--deep', '--json', file);
    expect(ended.exit, ended.stderr).toBe(0);
    const { coverage } = ended.json<{ coverage: readonly Range[] }>();
    expect(coverage.map(({ from }) => from)).toEqual([0, ...coverage.slice(0, -1).map(({ to }) => to)]);
    expect(coverage.at(-1)?.to).toBe(bytes.length);
    for (const [position, { id }] of slots.entries()) {
      const range = coverage.find(({ what }) => what === `slot ${position} (${id})`);
      expect(range?.covered_by, id).toBe(id === '_attestation' ? null : 'signed-digest');
    }
    for (const { from, to, what, covered_by: coveredBy } of coverage) {
      if (coveredBy === null && !FREE.has(what)) continue;
      const changed = Buffer.from(bytes);
      const middle = Math.floor((from + to) / 2);
      changed[middle] = (changed[middle] ?? 0) ^ 0x10;
      repair(changed);
      const copy = `${file}.changed`;
      writeFileSync(copy, changed);
      expect((await verify(copy)).ok, `${what}, byte ${middle}`).toBe(coveredBy === null);
    }
  });

  it('is inspected as another reader sees it', async () => {
    const ended = await flavor('inspect', '--json', file);
    expect(ended.exit, ended.stderr).toBe(0);
    const report = ended.json<Inspected>();
    expect(report.foreign).toBe(true);
    expect(report.size_bytes).toBe(bytes.length);
    expect(report.launcher_size_bytes).toBe(found.launcher.length);
    expect(report.metadata).toEqual(JSON.parse(text(found)));
    expect(report.signer.fingerprint).toBe(sha256(publicKeyOf(SEED)).toString('hex'));
    expect(report.slots.map(({ id, operations }) => [id, operations])).toEqual(
      slots.map(({ id, operations }) => [id, operations]),
    );
    for (const [position, { offset, stored_bytes: stored }] of report.slots.entries()) {
      const slot = found.slots[position]?.stored ?? Buffer.alloc(0);
      expect(bytes.subarray(offset, offset + stored).equals(slot), `slot ${position}`).toBe(true);
    }
  });

  it('has the layout that FORMAT.md describes', () => {
    expect(found.index.subarray(INDEX.publicKey, INDEX.publicKey + 32).equals(publicKeyOf(SEED))).toBe(true);
    expect(found.slots.map(({ descriptor }) => chain(descriptor))).toEqual(
      slots.map(({ operations }) => LONG_FORMS[operations] ?? operations),
    );
    const release = builder.includes('Go') ? undefined : builder.split(' ').at(-1);
    const { build } = JSON.parse(text(found)) as { build: { tool_version: string } };
    // The Go builder says 1.0.0 in every release.
    expect(build.tool_version).toBe(release ?? '1.0.0');
  });
});

interface Range {
  readonly from: number;
  readonly to: number;
  readonly what: string;
  readonly covered_by: string | null;
}

/** What nothing but the signature could protect; a change of other uncovered bytes may break the layout. */
const FREE: ReadonlySet<string> = new Set(['launcher', 'gap']);

const LONG_FORMS: Readonly<Record<string, string>> = {
  'tar.gz': 'tar|gzip',
  'tar.bz2': 'tar|bzip2',
  'tar.xz': 'tar|xz',
  'tar.zst': 'tar|zstd',
};
