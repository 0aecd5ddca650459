// Golden packages: what the original's three builders make of the same inputs, with a shell script in the place of the
// launcher, so that they are small and hold no byte of the original's programs. Made when the tests run; nothing of them is
// stored in the repository.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NOTE, SCRIPT, STUB, TREE, type Tree, writeInputs } from './inputs.js';
import { type Family, Original, versions } from './original.js';

/** What a slot holds, whatever it is wrapped in. */
export type Content =
  | { readonly file: Buffer; readonly mode?: number }
  | { readonly tree: Tree }
  /** A tree that the chain does not announce: for a reader one file, which is a tar stream. */
  | { readonly hidden: Tree }
  /** The slot that the Python builder adds: a JSON text. */
  | 'attestation';

/** One slot of a golden package. */
export interface GoldenSlot {
  readonly id: string;
  /** Canonical text form. */
  readonly operations: string;
  readonly content: Content;
}

/** One package of the original's. */
export interface Golden {
  /** Who made it, for the names of tests. */
  readonly builder: string;
  readonly version: string;
  readonly file: string;
  readonly slots: readonly GoldenSlot[];
}

const script = { file: Buffer.from(SCRIPT), mode: 0o755 };
const note = { file: Buffer.from(NOTE), mode: 0o640 };

/** The slots that every builder is asked for: those of original-measured.md §4. */
const COMMON: readonly GoldenSlot[] = [
  { id: 'script', operations: 'raw', content: script },
  { id: 'tree', operations: 'tar.gz', content: { tree: TREE } },
  { id: 'note', operations: 'gzip', content: note },
];

/** The manifest of the common slots, as the native builders take it; sources are those of `writeInputs`. */
export const THREE_SLOTS = {
  package: { name: 'golden', version: '1.2.3', description: 'what both sides read' },
  execution: {
    command: '/bin/sh {workenv}/app.sh',
    primary_slot: 0,
    env: { GREETING: 'hello' },
    environment: { GREETING: 'hello' },
  },
  slots: [
    { ...slot('script', 'app.sh', 'app.sh', 'raw'), purpose: 'code', permissions: '0755' },
    slot('tree', 'tree.tar.gz', '{workenv}', 'tgz'),
    { ...slot('note', 'note.txt.gz', 'note.txt', 'gzip'), permissions: '0640' },
  ],
} as const;

/** What only a native builder can be given: it stores sources as they are. */
const NATIVE: readonly GoldenSlot[] = [
  { id: 'plain-tar', operations: 'tar', content: { tree: TREE } },
  { id: 'two-members', operations: 'gzip', content: { file: Buffer.from(NOTE) } },
];
const NATIVE_SLOTS = [
  slot('plain-tar', 'tree.tar', '{workenv}', 'tar'),
  slot('two-members', 'two-members.gz', 'two.txt', 'gzip'),
];

/** What only the Python builder does: it compresses, with any operation, and its labels are not always true. */
const PYTHON: readonly GoldenSlot[] = [
  { id: 'bzip2', operations: 'bzip2', content: { file: Buffer.from(NOTE) } },
  { id: 'xz', operations: 'xz', content: { file: Buffer.from(NOTE) } },
  { id: 'zstd', operations: 'zstd', content: { file: Buffer.from(NOTE) } },
  { id: 'tar-bzip2', operations: 'tar.bz2', content: { tree: TREE } },
  { id: 'tar-xz', operations: 'tar.xz', content: { tree: TREE } },
  { id: 'tar-zstd', operations: 'tar.zst', content: { tree: TREE } },
  // A folder becomes a tar stream whether the chain says so or not.
  { id: 'folder-as-gzip', operations: 'gzip', content: { hidden: TREE } },
];

function slot(id: string, source: string, target: string, operations: string) {
  return { id, source, target, operations, purpose: 'data', lifecycle: 'runtime' };
}

/** Makes all of them below a folder, from every release. */
export async function makeGolden(folder: string): Promise<Golden[]> {
  return fromEveryRelease(folder, NATIVE_SLOTS, NATIVE, PYTHON);
}

/** The same with the common slots alone, which every launcher can start. */
export async function makeStartable(folder: string): Promise<Golden[]> {
  return fromEveryRelease(folder, [], [], []);
}

async function fromEveryRelease(
  folder: string,
  nativeSlots: readonly object[],
  native: readonly GoldenSlot[],
  python: readonly GoldenSlot[],
): Promise<Golden[]> {
  writeInputs(folder);
  writeFileSync(join(folder, 'stub.sh'), STUB, { mode: 0o755 });
  const made = versions.map(async (version) => {
    const original = new Original(version);
    const place = join(folder, version);
    mkdirSync(place);
    const manifest = join(place, 'manifest.json');
    const slots = [...THREE_SLOTS.slots, ...nativeSlots].map((one, position) => ({ slot: position, ...one }));
    writeFileSync(manifest, JSON.stringify({ ...THREE_SLOTS, slots }));
    const families: readonly Family[] = ['rust', 'go'];
    const ofFamilies = families.map(async (family) => {
      const file = join(place, `${family}.psp`);
      await original.build(family, folder, manifest, 'stub.sh', file);
      const builder = `the ${family === 'rust' ? 'Rust' : 'Go'} builder of ${version}`;
      return { builder, version, file, slots: [...COMMON, ...native] };
    });
    return [...(await Promise.all(ofFamilies)), await withPython(original, folder, join(place, 'python.psp'), python)];
  });
  return (await Promise.all(made)).flat();
}

async function withPython(
  original: Original,
  folder: string,
  output: string,
  more: readonly GoldenSlot[],
): Promise<Golden> {
  const one = (id: string, source: string, target: string, operations: string, rest = {}) => ({
    id,
    source: join(folder, source),
    target,
    operations,
    ...rest,
  });
  await original.buildWithPython({
    metadata: { package: THREE_SLOTS.package, execution: THREE_SLOTS.execution },
    slots: [
      one('script', 'app.sh', 'app.sh', 'none', { purpose: 'code', permissions: '0755' }),
      one('tree', 'tree', '{workenv}', 'tgz'),
      one('note', 'note.txt', 'note.txt', 'gzip', { permissions: '0640' }),
      ...more.map(({ id, operations, content }) =>
        one(id, isFile(content) ? 'note.txt' : 'tree', isFile(content) ? `${id}.txt` : '{workenv}', operations),
      ),
    ],
    options: { launcher_bin: join(folder, 'stub.sh'), compression_level: 6, reproducible: true },
    output,
  });
  const attestation = { id: '_attestation', operations: 'raw', content: 'attestation' } as const;
  const slots = [...COMMON, ...more, attestation];
  return { builder: `the Python builder of ${original.version}`, version: original.version, file: output, slots };
}

function isFile(content: Content): boolean {
  return content !== 'attestation' && 'file' in content;
}
