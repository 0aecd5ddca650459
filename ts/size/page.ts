/**
 * The treemap of a measured package as one page that needs nothing else: no network, no other file. What comes from the
 * package is data on it and never markup: texts are escaped, names are shown with control and direction characters
 * escaped, and the page's own policy lets no other script or style run than the two that are in it.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { formatSize, printable } from '../printable.js';
import type { SizeAdvice, SizeDuplicate, SizedType, SizeResult, SizeRow } from '../size.js';

/** More rows of a table than these help nobody. */
const ROWS = 20;

/** Renders the page. */
export function sizePage(result: SizeResult): string {
  const [style, script] = [asset('page.css'), asset('page.js')];
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const { name, version } = result.package;
  const title = escaped(`${name} ${version}`);
  const files = result.tree.files.toLocaleString('en');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="flavor size">
<title>Size of ${title}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>Size of <bdi>${title}</bdi></h1>
<p>${bytes(result.sizeBytes)} (${result.sizeBytes.toLocaleString('en')} bytes), unpacked ${bytes(result.tree.unpackedBytes)} in ${files} files. What is compressed together is shared out by content.</p>
</header>
<noscript><p class="notice">The map needs the script of this page. \`flavor size\` shows the same numbers on a terminal.</p></noscript>
<main>
<section class="explorer" aria-label="What is inside">
<nav aria-label="Place in the package"><ol id="place"></ol></nav>
<div class="panes">
<div class="picture">
<div id="map" role="group" aria-label="Map: the larger a rectangle, the more bytes. Arrow keys move, Enter opens, Escape goes back." aria-describedby="about"></div>
<p id="about" role="status"></p>
</div>
<div class="scroll"><table id="parts">
<caption>Parts, the largest first</caption>
<thead><tr><th scope="col">Part</th><th scope="col" class="number">Stored</th><th scope="col" class="number">Share</th><th scope="col" class="number">Unpacked</th><th scope="col" class="number">Files</th></tr></thead>
<tbody></tbody>
</table></div>
</div>
</section>
${adviceSection(result.advice, result.sizeBytes)}
${typeSection(result.types, result.sizeBytes)}
${duplicateSection(result.duplicates)}
</main>
<script type="application/json" id="data">${data(result.tree)}</script>
<script>${script}</script>
</body>
</html>
`;
}

function asset(name: 'page.css' | 'page.js'): string {
  return readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8');
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Text as HTML. */
function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return printable(text).replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}

function escapedLines(text: string): string {
  return text.split('\n').map(escaped).join('\n');
}

/** The rows for the script of the page. No character of it can end the element that holds it. */
function data(tree: SizeRow): string {
  const compact = ({ kind, name, version, storedBytes, unpackedBytes, files, children }: SizeRow): object => ({
    kind,
    name: printable(version === undefined ? name : `${name} ${version}`),
    stored: storedBytes,
    unpacked: unpackedBytes,
    files,
    ...(children.length === 0 ? {} : { children: children.map(compact) }),
  });
  return JSON.stringify(compact(tree)).replaceAll('<', '\\u003c');
}

function bytes(count: number): string {
  return formatSize(count).replace(' ', '\u00a0');
}

function share(part: number, whole: number): string {
  return `${whole === 0 ? '0.0' : ((part / whole) * 100).toFixed(1)}\u00a0%`;
}

function section(title: string, remark: string, heads: readonly string[], rows: readonly string[]): string {
  if (rows.length === 0) return '';
  // The first and the last column are texts.
  const cell = (head: string, position: number): string =>
    `<th scope="col"${position === 0 || head.startsWith('*') ? '' : ' class="number"'}>${head.replace('*', '')}</th>`;
  return `<section${heads.includes('*How') ? ' class="advice"' : ''}>
<h2>${title}</h2>
${remark === '' ? '' : `<p>${remark}</p>\n`}<div class="scroll"><table><thead><tr>${heads.map(cell).join('')}</tr></thead><tbody>
${rows.join('\n')}
</tbody></table></div>
</section>`;
}

function row(...cells: readonly string[]): string {
  return `<tr>${cells.join('')}</tr>`;
}

const number = (text: string): string => `<td class="number">${text}</td>`;

function adviceSection(advice: readonly SizeAdvice[], whole: number): string {
  const rows = advice.map(({ title, note, savedBytes, table, change }) =>
    row(
      `<th scope="row">${escaped(title)}<small>${escaped(note)}</small></th>`,
      number(bytes(savedBytes)),
      number(share(savedBytes, whole)),
      `<td><pre><code>${escapedLines(table === undefined ? `flavor pack ${change}` : `${table}\n${change}`)}</code></pre></td>`,
    ),
  );
  const remark = 'Predicted by compressing what would remain, each as if nothing else changed.';
  return section('What could go', remark, ['What', 'Saves', 'Share', '*How'], rows);
}

function typeSection(types: readonly SizedType[], whole: number): string {
  const rows = types
    .slice(0, ROWS)
    .map(({ suffix, files, storedBytes, unpackedBytes }) =>
      row(
        `<th scope="row">${suffix === '' ? 'without a suffix' : escaped(suffix)}</th>`,
        number(bytes(storedBytes)),
        number(share(storedBytes, whole)),
        number(bytes(unpackedBytes)),
        number(files.toLocaleString('en')),
      ),
    );
  return section('File types', '', ['Type', 'Stored', 'Share', 'Unpacked', 'Files'], rows);
}

function duplicateSection(duplicates: readonly SizeDuplicate[]): string {
  const rows = duplicates
    .slice(0, ROWS)
    .map(({ copies, extraBytes, sizeBytes }) =>
      row(
        `<th scope="row">${copies.map(({ slot, path }) => escaped(path === '' ? `slot ${slot}` : path)).join('<br>')}</th>`,
        number(bytes(extraBytes)),
        number(bytes(sizeBytes)),
        number(String(copies.length)),
      ),
    );
  return section('Duplicates', 'Files with the same content.', ['Paths', 'Extra', 'Each', 'Copies'], rows);
}
