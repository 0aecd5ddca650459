/**
 * What requirements files say that the packager must know before uv reads them: the files that they include, where they
 * look for distributions, and their plain requirements. Addresses may hold passwords, so they are settings of the build and
 * never leave it. What cannot be read is left to uv, which names it.
 */

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { absoluteUnlessUrl } from '../resolve.js';

/** What some requirements files say. */
export interface RequirementsFiles {
  /** The files, those that they include, and constraints; absolute. */
  readonly files: readonly string[];
  /** Requirements by name, without digests. */
  readonly requirements: readonly string[];
  /** Folders and files of this machine that they name; absolute. */
  readonly paths: readonly string[];
  readonly index: {
    readonly url: string | undefined;
    readonly extra: readonly string[];
    readonly findLinks: readonly string[];
    readonly noIndex: boolean;
  };
}

const OPTION =
  /^(-r|--requirement|-c|--constraint|-e|--editable|-i|--index-url|--extra-index-url|-f|--find-links|--no-index)(?:\s*=\s*|\s+|(?<=^-\w)|$)(.*)$/;

/** Reads files and what they include. */
export async function readRequirementsFiles(given: readonly string[]): Promise<RequirementsFiles> {
  const files = new Set<string>();
  const requirements: string[] = [];
  const paths: string[] = [];
  const extra: string[] = [];
  const findLinks: string[] = [];
  let url: string | undefined;
  let noIndex = false;
  const visit = async (file: string, isConstraint: boolean): Promise<void> => {
    if (files.has(file)) return;
    files.add(file);
    const folder = dirname(file);
    for (const line of logicalLines(await readFile(file, 'utf8').catch(() => ''))) {
      const [, option, rest = ''] = OPTION.exec(line) ?? [];
      const value = rest.trim().replace(/^(["'])(.*)\1$/, '$2');
      switch (option) {
        case undefined:
          if (!isConstraint) requirementOf(line, folder, requirements, paths);
          break;
        case '-r':
        case '--requirement':
          await visit(resolve(folder, value), isConstraint);
          break;
        case '-c':
        case '--constraint':
          await visit(resolve(folder, value), true);
          break;
        case '-e':
        case '--editable':
          requirementOf(value, folder, requirements, paths);
          break;
        case '-i':
        case '--index-url':
          url = value;
          break;
        case '--extra-index-url':
          extra.push(value);
          break;
        case '--no-index':
          noIndex = true;
          break;
        default:
          findLinks.push(absoluteUnlessUrl(folder, value));
      }
    }
  };
  for (const file of given) await visit(file, false);
  return { files: [...files], requirements, paths, index: { url, extra, findLinks, noIndex } };
}

/** Lines without comments, those that end with a backslash joined, variables put in as pip does. */
function logicalLines(text: string): string[] {
  return text
    .replaceAll(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

function requirementOf(line: string, folder: string, requirements: string[], paths: string[]): void {
  const text = line.replace(/\s--(?:hash|config-settings?|global-option)[=\s].*$/, '').trim();
  if (text.startsWith('-')) return;
  const place = text.replace(/\s*;.*$/, '').replace(/\[[^\]]*\]$/, '');
  if (/^\.{0,2}[\\/]|^\.{1,2}$/.test(place) || /\.(whl|tar\.gz|zip)$/.test(place.split(/[@\s]/, 1)[0] ?? '')) {
    paths.push(resolve(folder, place));
  } else if (/^[A-Za-z0-9]/.test(text) && !/^[a-z+]+:/i.test(text)) {
    requirements.push(text);
  }
}
