/**
 * What `flavor size` prints: the tree with small rows summed up, file types, duplicates, and what could go. Numbers stand
 * in front, so that a narrow terminal costs the ends of names and nothing else.
 */

import type { SizeAdvice, SizeDuplicate, SizeResult, SizeRow } from '../index.js';
import { formatSize, printable } from './output.js';

/** How much of the tree is shown. */
export interface SizeView {
  /** Levels below the package. */
  readonly depth: number | undefined;
  readonly all: boolean;
  /** Columns of the terminal; `undefined` where lines may have any length. */
  readonly width: number | undefined;
}

/** Levels that are shown unless somebody asks for more. */
const DEPTH = 2;
/** Part of the file from which on a row has a line of its own. */
const SMALL = 0.005;
/** So many small rows are not summed up. */
const FEW = 3;
/** Lines of the lists below the tree. */
const LINES = 10;
/** Cells of the bar, and the width from which on there is room for it. */
const BAR = 10;
const BAR_FROM = 70;

/** The result as the object of `--json`. */
export function sizeObject(result: SizeResult, page: string | undefined): Record<string, unknown> {
  return {
    path: result.path,
    size_bytes: result.sizeBytes,
    package: result.package,
    foreign: result.foreign,
    slots: result.slots.map((slot) => ({
      index: slot.index,
      id: slot.id,
      role: slot.role,
      operations: slot.operations,
      level: slot.level,
      tree: slot.tree,
      stored_bytes: slot.storedBytes,
      unpacked_bytes: slot.unpackedBytes,
      files: slot.files,
    })),
    tree: rowObject(result.tree),
    types: result.types.map(({ suffix, files, storedBytes, unpackedBytes }) => ({
      suffix,
      files,
      stored_bytes: storedBytes,
      unpacked_bytes: unpackedBytes,
    })),
    duplicates: result.duplicates.map(({ sha256, sizeBytes, extraBytes, copies }) => ({
      sha256,
      size_bytes: sizeBytes,
      extra_bytes: extraBytes,
      copies: copies.map(({ slot, path, storedBytes }) => ({ slot, path, stored_bytes: storedBytes })),
    })),
    advice: result.advice.map((advice) => ({
      kind: advice.kind,
      title: advice.title,
      table: advice.table,
      change: advice.change,
      note: advice.note,
      files: advice.files,
      unpacked_bytes: advice.unpackedBytes,
      saved_bytes: advice.savedBytes,
      predicted_bytes: advice.predictedBytes,
      tried: advice.tried,
    })),
    html: page,
  };
}

function rowObject(row: SizeRow): Record<string, unknown> {
  return {
    kind: row.kind,
    name: row.name,
    version: row.version,
    slot: row.slot,
    path: row.path,
    stored_bytes: row.storedBytes,
    unpacked_bytes: row.unpackedBytes,
    files: row.files,
    ...(row.children.length === 0 ? {} : { children: row.children.map(rowObject) }),
  };
}

/** The result as lines. */
export function sizeLines(result: SizeResult, view: SizeView): string[] {
  const { types, sizeBytes } = result;
  const line = lineOf(sizeBytes, view.width);
  const shown = types.slice(0, view.all ? types.length : LINES);
  return [
    ...treeLines(result, view, line),
    ...list('file types', [
      ...shown.map(({ suffix, files, ...sizes }) =>
        line(sizes, `${suffix === '' ? 'without a suffix' : suffix}, ${count(files, 'file')}`),
      ),
      ...summed(types.slice(shown.length), 'type', line),
    ]),
    ...duplicateLines(result.duplicates, view, line),
    ...adviceLines(result.advice, line),
  ];
}

interface Sizes {
  readonly storedBytes: number;
  readonly unpackedBytes: number;
}

type Line = (sizes: Sizes, text: string) => string;

/** Stored bytes, their share, a bar where there is room, unpacked bytes, and a text. */
function lineOf(whole: number, width: number | undefined): Line {
  const hasBar = width !== undefined && width >= BAR_FROM;
  return ({ storedBytes, unpackedBytes }, text) => {
    const share = whole === 0 ? 0 : storedBytes / whole;
    const unpacked = unpackedBytes === 0 ? '' : formatSize(unpackedBytes);
    const cells = [
      formatSize(storedBytes).padStart(9),
      `${(share * 100).toFixed(1)} %`.padStart(8),
      ...(hasBar ? [` ${bar(share)}`] : []),
      unpacked.padStart(10),
      `  ${printable(text)}`,
    ];
    return cut(cells.join(''), width);
  };
}

function bar(share: number): string {
  const eighths = Math.round(Math.min(Math.max(share, 0), 1) * BAR * 8);
  const rest = eighths % 8;
  const text = '█'.repeat(eighths >> 3) + (rest === 0 ? '' : (' ▏▎▍▌▋▊▉'[rest] ?? ''));
  return text.padEnd(BAR);
}

function cut(text: string, width: number | undefined): string {
  const characters = [...text];
  if (width === undefined || characters.length < width) return text;
  return `${characters.slice(0, Math.max(width - 2, 1)).join('')}…`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function treeLines(result: SizeResult, view: SizeView, line: Line): string[] {
  const { tree, sizeBytes } = result;
  const depth = view.depth ?? (view.all ? Number.POSITIVE_INFINITY : DEPTH);
  const smallest = view.all ? 0 : sizeBytes * SMALL;
  const lines = [
    `${'stored'.padStart(9)}${'share'.padStart(8)}${view.width !== undefined && view.width >= BAR_FROM ? ' '.repeat(BAR + 1) : ''}${'unpacked'.padStart(10)}`,
    line(tree, `${tree.name} ${result.package.version}`),
  ];
  const visit = (row: SizeRow, indent: string, left: number): void => {
    if (left === 0) return;
    const { large, small } = divided(row, smallest);
    const entries: { text: string; sizes: Sizes; row?: SizeRow }[] = [
      ...large.map((child) => ({ text: nameOf(child, result), sizes: child, row: child })),
      ...(small.length === 0 ? [] : [{ text: `… ${small.length} smaller`, sizes: sumOf(small) }]),
    ];
    for (const [position, { text, sizes, row: child }] of entries.entries()) {
      const isLast = position === entries.length - 1;
      lines.push(line(sizes, `${indent}${isLast ? '└─' : '├─'} ${text}`));
      if (child !== undefined) visit(child, `${indent}${isLast ? '   ' : '│  '}`, left - 1);
    }
  };
  visit(tree, '', depth);
  return lines;
}

/** Rows with lines of their own, and those that are summed up. Slots and regions are few. */
function divided(
  { children, kind }: SizeRow,
  smallest: number,
): { large: readonly SizeRow[]; small: readonly SizeRow[] } {
  const small = children.filter(({ storedBytes }) => storedBytes < smallest);
  if (kind === 'package' || small.length <= FEW) return { large: children, small: [] };
  return { large: children.filter((child) => !small.includes(child)), small };
}

function nameOf(row: SizeRow, { slots }: SizeResult): string {
  if (row.kind === 'distribution') return `${row.name} ${row.version ?? ''}`.trim();
  if (row.kind === 'folder') return `${row.name}/`;
  const slot = row.kind === 'slot' && row.slot !== undefined ? slots[row.slot] : undefined;
  if (slot === undefined) return row.name;
  const level = slot.level === undefined ? '' : ` level ${slot.level}`;
  return `${row.name} (slot ${slot.index}, ${slot.operations}${level}, ${count(slot.files, 'file')})`;
}

function sumOf(rows: readonly Sizes[]): Sizes {
  return {
    storedBytes: rows.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    unpackedBytes: rows.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
  };
}

function summed(rest: readonly Sizes[], what: string, line: Line): string[] {
  return rest.length === 0 ? [] : [line(sumOf(rest), `… ${count(rest.length, `more ${what}`)}`)];
}

function list(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

/** Only what is worth a word: files that are worth nothing are there twice in every installation. */
function duplicateLines(duplicates: readonly SizeDuplicate[], { all }: SizeView, line: Line): string[] {
  const worth = duplicates.filter(({ extraBytes }) => all || extraBytes > 0);
  const shown = all ? worth : worth.slice(0, LINES);
  const sizesOf = ({ extraBytes, sizeBytes, copies }: SizeDuplicate): Sizes => ({
    storedBytes: extraBytes,
    unpackedBytes: sizeBytes * (copies.length - 1),
  });
  return list('duplicates (what all copies but one take)', [
    ...shown.map((same) => {
      const [first = '', second = '', ...others] = same.copies.map(({ slot, path }) =>
        path === '' ? `slot ${slot}` : path,
      );
      const more = others.length > 0 ? ` and ${others.length} more` : '';
      return line(sizesOf(same), `${first} = ${second}${more}`);
    }),
    ...summed(worth.slice(shown.length).map(sizesOf), 'content', line),
  ]);
}

function adviceLines(advice: readonly SizeAdvice[], line: Line): string[] {
  const indent = ' '.repeat(6);
  const lines = advice.flatMap((one) => {
    const files = one.files === 0 ? '' : ` (${count(one.files, 'file')})`;
    const note = one.note === '' ? '' : `: ${one.note}`;
    const how = one.table === undefined ? `flavor pack ${one.change}` : `${one.table}\n${one.change}`;
    return [
      line({ storedBytes: one.savedBytes, unpackedBytes: one.unpackedBytes }, `${one.title}${files}${note}`),
      ...how.split('\n').map((text) => `${indent}${printable(text)}`),
    ];
  });
  return list('what could go (each predicted as if nothing else changed)', lines);
}
