// The checksum of records and receipts (STORE.md 9.3), so that a case can change one field and nothing else.

const START = 0xcbf29ce484222325n;
const FACTOR = 0x100000001b3n;
const MASK = 0xffffffffffffffffn;
const CHECKSUM_AT = 8;
const COVERED_FROM = 16;

/** Writes the checksum of a record or receipt. */
export function seal(bytes: Buffer): void {
  bytes.writeBigUInt64LE(checksum(bytes.subarray(COVERED_FROM)), CHECKSUM_AT);
}

/** Whether its checksum is right. */
export function isSealed(bytes: Buffer): boolean {
  return bytes.readBigUInt64LE(CHECKSUM_AT) === checksum(bytes.subarray(COVERED_FROM));
}

function checksum(bytes: Buffer): bigint {
  const padded = Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
  let value = START;
  for (let at = 0; at < padded.length; at += 8) {
    value = ((value ^ padded.readBigUInt64LE(at)) * FACTOR) & MASK;
    value ^= value >> 32n;
  }
  return value;
}
