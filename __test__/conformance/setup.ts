// Packs the probe fixture once per run, with the built CLI and the pinned inputs of `npm run fetch`. Tests that need any
// package, and those of what `pack` says, take this one.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { TestProject } from 'vitest/node';
import { offlineEnvironment, testBuildCache } from '../fetch/environment.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** Runs before the first test file; what it returns runs after the last. */
export async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'flavor-probe-'));
  const source = join(folder, 'project');
  // A folder as output, a seed on standard input and `--json`: what results.spec.ts looks at.
  const output = join(folder, 'out', 'probe-1.2.3.psp');
  cpSync(join(here, '..', 'fixtures', 'probe'), source, { recursive: true });
  const env = await offlineEnvironment();
  const flavor = join(here, '..', '..', 'bin', 'flavor.mjs');
  const args = ['pack', '--json', '-m', source, '-o', `${join(folder, 'out')}/`, '--level', '3', '--key-seed', '-'];
  const packed = await execa(process.execPath, [flavor, ...args], {
    env: { ...env, FLAVOR_BUILD_CACHE: testBuildCache(), FLAVOR_SEED: undefined, FLAVOR_KEY_SEED: undefined },
    input: 'conformance probe, not a secret\n',
  });
  project.provide('probeResult', { stdout: packed.stdout, stderr: packed.stderr });
  project.provide('probePackage', output);
  project.provide('wheels', env.UV_FIND_LINKS ?? '');
  return () => {
    for (const path of [folder, testBuildCache()]) rmSync(path, { recursive: true, force: true });
  };
}
