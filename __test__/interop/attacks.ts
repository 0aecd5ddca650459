// Ways to make a package wrong, by the names that exceptions.json uses. Most need no key: they repair every checksum that
// anybody can compute. Those that change the signed text sign it anew, as a hostile author would.

import { gzipSync } from 'node:zlib';
import { SEED } from './original.js';
import {
  assemble,
  DESCRIPTOR,
  DESCRIPTOR_SIZE,
  INDEX,
  type Parts,
  parts,
  type StoredSlot,
  signed,
  TRAILER_SIZE,
  text,
  withIndex,
} from './package-file.js';

/** Makes another file of a package. */
export type Attack = (file: Buffer) => Buffer;

/** The identity of the curve: the public key that "signs" every text with R = identity and S = 0. */
const IDENTITY = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]);
const SIGNATURE_OF_NOBODY = Buffer.concat([IDENTITY, Buffer.alloc(32)]);
/** Says what the program would say, so that a start shows. */
const ANOTHER_PROGRAM = '{"command":"/bin/echo greeting=hello from elsewhere","primary_slot":0}';
const METADATA_LIMIT = 8 * 1024 * 1024;

/** Changes the parts and puts them together with all checksums right. */
function rebuilt(change: (package_: Parts) => Parts): Attack {
  return (file) => assemble(change(parts(file)));
}

/** Changes the signed text and signs it anew. */
function rewritten(change: (json: string) => string): Attack {
  return rebuilt((old) => signed(old, change(text(old)), SEED));
}

/** Puts something before the brace that closes the document. */
function withMember(member: string): Attack {
  return rewritten((json) => json.replace(/\}\s*$/, () => `,${member}}`));
}

function withSlot(change: (slot: StoredSlot) => StoredSlot): Attack {
  return rebuilt((old) => ({ ...old, slots: old.slots.map((slot, at) => (at === 0 ? change(slot) : slot)) }));
}

function withDescriptor(change: (descriptor: Buffer) => void): Attack {
  return withSlot(({ descriptor: old, stored }) => {
    const descriptor = Buffer.from(old);
    change(descriptor);
    return { descriptor, stored };
  });
}

function withMetadata(change: (metadata: Buffer, json: string) => Buffer): Attack {
  return rebuilt((old) => ({ ...old, metadata: change(old.metadata, text(old)) }));
}

function flipped(bytes: Buffer, at: number): Buffer {
  const result = Buffer.from(bytes);
  result[at] = (result[at] ?? 0) ^ 0x10;
  return result;
}

export const ATTACKS: Readonly<Record<string, Attack>> = {
  'slot-replaced': withSlot(({ descriptor, stored }) => ({ descriptor, stored: flipped(stored, stored.length - 5) })),
  'slots-swapped': rebuilt((old) => ({ ...old, slots: [...old.slots].reverse() })),
  // Padding of an ELF header, or a comment of the stub: a launcher that still starts.
  'launcher-changed': rebuilt((old) => ({ ...old, launcher: flipped(old.launcher, 12) })),
  'launcher-grown': rebuilt((old) => ({ ...old, launcher: Buffer.concat([old.launcher, Buffer.alloc(8, '#')]) })),
  'permissions-changed': withDescriptor((descriptor) => void descriptor.writeUInt16LE(0o4777, 62)),
  'operations-unknown': withDescriptor((descriptor) => void descriptor.writeBigUInt64LE(0x77n, DESCRIPTOR.operations)),
  'operations-with-a-gap': withDescriptor(
    (descriptor) => void descriptor.writeBigUInt64LE(0x1b_00_10n, DESCRIPTOR.operations),
  ),
  'gap-filled': (file) => {
    const { index, launcher, slots } = parts(file);
    const at = (bytes: Buffer, field: number) => Number(bytes.readBigUInt64LE(field));
    const regions = [
      [0, launcher.length],
      [at(index, INDEX.metadataOffset), at(index, INDEX.metadataSize)],
      [at(index, INDEX.tableOffset), at(index, INDEX.tableSize)],
      ...slots.map(({ descriptor }) => [at(descriptor, DESCRIPTOR.offset), at(descriptor, DESCRIPTOR.size)]),
    ].map(([offset = 0, size = 0]) => ({ offset, end: offset + size }));
    const gap = regions.find(({ end }, position) => end < (regions[position + 1]?.offset ?? 0));
    if (gap === undefined) throw new Error('there is no gap in this package');
    const result = Buffer.from(file);
    result[gap.end] = 0xff;
    return result;
  },
  'index-checksum-zero': (file) => {
    const result = withIndex(file, () => {});
    result.writeUInt32LE(0, result.length - TRAILER_SIZE + 4 + INDEX.checksum);
    return result;
  },
  'metadata-checksum-zero': (file) =>
    withIndex(file, (index) => void index.fill(0, INDEX.metadataChecksum, INDEX.metadataChecksum + 32)),
  'package-size-wrong': (file) => withIndex(file, (index) => void index.writeBigUInt64LE(1n, INDEX.packageSize)),
  'format-version-wrong': (file) => withIndex(file, (index) => void index.writeUInt32LE(0x2024_0001, 0)),
  'fingerprint-removed': (file) =>
    withIndex(file, (index) => void index.fill(0, INDEX.keyFingerprint, INDEX.keyFingerprint + 64)),
  'metadata-recompressed': withMetadata((_, json) => gzipSync(json, { level: 9 })),
  'metadata-second-member': withMetadata((metadata) => Buffer.concat([metadata, gzipSync('')])),
  'metadata-zeros-behind': withMetadata((metadata) => Buffer.concat([metadata, Buffer.alloc(16)])),
  'key-of-small-order': rebuilt((old) => {
    const { index } = signed(old, text(old), SEED);
    IDENTITY.copy(index, INDEX.publicKey);
    SIGNATURE_OF_NOBODY.copy(index, INDEX.signature);
    index.fill(0, INDEX.keyFingerprint, INDEX.keyFingerprint + 64);
    return { ...old, index };
  }),
  'signed-by-another-key': rebuilt((old) => signed(old, text(old), 'another seed')),
  'key-twice': withMember(`"execution":${ANOTHER_PROGRAM}`),
  'key-in-other-case': withMember(`"Execution":${ANOTHER_PROGRAM}`),
  'number-with-a-fraction': withMember('"answer":42.0'),
  'number-that-is-none': withMember('"answer":NaN'),
  'lone-surrogate': withMember('"answer":"\\ud800"'),
  'zero-character': withMember('"answer":"\\u0000"'),
  'nesting-of-40': withMember(`"answer":${'['.repeat(40)}${']'.repeat(40)}`),
  'nine-megabytes-of-blanks': rewritten((json) => json + ' '.repeat(METADATA_LIMIT + 1)),
  'slot-twice-in-one-place': (file) => {
    // The last descriptor points at the bytes of the first slot, and the signed text says so too.
    const old = parts(file);
    const [first] = old.slots;
    const document = JSON.parse(text(old)) as { slots: { id: string; slot: number }[] };
    const [named] = document.slots;
    if (!first || !named) throw new Error('a package with a slot is needed');
    const twin = { ...named, id: 'twin', slot: document.slots.length };
    const slots = [...old.slots, { descriptor: first.descriptor, stored: Buffer.alloc(0) }];
    const json = JSON.stringify({ ...document, slots: [...document.slots, twin] });
    const result = assemble({ ...signed(old, json, SEED), slots });
    const table = Number(parts(result).index.readBigUInt64LE(INDEX.tableOffset));
    const last = table + (slots.length - 1) * DESCRIPTOR_SIZE;
    result.copy(result, last + DESCRIPTOR.offset, table + DESCRIPTOR.offset, table + DESCRIPTOR_SIZE);
    return withIndex(result, () => {});
  },
  'slot-added': rebuilt((old) => {
    const stored = Buffer.from('nobody signed this slot\n');
    const descriptor = Buffer.alloc(DESCRIPTOR_SIZE);
    descriptor.writeBigUInt64LE(BigInt(old.slots.length), 0);
    descriptor.writeBigUInt64LE(BigInt(stored.length), DESCRIPTOR.originalSize);
    return { ...old, slots: [...old.slots, { descriptor, stored }] };
  }),
  'byte-appended': (file) => Buffer.concat([file, Buffer.from([0])]),
  'slot-damaged': (file) => {
    const { descriptor, stored } = parts(file).slots[0] ?? { descriptor: Buffer.alloc(64), stored: Buffer.alloc(0) };
    return flipped(file, Number(descriptor.readBigUInt64LE(DESCRIPTOR.offset)) + stored.length - 5);
  },
  'metadata-changed': rebuilt((old) => {
    const other = signed(old, text(old).replace(/"version":\s*"1/, '"version":"2'), SEED);
    const index = Buffer.from(other.index);
    old.index.copy(index, INDEX.signature, INDEX.signature, INDEX.signature + 64);
    return { ...other, index };
  }),
  'index-damaged': (file) => flipped(file, file.length - 5),
};
