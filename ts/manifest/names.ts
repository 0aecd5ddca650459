/**
 * Names of packages and entry points, as the rest of the packager needs them.
 */

import { FlavorError } from '../errors.js';
import { ENTRY_POINT_PATTERN } from './schema-words.js';

/** A function that a command calls. */
export interface EntryPoint {
  /** Dotted module. */
  readonly module: string;
  /** Attribute of the module, possibly dotted. */
  readonly attribute: string;
  /** Folded names of the extras that it needs, if it says so. */
  readonly extras?: readonly string[];
}

/** Folds a project name as PEP 503 says. */
export function foldName(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[-_.]+/g, '-');
}

/** Folds the name of a package and refuses what a package cannot be called (security.md S22). */
export function packageName(name: string, where: string, path: string): string {
  const folded = foldName(name);
  if (!/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/.test(folded)) {
    throw new FlavorError('ERR_FLAVOR_MANIFEST', `${where} is not a package name: ${JSON.stringify(name)}`, {
      path,
      hints: ['names have 1 to 64 letters, digits, `-`, `_` and `.`, and begin and end with a letter or digit'],
    });
  }
  return folded;
}

/** Reads `module:attribute`; undefined if the text is something else. */
export function parseEntryPoint(text: string): EntryPoint | undefined {
  const [, module, attribute, brackets] = ENTRY_POINT_PATTERN.exec(text) ?? [];
  if (module === undefined || attribute === undefined) return undefined;
  const extras = (brackets ?? '').match(/[\w.-]+/g);
  return extras === null ? { module, attribute } : { module, attribute, extras: extras.map(foldName) };
}

/** `module:attribute`. */
export function formatEntryPoint(entry: EntryPoint): string {
  return `${entry.module}:${entry.attribute}`;
}
