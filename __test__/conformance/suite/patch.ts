// Changing a JSON document as a case says: objects are merged, `null` removes a key, an object laid over an array changes
// the elements whose positions it names, and everything else replaces what was there.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A copy of a document with a change laid over it. */
export function patched(document: Json | undefined, change: Json): Json {
  if (!isObject(change)) return change;
  if (Array.isArray(document)) {
    const result = [...document];
    for (const [position, value] of Object.entries(change)) {
      if (!/^\d+$/.test(position)) throw new Error(`\`${position}\` is no position of an array`);
      result[Number(position)] = patched(result[Number(position)], value);
    }
    return result;
  }
  const result: { [key: string]: Json } = isObject(document) ? { ...document } : {};
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else result[key] = patched(result[key], value);
  }
  return result;
}

/** Canonical JSON (FORMAT.md §5): keys sorted by their bytes, no white space. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key] as Json)}`).join(',')}}`;
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
