// What somebody without the key can still do to a changed package: make every unkeyed checksum fit again.
// Offsets are those of crates/pspf/FORMAT.md.

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

const TRAILER_SIZE = 8200;
const MARKER_SIZE = 4;
const INDEX_SIZE = 8192;
const DESCRIPTOR_SIZE = 64;
const GZIP_HEADER_SIZE = 10;
const GZIP_TAIL_SIZE = 8;
const MOST_SLOTS = 64;

const INDEX = {
  checksum: 4,
  packageSize: 8,
  launcherSize: 16,
  metadataOffset: 24,
  metadataSize: 32,
  tableOffset: 40,
  tableSize: 48,
  metadataChecksum: 96,
} as const;
const DESCRIPTOR = { offset: 16, size: 24, checksum: 48 } as const;

/** Length of the launcher at the head of a package, in bytes. */
export function launcherSize(bytes: Buffer): number {
  return Number(bytes.readBigUInt64LE(bytes.length - TRAILER_SIZE + MARKER_SIZE + INDEX.launcherSize));
}

/** Repairs package size, metadata CRC-32 and SHA-256, descriptor checksums and Adler-32, in place, as far as they can be found. */
export function repair(bytes: Buffer): void {
  const index = bytes.subarray(bytes.length - TRAILER_SIZE + MARKER_SIZE).subarray(0, INDEX_SIZE);
  index.writeBigUInt64LE(BigInt(bytes.length), INDEX.packageSize);
  const metadata = region(bytes, number(index, INDEX.metadataOffset), number(index, INDEX.metadataSize));
  if (metadata !== undefined) {
    const content = storedContent(metadata);
    if (content !== undefined) metadata.writeUInt32LE(crc32(content), metadata.length - GZIP_TAIL_SIZE);
    sha256(metadata).copy(index, INDEX.metadataChecksum);
  }
  const table = region(bytes, number(index, INDEX.tableOffset), number(index, INDEX.tableSize)) ?? Buffer.alloc(0);
  const slots = Math.min(Math.floor(table.length / DESCRIPTOR_SIZE), MOST_SLOTS);
  for (let slot = 0; slot < slots; slot += 1) {
    const descriptor = table.subarray(slot * DESCRIPTOR_SIZE, (slot + 1) * DESCRIPTOR_SIZE);
    const stored = region(bytes, number(descriptor, DESCRIPTOR.offset), number(descriptor, DESCRIPTOR.size));
    if (stored !== undefined) sha256(stored).copy(descriptor, DESCRIPTOR.checksum, 0, 8);
  }
  index.writeUInt32LE(0, INDEX.checksum);
  index.writeUInt32LE(adler32(index), INDEX.checksum);
}

function number(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset));
}

function region(bytes: Buffer, offset: number, size: number): Buffer | undefined {
  return offset + size <= bytes.length ? bytes.subarray(offset, offset + size) : undefined;
}

/** Content of the stored deflate blocks of a gzip member, if the bytes still look like them. */
function storedContent(member: Buffer): Buffer | undefined {
  const blocks: Buffer[] = [];
  let rest = member.subarray(GZIP_HEADER_SIZE, Math.max(GZIP_HEADER_SIZE, member.length - GZIP_TAIL_SIZE));
  while (rest.length > 0) {
    if (rest.length < 5) return undefined;
    const end = 5 + rest.readUInt16LE(1);
    if (end > rest.length) return undefined;
    blocks.push(rest.subarray(5, end));
    rest = rest.subarray(end);
  }
  return Buffer.concat(blocks);
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function adler32(bytes: Buffer): number {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}
