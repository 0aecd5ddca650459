/**
 * The `# /// script` block of a script (inline script metadata, PEP 723) as a TOML text in which each line has the number
 * that it has in the file. What only looks like such a block is refused: a script would be packed without what it needs.
 */

import { basename } from 'node:path';

import { FlavorError } from '../../errors.js';
import { TomlDocument } from '../document.js';

const OPENING = '# /// script';
const CLOSING = '# ///';
const NEARLY = /^\s*#\s*\/{2,}\s*script\s*$/i;

/** Characters of a comment in front of what it says. */
const PREFIX = 2;

/** The block of a script; undefined if it has none. */
export function scriptBlock(file: string, text: string): TomlDocument | undefined {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const openings = lines.flatMap((line, index) => (NEARLY.test(line) ? [index] : []));
  const [first, second] = openings;
  if (first === undefined) return undefined;
  if (lines[first] !== OPENING) {
    throw refused(
      file,
      first,
      `begins a block as ${JSON.stringify(lines[first])}`,
      `write \`${OPENING}\`, without more`,
    );
  }
  const end = closingLine(file, lines, first);
  if (second !== undefined && second > end) {
    const message = `begins a second \`${OPENING}\` block, after the one of line ${first + 1}`;
    throw refused(file, second, message, 'keep one of them');
  }
  const toml = lines.map((line, index) => (index > first && index < end ? line.slice(PREFIX) : ''));
  return TomlDocument.parse(file, toml.join('\n'), {
    name: `the \`${OPENING}\` block of ${basename(file)}`,
    indent: PREFIX,
  });
}

/** The last line of the comment that closes a block: comments behind it are none of its business. */
function closingLine(file: string, lines: readonly string[], first: number): number {
  let closing: number | undefined;
  let at = first + 1;
  for (; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line === CLOSING) closing = at;
    else if (!/^#(?: .*)?$/.test(line)) break;
  }
  if (closing !== undefined) return closing;
  const blank = lines.findIndex((line, index) => index > first && index < at && line.trimEnd() === CLOSING);
  if (blank !== -1) {
    throw refused(file, blank, 'has blanks behind `# ///`', `close the block with \`${CLOSING}\`, without more`);
  }
  const line = lines[at];
  const stops = line === undefined || line.trim() === '' ? 'is empty' : `is ${JSON.stringify(line.slice(0, 60))}`;
  throw refused(
    file,
    at < lines.length ? at : lines.length - 1,
    `${stops}, but the \`${OPENING}\` block of line ${first + 1} is not closed`,
    `each line of a block begins with \`# \`, and its last one is \`${CLOSING}\``,
  );
}

function refused(file: string, index: number, message: string, hint: string): FlavorError {
  return new FlavorError('ERR_FLAVOR_MANIFEST', `${basename(file)}:${index + 1}: the line ${message}`, {
    path: file,
    hints: [hint],
  });
}
