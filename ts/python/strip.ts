/**
 * Takes symbol tables and debug sections out of what distributions bring, and tells their RECORDs. The interpreter's own
 * binaries are a matter of the trim profile. Nothing of the target is executed, and what is loaded stays byte for byte.
 *
 * ELF files only: those of macOS are signed, and the signature of a changed file does not hold; those of Windows have their symbols in
 * files of their own.
 */

import { createHash } from 'node:crypto';
import { lstat, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { formatRecord, type RecordLine, readDistributions } from './distributions.js';
import { stripElf } from './elf-strip.js';
import type { BuildSession } from './session.js';
import type { SiteTree } from './site-tree.js';
import { walkTree } from './tree.js';

/** What went out of the binaries of distributions. */
export interface Stripped {
  readonly files: number;
  readonly bytes: number;
}

type Tree = Pick<SiteTree, 'sitePackages' | 'beside' | 'besideFiles'>;

/** Strips a tree in place. */
export async function stripTree(session: BuildSession, { beside, besideFiles, sitePackages }: Tree): Promise<Stripped> {
  if (session.target.os !== 'linux') return { files: 0, bytes: 0 };
  /** By the path that RECORD has for it, without what leads out of site-packages. */
  const changed = new Map<string, { readonly path: string; readonly saved: number }>();
  const strip = async (name: string, path: string): Promise<void> => {
    if (!(await lstat(path)).isFile()) return;
    const saved = await stripElf(path);
    if (saved > 0) changed.set(name, { path, saved });
  };
  for await (const { absolute, kind, path } of walkTree(sitePackages)) {
    if (kind === 'file' && !/\.(py[ci]?|txt|json|js|css|html)$/.test(path)) await strip(path, absolute);
  }
  for (const path of besideFiles) await strip(`../${path}`, join(beside, path));
  if (changed.size > 0) await tellRecords(sitePackages, changed);
  const bytes = [...changed.values()].reduce((sum, { saved }) => sum + saved, 0);
  return { files: changed.size, bytes };
}

async function tellRecords(
  sitePackages: string,
  changed: ReadonlyMap<string, { readonly path: string }>,
): Promise<void> {
  for (const { infoFolder, record } of await readDistributions(sitePackages)) {
    const told = await Promise.all(
      record.map(async (line): Promise<RecordLine> => {
        const file = line.hash === '' ? undefined : changed.get(line.path.replace(/^(\.\.\/)+/, '../'));
        if (file === undefined) return line;
        const content = await readFile(file.path);
        const digest = createHash('sha256').update(content).digest('base64url');
        return { path: line.path, hash: `sha256=${digest}`, size: String(content.length) };
      }),
    );
    if (told.some((line, index) => line !== record[index])) {
      await writeFile(join(sitePackages, infoFolder, 'RECORD'), formatRecord(told));
    }
  }
}

/** One line about it. */
export function strippedText({ target }: Pick<BuildSession, 'target'>, { bytes, files }: Stripped): string {
  if (target.os === 'darwin') return 'nothing, as signatures of macOS hold for the bytes that are there';
  if (target.os === 'windows') return 'nothing, as Windows has symbols in files of their own';
  return `${(bytes / 1e6).toFixed(1)} MB of ${files} file${files === 1 ? '' : 's'}`;
}
