// What a run needs for one launcher: copies of launcher and stage where users without rights on this repository reach them,
// and the packages around that launcher.

import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { addon, type Builder } from './builders.js';
import { type Launcher, programs } from './launchers.js';
import { Packages } from './packages.js';

/** Longer than the two seconds of STORE.md 9.5. */
export const SETTLED_MS = 2100;

/** One launcher, ready to be started. */
export interface Suite {
  readonly launcher: string;
  readonly stage: string;
  readonly packages: Packages;
  close(): void;
}

/** Prepares a launcher, and packages that a builder writes around it. */
export function openSuite(launcher: Launcher, builder: Builder = addon): Suite {
  const place = mkdtempSync(join(tmpdir(), 'flavor-cases-'));
  chmodSync(place, 0o755);
  const tools = programs();
  const bare = join(place, basename(launcher.path));
  copyFileSync(launcher.path, bare);
  chmodSync(bare, 0o755);
  const stage = join(place, 'stage');
  copyFileSync(tools.stage, stage);
  const made = join(place, 'packages');
  mkdirSync(made, { mode: 0o755 });
  const recipes = JSON.parse(readFileSync(new URL('../cases/recipes.json', import.meta.url), 'utf8')) as unknown;
  const packages = new Packages(recipes, made, { launcher: launcher.path, probe: tools.probe, builder });
  return { launcher: bare, stage, packages, close: () => rmSync(place, { recursive: true, force: true }) };
}
