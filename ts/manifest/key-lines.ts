/**
 * Where in a TOML text a key stands, for messages. The parser has already accepted the text, so this only
 * follows headers and keys and skips multi-line strings; what it cannot find it says nothing about.
 */

/** Line (from 1) on which a key, or the nearest table around it, is written. */
export function lineOfKey(text: string, path: readonly (string | number)[]): number | undefined {
  const wanted = path.filter((part) => typeof part === 'string');
  let table: string[] = [];
  let closing: string | undefined;
  let best: { readonly line: number; readonly depth: number } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (closing !== undefined) {
      if (line.includes(closing)) closing = undefined;
      continue;
    }
    const header = /^\s*\[{1,2}([^[\]]+)\]{1,2}/.exec(line)?.[1];
    const key = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/.exec(line)?.[1];
    let found: string[] | undefined;
    if (header !== undefined) {
      table = splitKey(header);
      found = table;
    } else if (key !== undefined) {
      found = [...table, ...splitKey(key)];
    }
    if (found !== undefined) {
      const depth = found.length <= wanted.length && found.every((part, at) => part === wanted[at]) ? found.length : 0;
      if (depth > (best?.depth ?? 0)) best = { line: index + 1, depth };
    }
    closing = openedString(line);
  }
  return best?.line;
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
