// S16: the slot keys of the table, computed a second time from the packages by STORE.md §4 alone, without the library
// and without the crates of the store.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

interface Vector {
  name: string;
  file: string;
  slot_keys?: (string | null)[];
}

interface Document {
  slots: { operations: string; permissions: string; target: string }[];
  extensions: {
    'x-flavor': { slots: { frames?: { stored: number; content: number; sha256: string }[] }[] };
  };
}

const folder = new URL('../vectors/', import.meta.url);
const vectors = JSON.parse(readFileSync(new URL('vectors.json', folder), 'utf8')) as Vector[];
const withKeys = vectors.filter((vector) => vector.slot_keys !== undefined);

const INDEX_FROM_END = 8196;
const spellings: Record<string, string> = { tzst: 'tar.zst', 'tar.zst': 'tar.zst', zst: 'zstd' };

function documentOf(file: string): Document {
  const bytes = readFileSync(new URL(file, folder));
  const index = bytes.length - INDEX_FROM_END;
  const start = Number(bytes.readBigUInt64LE(index + 24));
  const size = Number(bytes.readBigUInt64LE(index + 32));
  return JSON.parse(gunzipSync(bytes.subarray(start, start + size)).toString()) as Document;
}

function keysOf(document: Document): (string | null)[] {
  return document.slots.map((slot, position) => {
    const { frames } = document.extensions['x-flavor'].slots[position] ?? {};
    if (frames === undefined) {
      return null;
    }
    const written = slot.operations.toLowerCase();
    const operations = spellings[written] ?? written;
    const lines = ['flavor-slot 1', operations, 'profile unix-1'];
    if (operations !== 'tar.zst') {
      const name = slot.target.replace(/^\{workenv\}\//, '');
      lines.push(`mode ${slot.permissions.padStart(4, '0')} ${name}`);
    }
    for (const { stored, content, sha256 } of frames) {
      lines.push(`${stored} ${content} ${sha256}`);
    }
    return createHash('sha256')
      .update(`${lines.join('\n')}\n`)
      .digest('hex');
  });
}

test('s16 every slot key of the table is the digest of the documented lines', () => {
  expect(withKeys.length).toBeGreaterThan(60);
  for (const { name, file, slot_keys } of withKeys) {
    expect(keysOf(documentOf(file)), name).toEqual(slot_keys);
  }
});
