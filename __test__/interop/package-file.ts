// Another reader and writer of package files, for these tests only: it takes files apart and puts them together again with
// all checksums right, so that a test can make the one thing wrong that it is about. Offsets are those of FORMAT.md; it
// refuses nothing, and it is neither the product nor the original.

import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { crc32, gunzipSync } from 'node:zlib';

export const TRAILER_SIZE = 8200;
export const DESCRIPTOR_SIZE = 64;
const HEAD = Buffer.from('f09f93a6', 'hex');
const TAIL = Buffer.from('f09faa84', 'hex');

/** Where fields of the index block are. */
export const INDEX = {
  formatVersion: 0,
  checksum: 4,
  packageSize: 8,
  launcherSize: 16,
  metadataOffset: 24,
  metadataSize: 32,
  tableOffset: 40,
  tableSize: 48,
  slotCount: 56,
  publicKey: 64,
  metadataChecksum: 96,
  signature: 128,
  keyFingerprint: 1376,
} as const;

/** Where fields of a slot descriptor are. */
export const DESCRIPTOR = { offset: 16, size: 24, originalSize: 32, operations: 40, checksum: 48 } as const;

const CODES: Readonly<Record<number, string>> = {
  1: 'tar',
  16: 'gzip',
  19: 'bzip2',
  22: 'xz',
  27: 'zstd',
};

/** One slot as it is stored. */
export interface StoredSlot {
  readonly descriptor: Buffer;
  readonly stored: Buffer;
}

/** A package in parts. All buffers are copies. */
export interface Parts {
  readonly launcher: Buffer;
  readonly metadata: Buffer;
  readonly slots: readonly StoredSlot[];
  readonly index: Buffer;
}

/** Takes a package apart. */
export function parts(file: Buffer): Parts {
  const index = Buffer.from(file.subarray(file.length - TRAILER_SIZE + HEAD.length, file.length - TAIL.length));
  const table = number(index, INDEX.tableOffset);
  const slots = Array.from({ length: index.readUInt32LE(INDEX.slotCount) }, (_, slot) => {
    const descriptor = copy(file, table + slot * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE);
    const stored = copy(file, number(descriptor, DESCRIPTOR.offset), number(descriptor, DESCRIPTOR.size));
    return { descriptor, stored };
  });
  return {
    launcher: copy(file, 0, number(index, INDEX.launcherSize)),
    metadata: copy(file, number(index, INDEX.metadataOffset), number(index, INDEX.metadataSize)),
    slots,
    index,
  };
}

/** The signed text. */
export function text({ metadata }: Parts): string {
  return gunzipSync(metadata).toString('utf8');
}

/** The operation chain of a descriptor, one name after another. */
export function chain(descriptor: Buffer): string {
  const codes = [...descriptor.subarray(DESCRIPTOR.operations, DESCRIPTOR.operations + 8)].filter((code) => code !== 0);
  return codes.map((code) => CODES[code] ?? `0x${code.toString(16)}`).join('|') || 'raw';
}

/** Puts parts together: regions on 8-byte boundaries, and every checksum and size in index and table as it must be. */
export function assemble({ launcher, metadata, slots, index: given }: Parts): Buffer {
  const table = align(launcher.length + metadata.length);
  const descriptors: Buffer[] = [];
  const bodies: Buffer[] = [];
  let at = table + slots.length * DESCRIPTOR_SIZE;
  for (const { descriptor: old, stored } of slots) {
    const descriptor = Buffer.from(old);
    const offset = align(at);
    descriptor.writeBigUInt64LE(BigInt(offset), DESCRIPTOR.offset);
    descriptor.writeBigUInt64LE(BigInt(stored.length), DESCRIPTOR.size);
    sha256(stored).copy(descriptor, DESCRIPTOR.checksum, 0, 8);
    descriptors.push(descriptor);
    bodies.push(Buffer.alloc(offset - at), stored);
    at = offset + stored.length;
  }
  const index = Buffer.from(given);
  const put = (field: number, value: number) => index.writeBigUInt64LE(BigInt(value), field);
  put(INDEX.packageSize, at + TRAILER_SIZE);
  put(INDEX.launcherSize, launcher.length);
  put(INDEX.metadataOffset, launcher.length);
  put(INDEX.metadataSize, metadata.length);
  put(INDEX.tableOffset, slots.length === 0 ? 0 : table);
  put(INDEX.tableSize, slots.length * DESCRIPTOR_SIZE);
  index.writeUInt32LE(slots.length, INDEX.slotCount);
  sha256(metadata).copy(index, INDEX.metadataChecksum);
  seal(index);
  const gap = Buffer.alloc(table - launcher.length - metadata.length);
  return Buffer.concat([launcher, metadata, gap, ...descriptors, ...bodies, HEAD, index, TAIL]);
}

/** The same package with another signed text, signed by the key of a seed. */
export function signed(old: Parts, json: string | Buffer, seed: string): Parts {
  const bytes = Buffer.from(json);
  const publicKey = publicKeyOf(seed);
  const index = Buffer.from(old.index);
  publicKey.copy(index, INDEX.publicKey);
  sign(null, bytes, privateKey(seed)).copy(index, INDEX.signature);
  const fingerprint = INDEX.keyFingerprint;
  // The original refuses a fingerprint of another key; all zero means that there is none.
  if (index.subarray(fingerprint, fingerprint + 64).some((byte) => byte !== 0)) {
    index.write(sha256(publicKey).toString('hex'), fingerprint, 'ascii');
  }
  return { ...old, metadata: storedGzip(bytes), index };
}

/** Writes the checksum of an index block. */
export function seal(index: Buffer): void {
  index.writeUInt32LE(0, INDEX.checksum);
  let [low, high] = [1, 0];
  for (const byte of index) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  index.writeUInt32LE(high * 65536 + low, INDEX.checksum);
}

/** Changes the index block of a finished file and makes its checksum fit again. */
export function withIndex(file: Buffer, change: (index: Buffer) => void): Buffer {
  const result = Buffer.from(file);
  const index = result.subarray(result.length - TRAILER_SIZE + HEAD.length, result.length - TAIL.length);
  change(index);
  seal(index);
  return result;
}

/** The raw public key of a seed. */
export function publicKeyOf(seed: string): Buffer {
  const spki = createPublicKey(privateKey(seed)).export({ type: 'spki', format: 'der' });
  return spki.subarray(spki.length - 32);
}

/** The gzip member that canonical rendering asks for: stored blocks, nothing in the header. */
export function storedGzip(content: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < content.length || at === 0; at += 65_535) {
    const piece = content.subarray(at, at + 65_535);
    const head = Buffer.alloc(5);
    head.writeUInt8(at + 65_535 >= content.length ? 1 : 0, 0);
    head.writeUInt16LE(piece.length, 1);
    head.writeUInt16LE(piece.length ^ 0xffff, 3);
    blocks.push(head, piece);
  }
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc32(content), 0);
  tail.writeUInt32LE(content.length, 4);
  return Buffer.concat([Buffer.from('1f8b08000000000000ff', 'hex'), ...blocks, tail]);
}

function privateKey(seed: string) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256(Buffer.from(seed))]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

export function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function align(at: number): number {
  return Math.ceil(at / 8) * 8;
}

function number(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function copy(file: Buffer, at: number, length: number): Buffer {
  return Buffer.from(file.subarray(at, at + length));
}
