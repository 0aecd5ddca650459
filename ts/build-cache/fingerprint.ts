/**
 * Whether a tree is still the one that was kept: a digest over the names, kinds, modes, sizes and time stamps of all
 * that is in it. The stamp of the last change of a file's state cannot be set by programs, so that whoever writes into a
 * file, replaces it, adds or removes one leaves a trace. Contents are not read: that would take as long as making them.
 */

import { createHash } from 'node:crypto';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Digest of everything below a root; the root itself may be renamed. */
export function fingerprint(root: string): string {
  const hash = createHash('sha256');
  // Without promises: a hundred times as many would take longer than the work.
  const visit = (folder: string, prefix: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      const status = lstatSync(path, { bigint: true });
      const { mode, size, mtimeNs, ctimeNs } = status;
      // The size of a folder is the disk's affair.
      hash.update(`${prefix}${name}\0${mode} ${status.isDirectory() ? '' : size} ${mtimeNs} ${ctimeNs}\n`);
      if (status.isDirectory()) visit(path, `${prefix}${name}/`);
    }
  };
  visit(root, '');
  return hash.digest('hex');
}
