// What is in a folder: for comparisons before and after.

import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Two descriptions of each path below a folder: what it holds, and that plus everything that a write would change. */
export type Snapshot = ReadonlyMap<string, { readonly content: string; readonly identity: string }>;

/** Describes a path and everything below it; links are not followed. */
export function snapshot(path: string): Snapshot {
  const entries = new Map<string, { content: string; identity: string }>();
  const walk = (at: string, name: string): void => {
    let stat: BigIntStats;
    try {
      stat = lstatSync(at, { bigint: true });
    } catch {
      return;
    }
    let content = `${stat.mode.toString(8)} ${stat.uid}`;
    if (stat.isSymbolicLink()) content += ` -> ${readlinkSync(at)}`;
    else if (stat.isFile()) content += ` ${createHash('sha256').update(readFileSync(at)).digest('hex')}`;
    entries.set(name, { content, identity: `${content} ${stat.ino} ${stat.mtimeNs} ${stat.ctimeNs}` });
    if (stat.isDirectory()) for (const entry of readdirSync(at)) walk(join(at, entry), join(name, entry));
  };
  walk(path, '.');
  return entries;
}

/** Paths that differ between two descriptions. */
export function differences(before: Snapshot, after: Snapshot, by: 'content' | 'identity'): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name)?.[by] !== after.get(name)?.[by]).sort();
}

/** Existing paths that a pattern covers; `*` stands for any part of one name. */
export function matching(pattern: string): string[] {
  let found = ['/'];
  for (const part of pattern.split('/').filter((name) => name !== '')) {
    if (!part.includes('*')) {
      found = found.map((folder) => join(folder, part));
      continue;
    }
    const name = new RegExp(`^${part.split('*').map(escaped).join('.*')}$`);
    found = found.flatMap((folder) =>
      entries(folder).flatMap((entry) => (name.test(entry) ? [join(folder, entry)] : [])),
    );
  }
  return found.filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined).sort();
}

/** A text as a regular expression that covers only itself. */
export function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
