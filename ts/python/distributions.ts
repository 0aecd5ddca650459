/**
 * Installed distributions, read from their `.dist-info`: files (RECORD) and commands (entry_points.txt).
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type EntryPoint, foldName, parseEntryPoint } from '../manifest/names.js';
import { sortedEntries } from './tree.js';

/** One installed distribution. */
export interface Distribution {
  /** Folded name. */
  readonly name: string;
  readonly version: string;
  /** Name of the `.dist-info` folder in site-packages. */
  readonly infoFolder: string;
  /** Commands by name. */
  readonly scripts: ReadonlyMap<string, EntryPoint>;
  readonly record: readonly RecordLine[];
}

/** One line of RECORD. */
export interface RecordLine {
  /** Relative to site-packages, with `/`. */
  readonly path: string;
  readonly hash: string;
  readonly size: string;
}

/** Distributions of a site-packages folder, sorted by name. */
export async function readDistributions(sitePackages: string): Promise<Distribution[]> {
  const result: Distribution[] = [];
  for (const { name: infoFolder } of await sortedEntries(sitePackages)) {
    if (!infoFolder.endsWith('.dist-info')) continue;
    const metadata = await readFile(join(sitePackages, infoFolder, 'METADATA'), 'utf8');
    result.push({
      name: foldName(headerOf(metadata, 'Name') ?? infoFolder),
      version: headerOf(metadata, 'Version') ?? '',
      infoFolder,
      scripts: parseScripts(await textOf(join(sitePackages, infoFolder, 'entry_points.txt'))),
      record: parseRecord(await textOf(join(sitePackages, infoFolder, 'RECORD'))),
    });
  }
  return result;
}

/** First header of that name in a METADATA text. */
export function headerOf(metadata: string, name: string): string | undefined {
  return headersOf(metadata, name)[0];
}

/** All headers of that name in a METADATA text; the description behind the blank line is no header. */
export function headersOf(metadata: string, name: string): string[] {
  const head = metadata.split(/\r?\n\r?\n/, 1)[0] ?? '';
  const prefix = `${name.toLowerCase()}:`;
  return head
    .split(/\r?\n/)
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}

/** Writes RECORD lines in their order; the file's own line has neither digest nor size, as it cannot know them. */
export function formatRecord(lines: readonly RecordLine[]): string {
  const isOwn = (path: string): boolean => /^[^/]+\.dist-info\/RECORD$/.test(path);
  const quote = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return lines.map(({ path, hash, size }) => `${quote(path)},${isOwn(path) ? ',' : `${hash},${size}`}\n`).join('');
}

function parseRecord(text: string): RecordLine[] {
  const lines: RecordLine[] = [];
  for (const line of text.split(/\r?\n/)) {
    const match = /^(?:"((?:[^"]|"")*)"|([^,]*)),([^,]*),([^,]*)$/.exec(line);
    if (match === null) continue;
    const [, quoted, plain, hash = '', size = ''] = match;
    const path = (quoted?.replaceAll('""', '"') ?? plain ?? '').replaceAll('\\', '/');
    if (path !== '') lines.push({ path, hash, size });
  }
  return lines;
}

/** Commands that an entry_points.txt states, by name. */
export function parseScripts(text: string): Map<string, EntryPoint> {
  const scripts = new Map<string, EntryPoint>();
  let section = '';
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    const header = /^\[([^\]]+)\]$/.exec(line)?.[1];
    if (header !== undefined) section = header.trim();
    if (section !== 'console_scripts' && section !== 'gui_scripts') continue;
    const [, name, value] = /^([^=#;[][^=]*?)\s*=\s*(.+)$/.exec(line) ?? [];
    const entry = value === undefined ? undefined : parseEntryPoint(value);
    if (name !== undefined && entry !== undefined && /^[\w.-]+$/.test(name)) scripts.set(name, entry);
  }
  return scripts;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
