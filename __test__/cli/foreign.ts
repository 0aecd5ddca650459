// A package as another builder makes it: deflated metadata, no x-flavor, a slot without a digest, bytes that nobody
// signed. Made by hand, because no tool of ours writes such a file.

import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { gzipSync } from 'node:zlib';

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

/** Adler-32, the one checksum of the index block. */
function adler32(bytes: Buffer): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}

/** The package: a gzip slot that is signed, and an attestation that is not. */
export function foreignPackage(content: string): Buffer {
  const launcher = Buffer.from('a launcher of somebody else');
  const stored = gzipSync(content);
  const attestation = Buffer.from('{"provenance":{}}');
  const entry = (slot: number, id: string, bytes: Buffer, checksum: string, operations: string) => ({
    ...{ slot, id, source: id, target: `{workenv}/${id}`, size: bytes.length, checksum, operations },
    ...{ purpose: 'data', lifecycle: 'runtime', permissions: '0600' },
  });
  const json = Buffer.from(
    JSON.stringify({
      format: 'PSPF/2025',
      package: { name: 'Foreign_One', version: '2' },
      slots: [
        entry(0, 'data', stored, `sha256:${sha256(stored).toString('hex')}`, 'gzip'),
        entry(1, '_attestation', attestation, '0123456789abcdef', 'raw'),
      ],
      execution: { primary_slot: 0, command: '{workenv}/data' },
    }),
  );
  const metadata = gzipSync(json);
  const padding = Buffer.alloc((8 - ((launcher.length + metadata.length) % 8)) % 8, '.');
  const tableOffset = launcher.length + metadata.length + padding.length;
  const table = Buffer.alloc(128);
  let offset = tableOffset + table.length;
  for (const [position, bytes, operations] of [
    [0, stored, 0x10n],
    [1, attestation, 0n],
  ] as const) {
    const at = position * 64;
    table.writeBigUInt64LE(BigInt(offset), at + 16);
    table.writeBigUInt64LE(BigInt(bytes.length), at + 24);
    table.writeBigUInt64LE(BigInt(bytes.length), at + 32);
    table.writeBigUInt64LE(operations, at + 40);
    offset += bytes.length;
  }
  // PKCS#8 around 32 bytes.
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256(Buffer.from('a seed'))]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  const block = Buffer.alloc(8192);
  block.writeUInt32LE(0x20250001, 0);
  const sizes = [offset + 8200, launcher.length, launcher.length, metadata.length, tableOffset, table.length];
  for (const [position, size] of sizes.entries()) block.writeBigUInt64LE(BigInt(size), 8 + position * 8);
  block.writeUInt32LE(2, 56);
  publicKey.copy(block, 64);
  sha256(metadata).copy(block, 96);
  sign(null, json, key).copy(block, 128);
  block.writeUInt32LE(adler32(block), 4);
  const marks = [Buffer.from('📦'), Buffer.from('🪄')] as const;
  return Buffer.concat([launcher, metadata, padding, table, stored, attestation, marks[0], block, marks[1]]);
}
