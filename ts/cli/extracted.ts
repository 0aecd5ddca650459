/** How extracted slots are told. */

import type { ExtractedSlot } from '../index.js';
import { formatSize, printable } from './output.js';

/** For `--json`. */
export function extractedObject(slot: ExtractedSlot): Record<string, unknown> {
  const { index, id, path, kind, bytes, members, signed } = slot;
  return { index, id, path, kind, bytes, members, signed };
}

/** For people. */
export function extractedLine({ index, id, path, kind, bytes, members, signed }: ExtractedSlot): string {
  const what = {
    tree: `${members} members, ${formatSize(bytes)}`,
    file: formatSize(bytes),
    stored: `${formatSize(bytes)} as stored`,
  }[kind];
  const unsigned = signed ? '' : '; the signature does not cover it';
  return `slot ${index} (${printable(id)}): ${printable(path)} (${what}${unsigned})`;
}
