/**
 * For which system and machine an executable file is, from its head alone: nothing of a target is run on another
 * platform, so this is how an interpreter or a launcher that is not what its name says is noticed.
 */

import { open } from 'node:fs/promises';

import type { Target } from '../platform.js';

type Machine = Pick<Target, 'os' | 'arch'>;

const ELF = Buffer.from('\u007fELF', 'latin1');
const ELF_64_LITTLE = Buffer.from([2, 1]);
const ELF_ARCH = new Map<number, Machine['arch']>([
  [62, 'amd64'],
  [183, 'arm64'],
]);
const MACH_O_64 = 0xfeedfacf;
const MACH_O_ARCH = new Map<number, Machine['arch']>([
  [0x01000007, 'amd64'],
  [0x0100000c, 'arm64'],
]);
const PE_ARCH = new Map<number, Machine['arch']>([
  [0x8664, 'amd64'],
  [0xaa64, 'arm64'],
]);
/** Offset of the PE header's offset. */
const PE_AT = 0x3c;

/** The machine of an executable file; undefined if the head is of no form that is known here. */
export async function machineOf(path: string): Promise<Machine | undefined> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    return machineOfHead(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

function machineOfHead(head: Buffer): Machine | undefined {
  if (head.length < 0x40) return undefined;
  if (head.subarray(0, 4).equals(ELF)) {
    return head.subarray(4, 6).equals(ELF_64_LITTLE)
      ? machine('linux', ELF_ARCH.get(head.readUInt16LE(18)))
      : undefined;
  }
  if (head.readUInt32LE(0) === MACH_O_64) return machine('darwin', MACH_O_ARCH.get(head.readUInt32LE(4)));
  if (head.subarray(0, 2).toString('latin1') !== 'MZ') return undefined;
  const at = head.readUInt32LE(PE_AT);
  if (at + 6 > head.length || head.subarray(at, at + 4).toString('latin1') !== 'PE\0\0') return undefined;
  return machine('windows', PE_ARCH.get(head.readUInt16LE(at + 4)));
}

function machine(os: Machine['os'], arch: Machine['arch'] | undefined): Machine | undefined {
  return arch === undefined ? undefined : { os, arch };
}
