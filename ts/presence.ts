/**
 * Whether something lies at a path. Links are followed; what may not be looked at counts as not there.
 */

import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Whether anything is there. */
export async function isThere(path: string): Promise<boolean> {
  return (await statusOf(path)) !== undefined;
}

/** Whether a regular file is there. */
export async function isFile(path: string): Promise<boolean> {
  return (await statusOf(path))?.isFile() ?? false;
}

/** Whether a folder is there. */
export async function isFolder(path: string): Promise<boolean> {
  return (await statusOf(path))?.isDirectory() ?? false;
}

function statusOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}
