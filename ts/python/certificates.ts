/**
 * Certificate authorities for the packaged OpenSSL (python-environments.md 11): an addition to the interpreter's
 * ssl.py sets SSL_CERT_FILE where the built-in places are missing on the user's system.
 *
 * It stands there, and not in the launcher or in a start file, because so it costs a program that does not use TLS
 * nothing, holds for both starts and every child, and leaves the environment of everybody else alone. The application
 * and what it starts may rely on it; OpenSSL copies in other distributions (cryptography, pycurl) bring their own.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { embeddedFile } from './embedded-files.js';
import { sortedEntries } from './tree.js';

/** Adds it to a standard library, unless it is there already or the interpreter has no ssl.py. */
export async function addCertificates(folder: string): Promise<void> {
  if (!(await sortedEntries(folder)).some(({ name }) => name === 'ssl.py')) return;
  const file = join(folder, 'ssl.py');
  const source = await readFile(file, 'utf8');
  const addition = await readFile(embeddedFile('certificates.py'), 'utf8');
  if (source.includes('_flavor_certificates')) return;
  await writeFile(file, `${source.trimEnd()}\n${addition}`);
}
