/**
 * Takes symbol tables and debug sections out of an ELF file, as `strip` does: every byte that the loader maps stays, at
 * its address. What lies behind the mapped part is cut off; what lies within (patchelf leaves the old tables there, and
 * appends what it writes) goes by whole pages, so that offsets and addresses stay in step.
 *
 * Left alone is whatever holds more than a linker writes: sections of other names (signatures, data that a program reads from its own
 * file), anything behind the last section (self-extracting programs), and libraries beside whose name a digest lies.
 */

import { chmod, lstat, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { isThere } from '../presence.js';

interface Section {
  readonly header: Buffer;
  readonly name: string;
  readonly type: number;
  readonly isLoaded: boolean;
  readonly span: Span;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

const HEADER_BYTES = 64;
const SECTION_BYTES = 64;
const PROGRAM_BYTES = 56;
const PT_LOAD = 1;
const SHT_NULL = 0;
const SHT_STRTAB = 3;
const SHT_NOBITS = 8;
const SHF_ALLOC = 2n;
const ALIGNMENT = 8;
/** How many more sections a table may have had before patchelf. */
const SPARE_SECTIONS = 8;
/** What nothing but debuggers, linkers and people read. */
const NOT_NEEDED =
  /^\.(symtab|symtab_shndx|strtab|shstrtab|comment|z?debug_.*|gdb_index|gnu_debug(link|altlink|data)|gnu\.build\.attributes.*|annobin\.notes|stab|stabstr)$/;

/** Strips a file in place; gives the number of bytes that it lost, 0 if it is no ELF file or has nothing to strip. */
export async function stripElf(path: string): Promise<number> {
  const bytes = await readFile(path);
  const stripped = strippedElf(bytes);
  if (stripped === undefined || stripped.length >= bytes.length) return 0;
  // Compared with the file by the library itself when it is loaded (FIPS).
  if (await isThere(join(dirname(path), `.${basename(path)}.hmac`))) return 0;
  const { mode } = await lstat(path);
  const staged = `${path}.stripped`;
  await writeFile(staged, stripped);
  await chmod(staged, mode & 0o777);
  await rename(staged, path);
  return bytes.length - stripped.length;
}

function strippedElf(bytes: Buffer): Buffer | undefined {
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
  // Shared objects and programs of 64-bit little-endian machines.
  const type = bytes.readUInt16LE(16);
  if (bytes[4] !== 2 || bytes[5] !== 1 || (type !== 2 && type !== 3)) return undefined;
  const sections = sectionsOf(bytes);
  const programs = programsOf(bytes);
  if (sections === undefined || programs === undefined) return undefined;
  const going = sections.filter(({ isLoaded, type: kind }) => !isLoaded && kind !== SHT_NULL);
  if (going.some(({ name, span }) => span.end > span.start && !NOT_NEEDED.test(name))) return undefined;
  const staying = joined([
    { start: 0, end: HEADER_BYTES },
    programs.table,
    ...programs.segments,
    ...sections.filter(({ isLoaded, type: kind }) => isLoaded && kind !== SHT_NOBITS).map(({ span }) => span),
  ]);
  const known = joined([
    ...staying,
    ...going.filter(({ type: kind }) => kind !== SHT_NOBITS).map(({ span }) => span),
    tableOf(bytes, sections.length),
  ]);
  if ((staying.at(-1)?.end ?? 0) > bytes.length || !isNothing(bytes, known, sections.length)) return undefined;
  const move = moves(staying, programs.alignment);
  const mapped = Buffer.alloc(move(staying.at(-1)?.end ?? 0));
  for (const { start, end } of staying) bytes.copy(mapped, move(start), start, end);
  return written(mapped, bytes, sections, move);
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
    const start = Number(own.readBigUInt64LE(24));
    return {
      header: own,
      name: bytes.toString('latin1', at, Math.max(at, bytes.indexOf(0, at))),
      type: own.readUInt32LE(4),
      isLoaded: (own.readBigUInt64LE(8) & SHF_ALLOC) !== 0n,
      span: { start, end: start + Number(own.readBigUInt64LE(32)) },
    };
  });
}

function tableOf(bytes: Buffer, count: number): Span {
  const start = Number(bytes.readBigUInt64LE(40));
  return { start, end: start + count * SECTION_BYTES };
}

/** The table of segments, what they hold of the file, and by what their places may be moved. */
function programsOf(bytes: Buffer) {
  const offset = Number(bytes.readBigUInt64LE(32));
  const [entrySize, count] = [bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  const table = { start: offset, end: offset + count * PROGRAM_BYTES };
  if (entrySize !== PROGRAM_BYTES || table.end > bytes.length) return undefined;
  let alignment = 0;
  const segments: Span[] = [];
  for (let at = table.start; at < table.end; at += PROGRAM_BYTES) {
    const start = Number(bytes.readBigUInt64LE(at + 8));
    const size = Number(bytes.readBigUInt64LE(at + 32));
    if (size > 0) segments.push({ start, end: start + size });
    if (bytes.readUInt32LE(at) === PT_LOAD) alignment = Math.max(alignment, Number(bytes.readBigUInt64LE(at + 48)));
  }
  const isPower = alignment > 0 && Number.isInteger(Math.log2(alignment));
  return isPower ? { table, segments, alignment } : undefined;
}

/** Spans in order, those that touch or overlap as one. */
function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of [...spans].sort((left, right) => left.start - right.start)) {
    const last = result.at(-1);
    if (last === undefined || span.start > last.end) result.push(span);
    else result[result.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
  }
  return result;
}

/** Whether there are only zeros between and behind the spans, or a table of sections that patchelf has put elsewhere. */
function isNothing(bytes: Buffer, spans: readonly Span[], count: number): boolean {
  const ends = [...spans.slice(1).map(({ start }) => start), bytes.length];
  return spans.every(({ end: start }, index) => {
    const end = ends[index] ?? start;
    if (isZero(bytes, start, end)) return true;
    const first = Math.ceil(start / ALIGNMENT) * ALIGNMENT + SECTION_BYTES;
    const last = first + (count + SPARE_SECTIONS) * SECTION_BYTES;
    return end < bytes.length && isZero(bytes, start, first) && isZero(bytes, last, end);
  });
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  return bytes.subarray(start, Math.max(start, end)).every((byte) => byte === 0);
}

/** Where an offset of the old file is in the new one: what lies between spans goes, in multiples of the alignment. */
function moves(staying: readonly Span[], alignment: number): (offset: number) => number {
  let gone = 0;
  const steps = staying.map(({ start }, index) => {
    const hole = start - (staying[index - 1]?.end ?? 0);
    gone += Math.floor(hole / alignment) * alignment;
    return { start, gone };
  });
  return (offset) => offset - (steps.findLast(({ start }) => start <= offset)?.gone ?? 0);
}

/** The mapped part with its offsets put right, the names of the sections that stay, and their table. */
function written(
  mapped: Buffer,
  bytes: Buffer,
  sections: readonly Section[],
  move: (offset: number) => number,
): Buffer | undefined {
  const kept = sections.slice(0, sections.findLastIndex(({ isLoaded }) => isLoaded) + 1);
  if (kept.length < 2) return undefined;
  const names: Buffer[] = [];
  const nameOffsets: number[] = [];
  let length = 0;
  for (const name of [...kept.map((section) => (section.isLoaded ? section.name : '')), '.shstrtab']) {
    nameOffsets.push(length);
    names.push(Buffer.from(`${name}\0`, 'latin1'));
    length += name.length + 1;
  }
  const namesAt = mapped.length;
  const tableAt = Math.ceil((namesAt + length) / ALIGNMENT) * ALIGNMENT;
  const table = Buffer.alloc((kept.length + 1) * SECTION_BYTES);
  for (const [index, { header, isLoaded, span }] of kept.entries()) {
    // Symbols name sections by number: what goes from among the others leaves its number empty.
    if (!isLoaded) continue;
    const at = index * SECTION_BYTES;
    header.copy(table, at);
    table.writeUInt32LE(nameOffsets[index] ?? 0, at);
    table.writeBigUInt64LE(BigInt(move(span.start)), at + 24);
    if (sections[header.readUInt32LE(40)]?.isLoaded !== true) table.writeUInt32LE(0, at + 40);
  }
  const own = kept.length * SECTION_BYTES;
  table.writeUInt32LE(nameOffsets[kept.length] ?? 0, own);
  table.writeUInt32LE(SHT_STRTAB, own + 4);
  table.writeBigUInt64LE(BigInt(namesAt), own + 24);
  table.writeBigUInt64LE(BigInt(length), own + 32);
  table.writeBigUInt64LE(1n, own + 48);
  const result = Buffer.concat([mapped, ...names, Buffer.alloc(tableAt - namesAt - length), table]);
  const programs = move(Number(bytes.readBigUInt64LE(32)));
  result.writeBigUInt64LE(BigInt(programs), 32);
  for (let at = programs; at < programs + bytes.readUInt16LE(56) * PROGRAM_BYTES; at += PROGRAM_BYTES) {
    result.writeBigUInt64LE(BigInt(move(Number(result.readBigUInt64LE(at + 8)))), at + 8);
  }
  result.writeBigUInt64LE(BigInt(tableAt), 40);
  result.writeUInt16LE(kept.length + 1, 60);
  result.writeUInt16LE(kept.length, 62);
  return result;
}
