/**
 * `size`: where the bytes of a package are, and what could go. The package is verified first, and nothing of it is run.
 * Every number of a row is counted, every predicted size is measured: what would remain is compressed as a build
 * compresses it.
 */

import { tmpdir } from 'node:os';
import { resolve } from 'node:path';

import { FlavorError } from './errors.js';
import { type BindingSizeReport, measureSize, predictSizes } from './native.js';
import { type ObservableOptions, observed } from './progress.js';
import { type Candidate, candidatesOf } from './size/advice.js';

/** Options of {@link size}. */
export interface SizeOptions extends ObservableOptions {
  /**
   * Whether to find out what could go. Most of the time is spent with that, as it compresses what would remain.
   * @default true
   */
  readonly advice?: boolean | undefined;
  /**
   * Base of a relative path.
   * @default the working folder of the process
   */
  readonly cwd?: string | undefined;
}

/** What a {@link SizeRow} stands for. */
export type SizeRowKind = BindingSizeReport['rows'][number]['kind'];

/** A part of a package file. Rows without children add up to the file. */
export interface SizeRow {
  readonly kind: SizeRowKind;
  /** What it is called below its parent: a distribution, a folder, a file, … Comes from the package. */
  readonly name: string;
  /** Version of a distribution. */
  readonly version: string | undefined;
  /** Position of the slot that it is, or is a part of. */
  readonly slot: number | undefined;
  /** Path of a file in its slot. */
  readonly path: string | undefined;
  /** Its bytes of the package file. What is compressed together is shared out by content. */
  readonly storedBytes: number;
  /** Bytes of its files when they are unpacked. */
  readonly unpackedBytes: number;
  readonly files: number;
  /** Largest first. */
  readonly children: readonly SizeRow[];
}

/** A slot of a measured package. */
export interface SizedSlot {
  readonly index: number;
  readonly id: string;
  /** Only in packages of ours. */
  readonly role: string | undefined;
  /** Canonical text form, such as `tar.zst`. */
  readonly operations: string;
  /** Whether it holds a tree and not one file. */
  readonly tree: boolean;
  readonly storedBytes: number;
  readonly unpackedBytes: number;
  readonly files: number;
  /** Level that it was compressed with; only where it is stored in frames. */
  readonly level: number | undefined;
}

/** Files whose names end alike. */
export interface SizedType {
  /** `.py`, `.so`; empty for names without such an end. */
  readonly suffix: string;
  readonly files: number;
  readonly storedBytes: number;
  readonly unpackedBytes: number;
}

/** A content that is there more than once. */
export interface SizeDuplicate {
  /** Lower hex. */
  readonly sha256: string;
  /** Bytes of one file. */
  readonly sizeBytes: number;
  /** Stored bytes of all copies but the largest. */
  readonly extraBytes: number;
  readonly copies: readonly { readonly slot: number; readonly path: string; readonly storedBytes: number }[];
}

/** Something that could go. */
export interface SizeAdvice {
  readonly kind: Candidate['kind'];
  /** What it is. */
  readonly title: string;
  /** Lines of the manifest, or the option, that does it. */
  readonly change: string;
  /** Header of their table, such as `[tool.flavor.build]`; `undefined` for an option of `flavor pack`. */
  readonly table: string | undefined;
  /** What to look at before. */
  readonly note: string;
  /** Files that go. */
  readonly files: number;
  /** Their bytes. */
  readonly unpackedBytes: number;
  /** What the package file would be smaller by if nothing else changed. */
  readonly savedBytes: number;
  /** What it would be then. */
  readonly predictedBytes: number;
  /** For how much of what would remain this is known exactly, from 0 to 1; the rest is expected to be like it. */
  readonly tried: number;
}

/** Where the bytes of a package are. */
export interface SizeResult {
  /** Absolute path. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly package: { readonly name: string; readonly version: string };
  /** Whether another builder made the package. */
  readonly foreign: boolean;
  readonly slots: readonly SizedSlot[];
  /** The whole file. */
  readonly tree: SizeRow;
  /** Files of all slots, largest first. */
  readonly types: readonly SizedType[];
  /** Largest waste first. */
  readonly duplicates: readonly SizeDuplicate[];
  /** Largest saving first. Savings of several overlap where they are about the same files. */
  readonly advice: readonly SizeAdvice[];
}

/**
 * Tells where the bytes of a package are.
 *
 * @throws {FlavorError} `ERR_FLAVOR_NOT_FOUND` if there is no such file; a code that begins with `ERR_PSPF_` if it is
 * no package or does not verify; `ERR_FLAVOR_IO` if it changes meanwhile; `ERR_FLAVOR_ABORTED` if the signal was
 * aborted.
 */
export function size(path: string, options: SizeOptions = {}): Promise<SizeResult> {
  return observed(options, async (reporter) => {
    const file = resolve(options.cwd ?? '.', path);
    const report = await measureSize(file, reporter);
    const measured = {
      path: report.path,
      sizeBytes: report.sizeBytes,
      package: { name: report.packageName, version: report.packageVersion },
      foreign: report.foreign,
      slots: report.slots.map(({ role, level, ...slot }) => ({
        ...slot,
        role: role ?? undefined,
        level: level ?? undefined,
      })),
      tree: treeOf(report.rows),
      types: report.types.map(({ suffix, files, storedBytes, unpackedBytes }) => ({
        suffix,
        files,
        storedBytes,
        unpackedBytes,
      })),
      duplicates: report.duplicates.map(({ sha256, sizeBytes, extraBytes, copies }) => ({
        sha256,
        sizeBytes,
        extraBytes,
        copies: copies.map(({ slot, path: copy, storedBytes }) => ({ slot, path: copy, storedBytes })),
      })),
    };
    const candidates = options.advice === false ? [] : candidatesOf(measured, report.importedTests);
    if (candidates.length === 0) return { ...measured, advice: [] };
    const trials = candidates.map(({ changes }) => [...changes]);
    const { outcomes } = await predictSizes(file, report.signature, trials, tmpdir(), reporter);
    const advice = candidates.flatMap(({ changes: _, shares, least, ...candidate }, position): SizeAdvice[] => {
      const outcome = outcomes[position];
      if (outcome === undefined) return [];
      const savedBytes = report.sizeBytes - outcome.sizeBytes;
      if (savedBytes < Math.max(1, least)) return [];
      const tried = outcome.contentBytes === 0 ? 1 : outcome.triedBytes / outcome.contentBytes;
      return [{ ...candidate, savedBytes, predictedBytes: outcome.sizeBytes, tried }];
    });
    advice.sort((one, other) => other.savedBytes - one.savedBytes);
    return { ...measured, advice };
  });
}

/** Nested rows, the largest first. */
function treeOf(rows: BindingSizeReport['rows']): SizeRow {
  const nested: (SizeRow & { readonly children: SizeRow[] })[] = [];
  for (const { parent, kind, name, version, slot, path, storedBytes, unpackedBytes, files } of rows) {
    const row = {
      kind,
      name,
      version: version ?? undefined,
      slot: slot ?? undefined,
      path: path ?? undefined,
      storedBytes,
      unpackedBytes,
      files,
      children: [],
    };
    nested.push(row);
    if (parent != null) nested[parent]?.children.push(row);
  }
  const byName = (one: SizeRow, other: SizeRow): number => (one.name < other.name ? -1 : 1);
  for (const { children } of nested) {
    children.sort((one, other) => other.storedBytes - one.storedBytes || byName(one, other));
  }
  for (const { children } of nested) children.splice(0, children.length, ...children.map(joined));
  const [root] = nested;
  if (root === undefined) throw new FlavorError('ERR_FLAVOR_INTERNAL', 'a package without rows');
  return root;
}

/** Folders that hold nothing but one folder are one row. */
function joined(row: SizeRow): SizeRow {
  const [only, ...more] = row.children;
  if (row.kind !== 'folder' || only?.kind !== 'folder' || more.length > 0) return row;
  const below = joined(only);
  return { ...below, name: `${row.name}/${below.name}` };
}
