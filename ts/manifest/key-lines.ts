/**
 * Where in a TOML text a key stands, for messages. The parser has already accepted the text, so this only
 * follows headers and keys and skips multi-line strings; what it cannot find it says nothing about.
 */

/** Names of keys, and numbers of the elements of arrays of tables. */
export type KeyPath = readonly (string | number)[];

/** Line (from 1) on which a key, or the nearest table around it, is written. */
export function lineOfKey(text: string, path: KeyPath): number | undefined {
  const elements = new Map<string, number>();
  let table: (string | number)[] = [];
  let closing: string | undefined;
  let best: { readonly line: number; readonly depth: number } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (closing !== undefined) {
      if (line.includes(closing)) closing = undefined;
      continue;
    }
    const header = headerOf(line, elements);
    if (header !== undefined) table = header;
    const depth = sharedDepth(header ?? placeOfKey(line, table), path);
    if (depth > (best?.depth ?? 0)) best = { line: index + 1, depth };
    closing = openedString(line);
  }
  return best?.line;
}

const KEY = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/;

/** Path of the key that a line of a table begins with. */
function placeOfKey(line: string, table: KeyPath): KeyPath {
  const key = KEY.exec(line)?.[1];
  return key === undefined ? [] : [...table, ...splitKey(key)];
}

/** How far a place leads towards a path; 0 if it leads elsewhere. */
function sharedDepth(place: KeyPath, path: KeyPath): number {
  return place.length <= path.length && place.every((part, at) => part === path[at]) ? place.length : 0;
}

/** Path of the table whose header a line is; `elements` counts the elements of arrays of tables. */
function headerOf(line: string, elements: Map<string, number>): (string | number)[] | undefined {
  const [, brackets, header] = /^\s*(\[{1,2})([^[\]]+)\]{1,2}/.exec(line) ?? [];
  if (brackets === undefined || header === undefined) return undefined;
  const names = splitKey(header);
  if (brackets === '[[') {
    const name = JSON.stringify(names);
    elements.set(name, (elements.get(name) ?? -1) + 1);
  }
  // A table below an array of tables belongs to its last element so far.
  return names.flatMap((part, at) => {
    const element = elements.get(JSON.stringify(names.slice(0, at + 1)));
    return element === undefined ? [part] : [part, element];
  });
}

function splitKey(key: string): string[] {
  return [...key.matchAll(/"([^"]*)"|'([^']*)'|([\w-]+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );
}

/** The delimiter of a multi-line string that a line opens and does not close. */
function openedString(line: string): string | undefined {
  for (const delimiter of ['"""', "'''"]) {
    if (line.split(delimiter).length % 2 === 0) return delimiter;
  }
  return undefined;
}
