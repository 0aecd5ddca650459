/**
 * Gets one file of a package index by its name. Used for uv's own wheel only: everything else of an index is
 * uv's business. The digest is the caller's, never the index's.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { messageOf } from '../errors.js';
import { DEFAULT_INDEX } from './default-index.js';
import type { Environment } from './environment.js';
import { httpGet, withoutCredentials } from './http-get.js';

/** The file that is wanted. */
export interface IndexFileRequest {
  readonly project: string;
  readonly fileName: string;
  readonly sha256: string;
  readonly environment: Environment;
  readonly signal: AbortSignal;
}

const SIMPLE_JSON = 'application/vnd.pypi.simple.v1+json';
const SIMPLE_HTML = 'application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';
const MAX_PAGE_BYTES = 64 * 1024 * 1024;
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** The bytes of the file, whose digest was compared. */
export async function fetchIndexFile(request: IndexFileRequest): Promise<Buffer> {
  const tried: string[] = [];
  for (const folder of localFolders(request.environment)) {
    try {
      return checked(await readFile(join(folder, request.fileName)), request);
    } catch (error) {
      tried.push(`${folder}: ${messageOf(error)}`);
    }
  }
  const index = indexUrl(request.environment);
  if (index === undefined) {
    throw new Error(`no index may be asked (UV_NO_INDEX or UV_OFFLINE is set)${tried.map((t) => `; ${t}`).join('')}`);
  }
  const page = await httpGet({
    url: new URL(`${request.project}/`, index),
    accept: `${SIMPLE_JSON}, ${SIMPLE_HTML}`,
    environment: request.environment,
    signal: request.signal,
    maxBytes: MAX_PAGE_BYTES,
  });
  const url = fileUrl(page.body.toString('utf8'), page.url, request.fileName);
  if (url === undefined) {
    throw new Error(`${withoutCredentials(page.url)} does not list ${request.fileName}`);
  }
  // An index with credentials usually serves its files under the same ones.
  if (url.host === index.host && url.username === '') {
    url.username = index.username;
    url.password = index.password;
  }
  const file = await httpGet({
    url,
    accept: '*/*',
    environment: request.environment,
    signal: request.signal,
    maxBytes: MAX_FILE_BYTES,
  });
  return checked(file.body, request);
}

function checked(bytes: Buffer, request: IndexFileRequest): Buffer {
  const got = createHash('sha256').update(bytes).digest('hex');
  if (got !== request.sha256) {
    throw new Error(`SHA-256 of ${request.fileName} does not match (got ${got}, expected ${request.sha256})`);
  }
  return bytes;
}

function localFolders(environment: Environment): string[] {
  return (environment['UV_FIND_LINKS'] ?? '')
    .split(/[\s,]+/)
    .filter((entry) => entry !== '' && !/^https?:/.test(entry))
    .map((entry) => (entry.startsWith('file:') ? fileURLToPath(entry) : entry));
}

function indexUrl(environment: Environment): URL | undefined {
  const set = (name: string): boolean => !['', '0', 'false', undefined].includes(environment[name]?.toLowerCase());
  if (set('UV_NO_INDEX') || set('UV_OFFLINE')) return undefined;
  const named = ['UV_DEFAULT_INDEX', 'UV_INDEX_URL', 'PIP_INDEX_URL'].map((name) => environment[name] ?? '');
  const chosen = (named.find((url) => url !== '') ?? DEFAULT_INDEX).replace(/^[A-Za-z0-9._-]+=(?=https?:)/, '');
  return new URL(chosen.endsWith('/') ? chosen : `${chosen}/`);
}

function fileUrl(page: string, base: URL, fileName: string): URL | undefined {
  if (page.trimStart().startsWith('{')) {
    const { files = [] } = JSON.parse(page) as { files?: { filename: string; url: string }[] };
    const file = files.find((entry) => entry.filename === fileName);
    return file === undefined ? undefined : new URL(file.url, base);
  }
  for (const [, href = ''] of page.matchAll(/<a\s[^>]*href="([^"]+)"/gi)) {
    const url = new URL(href.replaceAll('&amp;', '&'), base);
    if (decodeURIComponent(url.pathname.split('/').at(-1) ?? '') === fileName) {
      url.hash = '';
      return url;
    }
  }
  return undefined;
}
