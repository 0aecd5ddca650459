// What the two builders make of one manifest: the same bytes where nothing is compressed, the same content where something is.
// Asked of the programs that ship, and of the core as `flavor` calls it. That the documents agree apart from sizes and digests,
// plan by plan, is tested beside the Go builder (launchers/go/internal/builder/rust_test.go).

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extractAll } from '../../dist/index.js';
import { addon, type Builder, program } from '../conformance/suite/builders.js';
import { launchers } from '../conformance/suite/launchers.js';
import { snapshot } from '../conformance/suite/tree.js';
import { NOTE, SCRIPT, TREE, writeInputs } from './inputs.js';

const SEED = 'the builders of one house, not a secret';
const TIME = 1_700_000_000;
const builders: readonly Builder[] = [addon, program('rust'), program('go')];
const folder = mkdtempSync(join(tmpdir(), 'flavor-interop-'));
beforeAll(() => writeInputs(folder));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Slot = readonly [id: string, source: string, operations: string];

/** A plain package of these slots: trees at the root, files under their ids. */
function plain(...slots: readonly Slot[]) {
  return {
    package: { name: 'alike', version: '1.2.3', description: 'ß' },
    execution: { command: '/bin/sh {workenv}/script', environment: { B: '2', A: '1' } },
    slots: slots.map(([id, source, operations]) => ({
      id,
      source: join(folder, source),
      target: operations.startsWith('t') ? '{workenv}' : id,
      operations,
      permissions: source === 'app.sh' ? '0755' : '0644',
    })),
  };
}

let made = 0;

/** The file that a builder makes of a plan. */
async function built(builder: Builder, plan: object, launcher: string): Promise<string> {
  made += 1;
  const output = join(folder, `${made}.psp`);
  expect(await builder.build({ plan: JSON.stringify(plan), output, launcher, seed: SEED, time: TIME })).toBe(true);
  return output;
}

const UNCOMPRESSED: Readonly<Record<string, () => object>> = {
  'raw files and an archive that the builder writes': () =>
    plain(['script', 'app.sh', 'raw'], ['tree', 'tree', 'tar'], ['empty', 'empty', 'raw']),
  'sources that are encoded already': () =>
    plain(
      ['archive', 'tree.tar', 'tar'],
      ['packed-archive', 'tree.tar.gz', 'tgz'],
      ['packed', 'note.txt.gz', 'gzip'],
      ['two-members', 'two-members.gz', 'gzip'],
    ),
};

describe.each(launchers())('around the launcher $name', ({ path: launcher }) => {
  for (const [name, plan] of Object.entries(UNCOMPRESSED)) {
    it(`${name}: every builder writes the same file`, async () => {
      const digests: Record<string, string> = {};
      for (const builder of builders) {
        const bytes = readFileSync(await built(builder, plan(), launcher));
        expect(bytes.subarray(0, 4096).equals(readFileSync(launcher).subarray(0, 4096))).toBe(true);
        digests[builder.name] = createHash('sha256').update(bytes).digest('hex');
      }
      expect(new Set(Object.values(digests)).size, JSON.stringify(digests)).toBe(1);
    });
  }
});

/** Slots with every compression, one tree and one file each. */
const COMPRESSED: readonly Slot[] = ['gzip', 'bzip2', 'xz', 'zstd'].flatMap((operation): Slot[] => [
  [`tree-${operation}`, 'tree', `tar|${operation}`],
  [`note-${operation}`, 'note.txt', operation],
  [`script-${operation}`, 'app.sh', operation],
]);

/** Builders and readers know all operations, launchers these (LAUNCH.md 16.9). */
function isKnownToLaunchers([, , operations]: Slot): boolean {
  return !/bzip2|xz/.test(operations);
}

/** Paths below a folder with modes and digests. */
function contents(path: string): Record<string, string> {
  return Object.fromEntries([...snapshot(path)].map(([name, { content }]) => [name, content]));
}

const goLauncher = launchers().find(({ name }) => name.includes('go'));

describe.skipIf(goLauncher === undefined).each(builders)('compressed by the $name', (builder) => {
  let file: string;
  let started: string;
  beforeAll(async () => {
    file = await built(builder, plain(...COMPRESSED), goLauncher?.path ?? '');
    started = await built(builder, plain(...COMPRESSED.filter(isKnownToLaunchers)), goLauncher?.path ?? '');
  });

  const env = { FLAVOR_LAUNCHER_CLI: '1', HOME: folder };

  /** Each slot as it should have come out: a tree like the source, or a file with its content. */
  function expectSources(out: string, slots: readonly Slot[], fileOf: (slot: string, id: string) => string): void {
    for (const [position, [id, source]] of slots.entries()) {
      const slot = join(out, `${String(position).padStart(2, '0')}_${id}`);
      if (source === 'tree') expect(contents(slot), id).toEqual(contents(join(folder, 'tree')));
      else expect(readFileSync(fileOf(slot, id), 'utf8'), id).toBe(source === 'app.sh' ? SCRIPT : NOTE);
    }
  }

  it('every slot comes out of `extractAll` as it went in', async () => {
    expect(Object.keys(contents(join(folder, 'tree'))).length).toBeGreaterThan(TREE.size);
    const out = join(folder, `core-${basename(file)}`);
    await extractAll(file, { folder: out });
    expectSources(out, COMPRESSED, (slot) => slot);
  });

  it('every slot comes out of the Go launcher as it went in', async () => {
    const out = join(folder, `go-${basename(started)}`);
    mkdirSync(out);
    await execa(started, ['extract', '--output', out], { env, extendEnv: false });
    expectSources(out, COMPRESSED.filter(isKnownToLaunchers), (slot, id) => join(slot, id));
  });

  it('a slot that needs bzip2 or xz is refused by the Go launcher (LAUNCH.md 16.9)', async () => {
    const out = join(folder, `refused-${basename(file)}`);
    mkdirSync(out);
    const ended = await execa(file, ['extract', '--output', out], { env, extendEnv: false, reject: false });
    expect(ended.exitCode).toBe(110);
    expect(ended.stderr).toContain('[ERR_STORE_SLOT_KIND]');
  });
});
