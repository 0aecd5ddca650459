/**
 * A lock document as a file that may be committed: no credentials, paths relative to it, sorted, the same text for
 * the same content.
 */

import { isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { stringify } from 'smol-toml';

import { foldName } from '../manifest/names.js';
import type { LockDocument, LockedFile, LockedPackage } from './lock-document.js';

/** Where the file will lie, and how paths of copies become the user's. */
export interface RenderRequest {
  readonly folder: string;
  readonly original: (text: string) => string;
}

/** The text of a lock file, and what in it only this machine has. */
export function renderLock(
  document: LockDocument,
  request: RenderRequest,
): { readonly text: string; readonly machineOnly: readonly string[] } {
  const packages = document.packages
    .map((entry) => renderPackage(entry, request))
    .sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
  const { 'lock-version': lockVersion, 'requires-python': requiresPython, ...rest } = document;
  const head = {
    'lock-version': lockVersion ?? '1.0',
    ...(requiresPython === undefined ? {} : { 'requires-python': requiresPython }),
    'created-by': 'flavorpack-native',
  };
  const { packages: _packages, 'created-by': _createdBy, ...other } = rest;
  const machineOnly = packages.filter((entry) => placesOf(entry).some(isOfMachine)).map(({ name }) => name);
  return { text: `${stringify({ ...head, ...other, packages })}\n`, machineOnly };
}

function renderPackage(entry: LockedPackage, request: RenderRequest): LockedPackage {
  const { index, wheels, sdist, archive, directory, vcs, ...rest } = entry;
  const file = (given: LockedFile): LockedFile => renderFile(given, request);
  return {
    ...rest,
    name: foldName(entry.name),
    ...(index === undefined || index.startsWith('file:') ? {} : { index: withoutCredentials(index) }),
    ...(directory === undefined
      ? {}
      : { directory: { ...directory, path: relativePath(directory.path, request), editable: false } }),
    ...(vcs === undefined
      ? {}
      : { vcs: { ...vcs, ...(vcs.url === undefined ? {} : { url: withoutCredentials(vcs.url) }) } }),
    ...(archive === undefined ? {} : { archive: file(archive) }),
    ...(sdist === undefined ? {} : { sdist: file(sdist) }),
    ...(wheels === undefined ? {} : { wheels: withoutCopies(wheels.map(file)) }),
  };
}

function renderFile(given: LockedFile, request: RenderRequest): LockedFile {
  const { url, path, ...rest } = given;
  if (path !== undefined) return { path: relativePath(path, request), ...rest };
  if (url === undefined) return given;
  if (url.startsWith('file:')) return { path: relativePath(fileURLToPath(url), request), ...rest };
  return { url: withoutCredentials(url), ...rest };
}

/** Files that an index has too need not be found on this machine. */
function withoutCopies(wheels: readonly LockedFile[]): LockedFile[] {
  const digest = ({ hashes }: LockedFile): string => JSON.stringify(hashes ?? {});
  return wheels.filter(
    (wheel) =>
      wheel.path === undefined ||
      !wheels.some((other) => other.url !== undefined && digest(other) === digest(wheel) && digest(wheel) !== '{}'),
  );
}

function relativePath(path: string, { folder, original }: RenderRequest): string {
  const place = original(path);
  const within = relative(folder, place);
  // A path on another drive stays what it is.
  if (isAbsolute(within)) return place;
  return within === '' ? '.' : within.split(sep).join('/');
}

/** An address without what stands before `@`. */
function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, (whole, scheme: string) =>
    // A user name alone is part of how ssh is spoken to.
    scheme.includes('ssh') ? whole.replace(/:[^/@:]*@$/, '@') : scheme,
  );
}

function placesOf({ wheels = [], sdist, archive, directory, vcs }: LockedPackage): string[] {
  return [directory, sdist, archive, vcs, ...wheels].flatMap((place) => {
    const { path, url } = (place ?? {}) as { path?: string; url?: string };
    return [...(path === undefined ? [] : [path]), ...(url === undefined ? [] : [url])];
  });
}

function isOfMachine(place: string): boolean {
  return place.startsWith('file:') || isAbsolute(place) || place.startsWith('../../../');
}
