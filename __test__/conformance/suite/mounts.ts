// File systems of a test's own: full ones, small ones, ones without execution. Mounting needs root, and a system that lets it.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const canMount = process.getuid?.() === 0 && spawnSync('mount', ['--version']).status === 0 && mountWorks();

function mountWorks(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'flavor-mount-'));
  const works = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', folder]).status === 0;
  if (works) execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return works;
}

/** Mounts a tmpfs at a folder that it makes, for a while. */
export async function mounted(folder: string, options: string, use: () => Promise<void>): Promise<void> {
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  try {
    await use();
  } finally {
    execFileSync('umount', [folder]);
  }
}
