/**
 * Keys of the build cache: a digest over everything that a result was made from, and over the packager's own program, so
 * that another version of it, or one that is being worked on, finds nothing of the other.
 */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What decides a result. Objects count by their keys and values, whatever the order they were written in. */
export type KeyPart = string | number | boolean | undefined | readonly KeyPart[] | { readonly [name: string]: KeyPart };

/** The key of a result of this kind. */
export function cacheKey(kind: string, parts: Readonly<Record<string, KeyPart>>): string {
  return createHash('sha256')
    .update(`${kind}\n${programDigest()}\n${canonical(parts)}`)
    .digest('hex');
}

function canonical(part: KeyPart): string {
  if (part === undefined || typeof part !== 'object') return JSON.stringify(part) ?? 'undefined';
  if (Array.isArray(part)) return `[${part.map(canonical).join()}]`;
  const members = Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${canonical(value as KeyPart)}`).join()}}`;
}

let known: string | undefined;

/** All of this package's program: no list of the parts that matter could be trusted to stay complete. */
function programDigest(): string {
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && entry.name !== 'launchers') visit(path);
      else if (/\.(js|py)$/.test(entry.name)) hash.update(`${entry.name}\0`).update(readFileSync(path));
    }
  };
  visit(fileURLToPath(new URL('..', import.meta.url)));
  known = hash.digest('hex');
  return known;
}
