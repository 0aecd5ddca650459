/**
 * What the `.pth` files of a tree ask of `site`, line by line, judged when the package is made. Lines that add a folder
 * are data. Of the lines that run code, those of a few well-known distributions are understood; everything else that
 * runs at the start of every Python keeps the ordinary start (design §4), and so does a sitecustomize.
 *
 * Lines are recognised by what they say, not by the name of their file alone: code that only borrows a known name stays
 * code. Folders outside the package and editable installs are refused, because they exist on this machine only.
 */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';

import { FlavorError } from '../errors.js';
import { sortedEntries } from './tree.js';

/** One line, and what it means for the start. */
export type PathLine = {
  /** Name of the `.pth` file. */
  readonly file: string;
  readonly text: string;
} & (
  | {
      /** Adds a folder of the tree. */
      readonly kind: 'path';
      /** Relative to the tree, normalised. */
      readonly path: string;
    }
  | {
      /** Declares a namespace package that is one without it. */
      readonly kind: 'inert';
    }
  | {
      /** Lets setuptools provide `distutils`. */
      readonly kind: 'distutils';
      /** What SETUPTOOLS_USE_DISTUTILS is where it is not set. */
      readonly unless: 'local' | 'stdlib';
    }
  | {
      /** Does something only where one of these variables is set. */
      readonly kind: 'variables';
      readonly variables: readonly string[];
    }
  | {
      /** Anything else that runs. */
      readonly kind: 'code';
    }
);

/** What a tree does to the start of the interpreter. */
export interface PathFiles {
  /** Lines in the order in which `site` would read them. */
  readonly lines: readonly PathLine[];
  /** Names of all `.pth` files, sorted. */
  readonly files: readonly string[];
  /** Top-level modules named sitecustomize and usercustomize, sorted. */
  readonly customizers: readonly string[];
}

const IMPORT_LINE = /^import[ \t]/;
const DISTUTILS =
  /^import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os\.environ\.get\(var, '(local|stdlib)'\) == 'local'; enabled and __import__\('_distutils_hack'\)\.add_shim\(\);? *$/;
const NAMESPACE =
  /^import sys, types, os;.*\bos\.path\.join\(sys\._getframe\(1\)\.f_locals\['sitedir'\], \*\(((?:'\w+', ?)*'\w+',?)\)\);.*\(p not in mp\) and mp\.append\(p\)(?:;m and setattr\(sys\.modules\['[\w.]+'\], '\w+', m\))?$/;
/** Lines that look at variables before they do anything, by what they run. */
const GUARDED = [
  {
    file: /coverage/,
    runs: 'coverage.process_startup',
    variables: ['COVERAGE_PROCESS_START', 'COVERAGE_PROCESS_CONFIG'],
  },
  { file: /^pytest-cov\.pth$/, runs: 'pytest_cov.embed', variables: ['COV_CORE_SOURCE'] },
] as const;

/** Reads and judges the `.pth` files at the root of a site-packages tree. */
export async function readPathFiles(sitePackages: string): Promise<PathFiles> {
  const entries = (await sortedEntries(sitePackages)).map(({ name }) => name);
  // `site` passes over hidden files.
  const files = entries.filter((name) => name.endsWith('.pth') && !name.startsWith('.'));
  const lines: PathLine[] = [];
  for (const file of files) {
    const text = await readFile(join(sitePackages, file), 'utf8');
    for (const raw of text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)) {
      const line = raw.trimEnd();
      if (line === '' || line.startsWith('#')) continue;
      const judged = judgeLine(sitePackages, file, line);
      if (judged !== undefined) lines.push(judged);
    }
  }
  return { lines, files, customizers: entries.filter((name) => /^(site|user)customize($|\.)/.test(name)) };
}

/** Why the trees need the ordinary start; undefined if they do not. */
export function reasonForSite(trees: readonly PathFiles[]): string | undefined {
  for (const { lines, customizers } of trees) {
    const code = lines.find(({ kind }) => kind === 'code');
    if (code !== undefined) return `${code.file} runs code at each start`;
    if (customizers[0] !== undefined) return `${customizers[0]} runs at each start`;
  }
  return undefined;
}

/** Undefined for a line that adds nothing. */
function judgeLine(sitePackages: string, file: string, text: string): PathLine | undefined {
  if (file.startsWith('__editable__')) throw editable(file, text);
  if (!IMPORT_LINE.test(text)) {
    if (posix.isAbsolute(text) || /^[A-Za-z]:[\\/]|^\\/.test(text) || text.split(/[\\/]/).includes('..')) {
      throw editable(file, text);
    }
    const path = posix.normalize(text).replace(/\/$/, '');
    return path !== '.' && existsSync(join(sitePackages, path)) ? { file, text, kind: 'path', path } : undefined;
  }
  const unless = DISTUTILS.exec(text)?.[1];
  if (unless === 'local' || unless === 'stdlib') return { file, text, kind: 'distutils', unless };
  const names = file.endsWith('-nspkg.pth') ? NAMESPACE.exec(text)?.[1] : undefined;
  if (names !== undefined) {
    const folder = join(sitePackages, ...names.split(',').map((name) => name.trim().replaceAll("'", '')));
    const isPackage = ['__init__.py', '__init__.pyc'].some((name) => existsSync(join(folder, name)));
    return { file, text, kind: isPackage ? 'code' : 'inert' };
  }
  const guarded = GUARDED.find((known) => known.file.test(file) && text.includes(known.runs));
  if (guarded?.variables.some((name) => text.includes(name))) {
    return { file, text, kind: 'variables', variables: guarded.variables };
  }
  return { file, text, kind: 'code' };
}

function editable(file: string, line: string): FlavorError {
  return new FlavorError(
    'ERR_FLAVOR_DEPENDENCY',
    `${file} adds a folder outside the package: ${JSON.stringify(line)}`,
    {
      path: file,
      hints: ['editable installs cannot be packed; depend on the project by version or path instead'],
    },
  );
}
