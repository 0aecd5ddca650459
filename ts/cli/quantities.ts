/**
 * Ages and sizes as people type them.
 */

import { usageError } from './exit.js';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, '': 86_400, w: 604_800 };
const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Seconds of an age such as `12h`, `30d` or `2w`; a number alone counts days. */
export function parseAge(text: string, option: string): number {
  return parse(text, SECONDS, () =>
    usageError(`${option} has the value \`${text}\``, 'an age is a number of days, or `90m`, `12h`, `30d`, `2w`'),
  );
}

/** Bytes of a size such as `500MB` or `2GiB`; a number alone counts bytes. */
export function parseSize(text: string, option: string): number {
  return parse(text, BYTES, () =>
    usageError(`${option} has the value \`${text}\``, 'a size is a number of bytes, or `500MB`, `2GB`, `2GiB`'),
  );
}

function parse(text: string, units: Readonly<Record<string, number>>, mistake: () => Error): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = units[unit.toLowerCase()];
  if (number === '' || factor === undefined) throw mistake();
  return Math.round(Number(number) * factor);
}
