/**
 * Makes a copied ELF file look for its libraries beside itself. The new search path is written over the old one, so
 * it must fit there; nothing is moved. The entry becomes one of the older kind (DT_RPATH): it also serves the
 * libraries that the file's libraries need, and nothing in the environment comes before it.
 */

import { open } from 'node:fs/promises';

import { DT_RPATH, type ElfDynamics } from './elf.js';

/** Why a search path cannot be written; undefined when it can. */
export function searchPathObstacle(elf: ElfDynamics, value: string): string | undefined {
  const { searchPath } = elf;
  if (searchPath === undefined) return 'it has no search path that could be overwritten';
  const { length } = searchPath.text;
  if (value.length > length) return `its search path is too short to be overwritten: ${searchPath.text}`;
  const { stringOffset } = searchPath;
  const isShared = elf.stringsInUse.some((at) => at > stringOffset && at < stringOffset + length);
  return isShared ? `its search path is part of another string: ${searchPath.text}` : undefined;
}

/** Overwrites the search path; {@link searchPathObstacle} said that it can be. */
export async function writeSearchPath(path: string, elf: ElfDynamics, value: string): Promise<void> {
  const { searchPath } = elf;
  if (searchPath === undefined) return;
  const text = Buffer.alloc(searchPath.text.length);
  text.write(value, 'latin1');
  const entry = Buffer.alloc(16);
  entry.writeBigUInt64LE(BigInt(DT_RPATH), 0);
  entry.writeBigUInt64LE(BigInt(searchPath.stringOffset), 8);
  const file = await open(path, 'r+');
  try {
    await file.write(text, 0, text.length, searchPath.textOffset);
    for (const offset of searchPath.entryOffsets) await file.write(entry, 0, entry.length, offset);
  } finally {
    await file.close();
  }
}
