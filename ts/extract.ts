/**
 * `extract` and `extractAll`: slots of a package as files and folders. Digests are compared before anything appears;
 * nothing of the package is run.
 */

import { resolve } from 'node:path';

import { type BindingExtracted, extractOne, extractSlots } from './native.js';
import { withFolderOf } from './output-path.js';
import { type ObservableOptions, observed } from './progress.js';

/** Options of {@link extract}. */
export interface ExtractOptions extends ObservableOptions {
  /** Position or id of the slot; digits are a position. */
  readonly slot: number | string;
  /**
   * File or folder to write. A folder must not exist or be empty.
   * @default a name made from the slot's, in `cwd`
   */
  readonly output?: string | undefined;
  /**
   * Whether the stored bytes are written as they are, neither decoded nor unpacked.
   * @default false
   */
  readonly raw?: boolean | undefined;
  /**
   * Whether an existing file may be replaced; a folder never is.
   * @default false
   */
  readonly force?: boolean | undefined;
  /**
   * Base of relative paths.
   * @default the working folder of the process
   */
  readonly cwd?: string | undefined;
}

/** Options of {@link extractAll}. */
export interface ExtractAllOptions extends ObservableOptions {
  /** Folder to fill; it must not exist or be empty. */
  readonly folder: string;
  /**
   * Whether the stored bytes are written as they are.
   * @default false
   */
  readonly raw?: boolean | undefined;
  /**
   * Base of relative paths.
   * @default the working folder of the process
   */
  readonly cwd?: string | undefined;
}

/** One extracted slot. */
export interface ExtractedSlot {
  readonly index: number;
  readonly id: string;
  /** Absolute path of the file or folder. */
  readonly path: string;
  /** A folder with the members of the slot, the one file that it holds, or its stored bytes. */
  readonly kind: 'tree' | 'file' | 'stored';
  /** Bytes written as regular files. */
  readonly bytes: number;
  /** Files, folders and links. */
  readonly members: number;
  /** Whether the signature covers it; only the attestation slot of other builders may lack that. */
  readonly signed: boolean;
}

/** What {@link extractAll} wrote. */
export interface ExtractAllResult {
  /** Absolute path. */
  readonly folder: string;
  /** A copy of the signed metadata, in the folder. */
  readonly metadataPath: string;
  readonly slots: readonly ExtractedSlot[];
}

/**
 * Writes one slot: a tree as a folder, any other slot as a file. It appears complete or not at all.
 *
 * @throws {FlavorError} `ERR_FLAVOR_NOT_FOUND` if there is no such package; `ERR_FLAVOR_OPTION` if it has no such slot;
 * `ERR_FLAVOR_OUTPUT` if the output exists or cannot be written; a code that begins with `ERR_PSPF_` if the package is
 * damaged or the slot holds what must not be unpacked; `ERR_FLAVOR_ABORTED` if the signal was aborted.
 */
export function extract(path: string, options: ExtractOptions): Promise<ExtractedSlot> {
  return observed(options, async (reporter) => {
    const cwd = resolve(options.cwd ?? '.');
    const request = {
      slot: String(options.slot),
      raw: options.raw ?? false,
      replace: options.force ?? false,
    };
    const file = resolve(cwd, path);
    if (options.output === undefined) return slot(await extractOne(file, { ...request, folder: cwd }, reporter));
    const output = resolve(cwd, options.output);
    return slot(await withFolderOf(output, () => extractOne(file, { ...request, output }, reporter)));
  });
}

/**
 * Writes every slot into a folder, as `00_<id>`, `01_<id>`, …, and the signed metadata as `metadata.json`. The folder is
 * filled completely or not at all.
 *
 * @throws {FlavorError} As {@link extract}.
 */
export function extractAll(path: string, options: ExtractAllOptions): Promise<ExtractAllResult> {
  return observed(options, async (reporter) => {
    const cwd = resolve(options.cwd ?? '.');
    const folder = resolve(cwd, options.folder);
    const all = await withFolderOf(folder, () =>
      extractSlots(resolve(cwd, path), folder, options.raw ?? false, reporter),
    );
    return { folder: all.folder, metadataPath: all.metadataPath, slots: all.slots.map(slot) };
  });
}

function slot({ slot: index, id, path, kind, bytes, members, signed }: BindingExtracted): ExtractedSlot {
  return { index, id, path, kind, bytes, members, signed };
}
