/**
 * The lowest macOS that a Mach-O file asks for. Files for several architectures hold several such files; the one of
 * the wanted architecture counts. What is malformed counts as no Mach-O file.
 */

import { open } from 'node:fs/promises';

const CPU = { amd64: 0x01000007, arm64: 0x0100000c } as const;
const MAGIC_64 = 0xfeedfacf;
const MAGIC_FAT = 0xcafebabe;
const LC_VERSION_MIN_MACOSX = 0x24;
const LC_BUILD_VERSION = 0x32;
const HEADER_BYTES = 32;
const FAT_ENTRY_BYTES = 20;
/** Java class files begin like fat files; none of those holds so few architectures. */
const MAX_ARCHITECTURES = 16;
const MAX_COMMAND_BYTES = 1024 * 1024;

/** Version such as `11.0`; undefined if the file says none for the architecture. */
export async function machOMinimum(path: string, arch: keyof typeof CPU): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const part = async (offset: number, size: number): Promise<Buffer> => {
      const bytes = Buffer.alloc(size);
      const { bytesRead } = await file.read(bytes, 0, size, offset);
      return bytes.subarray(0, bytesRead);
    };
    const start = await startOf(await part(0, 8 + MAX_ARCHITECTURES * FAT_ENTRY_BYTES), arch);
    if (start === undefined) return undefined;
    const header = await part(start, HEADER_BYTES);
    if (header.length < HEADER_BYTES || header.readUInt32LE(0) !== MAGIC_64 || header.readUInt32LE(4) !== CPU[arch]) {
      return undefined;
    }
    const size = Math.min(header.readUInt32LE(20), MAX_COMMAND_BYTES);
    return minimumOf(await part(start + HEADER_BYTES, size));
  } finally {
    await file.close();
  }
}

function startOf(head: Buffer, arch: keyof typeof CPU): number | undefined {
  if (head.length < 8) return undefined;
  if (head.readUInt32BE(0) !== MAGIC_FAT) return 0;
  const count = Math.min(head.readUInt32BE(4), MAX_ARCHITECTURES);
  for (let at = 8; at < 8 + count * FAT_ENTRY_BYTES && at + FAT_ENTRY_BYTES <= head.length; at += FAT_ENTRY_BYTES) {
    if (head.readUInt32BE(at) === CPU[arch]) return head.readUInt32BE(at + 8);
  }
  return undefined;
}

function minimumOf(commands: Buffer): string | undefined {
  for (let at = 0; at + 16 <= commands.length; ) {
    const [command, size] = [commands.readUInt32LE(at), commands.readUInt32LE(at + 4)];
    if (command === LC_VERSION_MIN_MACOSX) return versionText(commands.readUInt32LE(at + 8));
    if (command === LC_BUILD_VERSION) return versionText(commands.readUInt32LE(at + 12));
    if (size < 8) return undefined;
    at += size;
  }
  return undefined;
}

function versionText(packed: number): string {
  return `${packed >>> 16}.${(packed >>> 8) & 0xff}`;
}
