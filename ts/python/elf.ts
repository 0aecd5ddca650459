/**
 * What the dynamic loader reads of an ELF file: which libraries it needs, where it looks for them, which versions of
 * symbols it asks for. Read through the program headers, as the loader does; section headers may be missing.
 *
 * Only 64-bit little-endian files are looked at: our targets have no others. Every number of the file is checked
 * against the file before it is used; what does not add up counts as "no ELF file that a loader would take".
 */

import { type FileHandle, open } from 'node:fs/promises';

/** `e_machine` by our names of architectures. */
export const ELF_MACHINE = { amd64: 62, arm64: 183 } as const;

/** Where an ELF file tells the loader to look, and where that stands in the file. */
export interface ElfSearchPath {
  readonly text: string;
  /** Offset of the text in the file; it ends with NUL. */
  readonly textOffset: number;
  /** Offsets of the entries of the dynamic section that name a search path. */
  readonly entryOffsets: readonly number[];
  /** What the entries refer to the text by: its offset in the string table. */
  readonly stringOffset: number;
}

/** The dynamic section of one file. */
export interface ElfDynamics {
  readonly machine: number;
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  readonly searchPath: ElfSearchPath | undefined;
  /** Versions of symbols that are asked for, such as `GLIBC_2.17`. */
  readonly versions: readonly string[];
  /** Offsets in the string table of everything but the search path, as far as it is read here. */
  readonly stringsInUse: readonly number[];
}

/** A part of a file as the loader maps it. */
interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT = {
  null: 0,
  needed: 1,
  hash: 4,
  strtab: 5,
  symtab: 6,
  strsz: 10,
  soname: 14,
  rpath: 15,
  runpath: 29,
  gnuHash: 0x6ffffef5,
  verneed: 0x6ffffffe,
  verneednum: 0x6fffffff,
} as const;
/** Tag of a search path that also serves the libraries of the file's libraries. */
export const DT_RPATH = DT.rpath;

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const ENTRY_BYTES = 16;
const SYMBOL_BYTES = 24;
/** More than any linker makes. */
const MAX_TABLE_BYTES = 256 * 1024 * 1024;
const MAX_VERSION_BYTES = 1024 * 1024;

/**
 * The dynamic section of a file; undefined if the file is no ELF file of ours or is linked statically. Names of
 * symbols are read only for who wants to overwrite strings: large libraries have hundreds of thousands.
 */
export async function readElf(path: string, symbols?: 'with-symbols'): Promise<ElfDynamics | undefined> {
  const file = await open(path, 'r');
  try {
    return await read(file, (await file.stat()).size, symbols !== undefined);
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle, fileSize: number, withSymbols: boolean): Promise<ElfDynamics | undefined> {
  const part = partsOf(file, fileSize);
  const header = await part(0, HEADER_BYTES);
  if (header === undefined || header.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
  if (header[4] !== 2 || header[5] !== 1) return undefined;
  const segments = await segmentsOf(header, part);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return undefined;
  const entries = entriesOf(await part(dynamic.offset, dynamic.size), dynamic.offset);
  const strings = await table(entries, segments, part);
  if (strings === undefined) return undefined;
  const { bytes, offset: stringsAt } = strings;
  const text = (at: number): string => {
    const end = bytes.indexOf(0, at);
    return at >= bytes.length || end === -1 ? '' : bytes.toString('latin1', at, end);
  };
  const allValues = (tag: number): number[] => entries.filter((entry) => entry.tag === tag).map(({ value }) => value);
  // A loader that finds both kinds ignores the older one.
  const paths = entries.filter(({ tag }) => tag === DT.runpath || tag === DT.rpath);
  const chosen = paths.find(({ tag }) => tag === DT.runpath) ?? paths[0];
  const versions = await versionsOf(entries, segments, part);
  const [soname] = allValues(DT.soname);
  return {
    machine: header.readUInt16LE(18),
    needed: allValues(DT.needed).map(text),
    soname: soname === undefined ? undefined : text(soname),
    searchPath: chosen && {
      text: text(chosen.value),
      textOffset: stringsAt + chosen.value,
      entryOffsets: paths.map(({ offset }) => offset),
      stringOffset: chosen.value,
    },
    versions: versions.map(({ name }) => text(name)),
    stringsInUse: [
      ...allValues(DT.needed),
      ...allValues(DT.soname),
      ...versions.flatMap(({ name, library }) => [name, library]),
      ...(withSymbols ? await symbolNames(entries, segments, part) : []),
    ],
  };
}

type PartReader = (offset: number, size: number) => Promise<Buffer | undefined>;

function partsOf(file: FileHandle, fileSize: number): PartReader {
  return async (offset, size) => {
    if (!Number.isSafeInteger(offset) || offset < 0 || size < 0 || offset + size > fileSize) return undefined;
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await file.read(bytes, 0, size, offset);
    return bytesRead === size ? bytes : undefined;
  };
}

async function segmentsOf(header: Buffer, part: PartReader): Promise<Segment[]> {
  const offset = Number(header.readBigUInt64LE(32));
  const [entrySize, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
  if (entrySize !== SEGMENT_BYTES) return [];
  const bytes = (await part(offset, entrySize * count)) ?? Buffer.alloc(0);
  return Array.from({ length: bytes.length / SEGMENT_BYTES }, (_, index) => {
    const at = index * SEGMENT_BYTES;
    return {
      type: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
}

interface DynamicEntry {
  readonly tag: number;
  readonly value: number;
  /** Offset in the file. */
  readonly offset: number;
}

function entriesOf(bytes: Buffer | undefined, offset: number): DynamicEntry[] {
  const entries: DynamicEntry[] = [];
  for (let at = 0; bytes !== undefined && at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const tag = Number(bytes.readBigUInt64LE(at));
    if (tag === DT.null) break;
    entries.push({ tag, value: Number(bytes.readBigUInt64LE(at + 8)), offset: offset + at });
  }
  return entries;
}

/**
 * Where an address of the loaded file stands in the file, and how much is mapped from there on. Tools that edit
 * programs let a table run from one segment into the next, where both lie side by side in the file as well.
 */
function placeOf(address: number | undefined, segments: readonly Segment[]) {
  if (address === undefined) return undefined;
  const loaded = segments.filter(({ type }) => type === PT_LOAD);
  const holds = (at: number) => (segment: Segment) => at >= segment.address && at < segment.address + segment.size;
  const first = loaded.find(holds(address));
  if (first === undefined) return undefined;
  let end = first.address + first.size;
  for (let next: Segment | undefined = first; next !== undefined; ) {
    next = loaded.find((other) => other.offset - other.address === first.offset - first.address && holds(end)(other));
    if (next !== undefined) end = next.address + next.size;
  }
  return { offset: first.offset + address - first.address, left: end - address };
}

function firstValue(entries: readonly DynamicEntry[], tag: number): number | undefined {
  return entries.find((entry) => entry.tag === tag)?.value;
}

async function table(entries: readonly DynamicEntry[], segments: readonly Segment[], part: PartReader) {
  const place = placeOf(firstValue(entries, DT.strtab), segments);
  const size = firstValue(entries, DT.strsz);
  if (place === undefined || size === undefined || size > Math.min(place.left, MAX_TABLE_BYTES)) return undefined;
  const bytes = await part(place.offset, size);
  return bytes && { bytes, offset: place.offset };
}

/** Names of versions and of the libraries that are to have them, as offsets in the string table. */
async function versionsOf(entries: readonly DynamicEntry[], segments: readonly Segment[], part: PartReader) {
  const place = placeOf(firstValue(entries, DT.verneed), segments);
  const bytes = place && (await part(place.offset, Math.min(place.left, MAX_VERSION_BYTES)));
  const found: { readonly name: number; readonly library: number }[] = [];
  if (bytes === undefined) return found;
  let at = 0;
  for (let left = firstValue(entries, DT.verneednum) ?? 0; left > 0 && at + 16 <= bytes.length; left -= 1) {
    const library = bytes.readUInt32LE(at + 4);
    let auxiliary = at + bytes.readUInt32LE(at + 8);
    for (let more = bytes.readUInt16LE(at + 2); more > 0 && auxiliary + 16 <= bytes.length; more -= 1) {
      found.push({ name: bytes.readUInt32LE(auxiliary + 8), library });
      const step = bytes.readUInt32LE(auxiliary + 12);
      if (step === 0) break;
      auxiliary += step;
    }
    const step = bytes.readUInt32LE(at + 12);
    if (step === 0) break;
    at += step;
  }
  return found;
}

/** Names of the dynamic symbols: a linker may let them share the end of any other string. */
async function symbolNames(
  entries: readonly DynamicEntry[],
  segments: readonly Segment[],
  part: PartReader,
): Promise<number[]> {
  const place = placeOf(firstValue(entries, DT.symtab), segments);
  const count = await symbolCount(entries, segments, part);
  if (place === undefined || count * SYMBOL_BYTES > Math.min(place.left, MAX_TABLE_BYTES)) return [];
  const bytes = (await part(place.offset, count * SYMBOL_BYTES)) ?? Buffer.alloc(0);
  return Array.from({ length: bytes.length / SYMBOL_BYTES }, (_, index) => bytes.readUInt32LE(index * SYMBOL_BYTES));
}

/** The dynamic section does not say how many symbols there are; the hash tables do. */
async function symbolCount(
  entries: readonly DynamicEntry[],
  segments: readonly Segment[],
  part: PartReader,
): Promise<number> {
  const old = placeOf(firstValue(entries, DT.hash), segments);
  if (old !== undefined) return (await part(old.offset, 8))?.readUInt32LE(4) ?? 0;
  const place = placeOf(firstValue(entries, DT.gnuHash), segments);
  const bytes = place && (await part(place.offset, Math.min(place.left, MAX_TABLE_BYTES)));
  if (bytes === undefined || bytes.length < 16) return 0;
  const [buckets, first, blooms] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readUInt32LE(8)];
  const bucketsAt = 16 + blooms * 8;
  const chainsAt = bucketsAt + buckets * 4;
  if (chainsAt > bytes.length) return 0;
  let last = 0;
  for (let index = 0; index < buckets; index += 1) last = Math.max(last, bytes.readUInt32LE(bucketsAt + index * 4));
  if (last < first) return first;
  for (let at = chainsAt + (last - first) * 4; at + 4 <= bytes.length; at += 4, last += 1) {
    if ((bytes.readUInt32LE(at) & 1) === 1) break;
  }
  return last + 1;
}
