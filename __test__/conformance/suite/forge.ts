// Packages that no builder of ours writes: another signed document, slots with members that no writer would render. What
// comes out is signed and rendered as FORMAT.md §8 says, so that a case meets exactly the one thing that it is about.

import { createHash } from 'node:crypto';
import { assemble, INDEX, type Parts, parts, sha256, signed, text } from '../../interop/package-file.js';
import { canonical, type Json, patched } from './patch.js';
import type { Member } from './schema.js';

const BLOCK = 512;
const PIECE = 128 * 1024;
const KINDS = { file: '0', hardlink: '1', link: '2', device: '3', folder: '5', pipe: '6' } as const;

/** A slot whose members are given one by one. */
export interface RawSlot {
  readonly position: number;
  readonly members: readonly Member[];
  readonly claims?: { readonly bytes?: number | undefined; readonly members?: number | undefined } | undefined;
}

/** Another package out of a package: other slots, another document, the same key or another one. */
export function forged(file: Buffer, rawSlots: readonly RawSlot[], changes: readonly Json[], seed: string): Buffer {
  const old = parts(file);
  const slots = [...old.slots];
  let document = JSON.parse(text(old)) as Json;
  for (const { position, members, claims } of rawSlots) {
    const content = tar(members);
    const stored = rawFrame(content);
    const slot = slots[position];
    if (slot === undefined) throw new Error(`there is no slot ${position}`);
    slots[position] = { ...slot, stored };
    const bytes = members.reduce((sum, member) => sum + (member.type === 'file' ? bytesOf(member).length : 0), 0);
    const facts: Json = { size: stored.length, checksum: `sha256:${sha256(stored).toString('hex')}` };
    const frame: Json = { stored: stored.length, content: content.length, sha256: sha256(stored).toString('hex') };
    const unpacked: Json = { bytes: claims?.bytes ?? bytes, members: claims?.members ?? members.length };
    document = patched(document, {
      slots: { [position]: facts },
      extensions: { 'x-flavor': { slots: { [position]: { frames: [frame], unpacked } } } },
    });
  }
  for (const change of changes) document = patched(document, change);
  const json = canonical(document);
  return assemble(rendered(signed({ ...old, slots }, json, seed), document));
}

/** Descriptors and the fingerprint field as the document determines them (FORMAT.md §2 and §3). */
function rendered(given: Parts, document: Json): Parts {
  const { slots: entries, extensions } = document as unknown as Document;
  const flavor = extensions?.['x-flavor']?.slots;
  const slots = given.slots.map(({ descriptor: old, stored }, position) => {
    const entry = entries[position];
    if (entry === undefined || flavor === undefined) return { descriptor: old, stored };
    const descriptor = Buffer.from(old);
    createHash('sha256').update(entry.id).digest().copy(descriptor, 8, 0, 8);
    const frames = flavor[position]?.frames;
    const content = frames?.reduce((sum, frame) => sum + frame.content, 0) ?? stored.length;
    descriptor.writeBigUInt64LE(BigInt(content), 32);
    descriptor.writeUInt8({ code: 1, config: 2, media: 3 }[entry.purpose ?? ''] ?? 0, 56);
    descriptor.writeUInt8(LIFECYCLES[entry.lifecycle ?? ''] ?? 2, 57);
    descriptor.writeUInt16LE(Number.parseInt(entry.permissions ?? '0644', 8), 62);
    return { descriptor, stored };
  });
  const index = Buffer.from(given.index);
  const key = index.subarray(INDEX.publicKey, INDEX.publicKey + 32);
  index.write(sha256(key).toString('hex'), INDEX.keyFingerprint, 'ascii');
  return { ...given, slots, index };
}

interface Document {
  readonly slots: readonly { id: string; purpose?: string; lifecycle?: string; permissions?: string }[];
  readonly extensions?: { 'x-flavor'?: { slots: readonly { frames?: readonly { content: number }[] }[] } };
}

const LIFECYCLES: Readonly<Record<string, number>> = {
  init: 0,
  startup: 1,
  shutdown: 3,
  cache: 4,
  cached: 4,
  temporary: 5,
  temp: 5,
  volatile: 5,
  lazy: 6,
  eager: 7,
  dev: 8,
  config: 9,
  platform: 10,
  attestation: 11,
};

/** One zstd frame of uncompressed blocks: any decoder reads it, and no encoder is needed. */
function rawFrame(content: Buffer): Buffer {
  const head = Buffer.from('28b52ffda000000000', 'hex');
  head.writeUInt32LE(content.length, 5);
  const blocks: Buffer[] = [head];
  for (let at = 0; at < content.length || at === 0; at += PIECE) {
    const piece = content.subarray(at, at + PIECE);
    const last = at + PIECE >= content.length ? 1 : 0;
    const header = Buffer.alloc(3);
    header.writeUIntLE((piece.length << 3) | last, 0, 3);
    blocks.push(header, piece);
  }
  return Buffer.concat(blocks);
}

/** A ustar stream of exactly these members, in this order, whatever they are. */
export function tar(members: readonly Member[]): Buffer {
  const blocks = members.flatMap((member) => {
    const data = member.type === 'file' ? bytesOf(member) : Buffer.alloc(0);
    return [header(member, data.length), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(member: Member, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  const path = member.type === 'folder' ? `${member.path}/` : member.path;
  block.write(path, 0, 'utf8');
  block.write(octal(Number.parseInt(member.mode ?? (member.type === 'file' ? '0644' : '0755'), 8), 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(315_619_200, 12), 136);
  block.write(KINDS[member.type], 156);
  block.write(member.target ?? '', 157, 'utf8');
  block.write('ustar\x0000', 257, 'latin1');
  block.write('        ', 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function bytesOf(member: Member): Buffer {
  return Buffer.from(member.text ?? '');
}
