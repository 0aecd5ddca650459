/**
 * Takes symbol tables and debug sections out of an ELF file, as `strip` does: what the loader maps stays as it is,
 * byte for byte and at its place. The table of sections stays too, for debuggers and profilers look for sections of
 * the interpreter by name. Files that are not laid out in the usual order are left alone.
 */

import { readFile, writeFile } from 'node:fs/promises';

interface Section {
  readonly header: Buffer;
  readonly name: string;
  readonly type: number;
  readonly isLoaded: boolean;
  readonly offset: number;
  readonly size: number;
}

const HEADER_BYTES = 64;
const SECTION_BYTES = 64;
const PROGRAM_BYTES = 56;
const SHT_STRTAB = 3;
const SHT_NOBITS = 8;
const SHF_ALLOC = 2n;
const ALIGNMENT = 8;

/** Strips a file in place; gives the number of bytes that it lost, 0 if it is no ELF file or has nothing to strip. */
export async function stripElf(path: string): Promise<number> {
  const bytes = await readFile(path);
  const stripped = strippedElf(bytes);
  if (stripped === undefined || stripped.length >= bytes.length) return 0;
  await writeFile(path, stripped);
  return bytes.length - stripped.length;
}

function strippedElf(bytes: Buffer): Buffer | undefined {
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
  // Shared objects and programs of 64-bit little-endian machines.
  const type = bytes.readUInt16LE(16);
  if (bytes[4] !== 2 || bytes[5] !== 1 || (type !== 2 && type !== 3)) return undefined;
  const sections = sectionsOf(bytes);
  if (sections === undefined) return undefined;
  const last = sections.findLastIndex(({ isLoaded }) => isLoaded);
  const kept = sections.slice(0, last + 1);
  // Symbols name sections by number: numbers must not change.
  if (last < 1 || kept.slice(1).some(({ isLoaded }) => !isLoaded)) return undefined;
  const end = mappedEnd(bytes, kept);
  if (
    end === undefined ||
    sections.slice(last + 1).some(({ offset, type: kind }) => kind !== SHT_NOBITS && offset < end)
  ) {
    return undefined;
  }
  return written(bytes.subarray(0, end), kept);
}

function sectionsOf(bytes: Buffer): Section[] | undefined {
  const offset = Number(bytes.readBigUInt64LE(40));
  const [entrySize, count, names] = [bytes.readUInt16LE(58), bytes.readUInt16LE(60), bytes.readUInt16LE(62)];
  if (entrySize !== SECTION_BYTES || count < 2 || names >= count) return undefined;
  if (offset + count * SECTION_BYTES > bytes.length) return undefined;
  const header = (index: number): Buffer => bytes.subarray(offset + index * SECTION_BYTES).subarray(0, SECTION_BYTES);
  const namesAt = Number(header(names).readBigUInt64LE(24));
  return Array.from({ length: count }, (_, index) => {
    const own = header(index);
    const at = namesAt + own.readUInt32LE(0);
    return {
      header: own,
      name: bytes.toString('latin1', at, Math.max(at, bytes.indexOf(0, at))),
      type: own.readUInt32LE(4),
      isLoaded: (own.readBigUInt64LE(8) & SHF_ALLOC) !== 0n,
      offset: Number(own.readBigUInt64LE(24)),
      size: Number(own.readBigUInt64LE(32)),
    };
  });
}

/** Where what is mapped ends: segments and loaded sections both. */
function mappedEnd(bytes: Buffer, kept: readonly Section[]): number | undefined {
  const offset = Number(bytes.readBigUInt64LE(32));
  const [entrySize, count] = [bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  if (entrySize !== PROGRAM_BYTES || offset + count * PROGRAM_BYTES > bytes.length) return undefined;
  let end = offset + count * PROGRAM_BYTES;
  for (let at = offset; at < offset + count * PROGRAM_BYTES; at += PROGRAM_BYTES) {
    end = Math.max(end, Number(bytes.readBigUInt64LE(at + 8)) + Number(bytes.readBigUInt64LE(at + 32)));
  }
  for (const section of kept) {
    if (section.type !== SHT_NOBITS) end = Math.max(end, section.offset + section.size);
  }
  return end <= bytes.length ? end : undefined;
}

/** The mapped part, the names of the kept sections, and their table. */
function written(mapped: Buffer, kept: readonly Section[]): Buffer {
  const names: Buffer[] = [];
  const nameOffsets: number[] = [];
  let length = 0;
  for (const name of [...kept.map((section) => section.name), '.shstrtab']) {
    nameOffsets.push(length);
    names.push(Buffer.from(`${name}\0`, 'latin1'));
    length += name.length + 1;
  }
  const namesAt = mapped.length;
  const tableAt = Math.ceil((namesAt + length) / ALIGNMENT) * ALIGNMENT;
  const table = Buffer.alloc((kept.length + 1) * SECTION_BYTES);
  for (const [index, section] of kept.entries()) {
    section.header.copy(table, index * SECTION_BYTES);
    table.writeUInt32LE(nameOffsets[index] ?? 0, index * SECTION_BYTES);
  }
  const own = kept.length * SECTION_BYTES;
  table.writeUInt32LE(nameOffsets[kept.length] ?? 0, own);
  table.writeUInt32LE(SHT_STRTAB, own + 4);
  table.writeBigUInt64LE(BigInt(namesAt), own + 24);
  table.writeBigUInt64LE(BigInt(length), own + 32);
  table.writeBigUInt64LE(1n, own + 48);
  const result = Buffer.concat([mapped, ...names, Buffer.alloc(tableAt - namesAt - length), table]);
  result.writeBigUInt64LE(BigInt(tableAt), 40);
  result.writeUInt16LE(kept.length + 1, 60);
  result.writeUInt16LE(kept.length, 62);
  return result;
}
