// Packs the probe fixture once per run, with the built CLI and the pinned inputs of `npm run fetch`.

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
  const output = join(folder, 'probe.psp');
  cpSync(join(here, '..', 'fixtures', 'probe'), source, { recursive: true });
  const env = await offlineEnvironment();
  const flavor = join(here, '..', '..', 'bin', 'flavor.mjs');
  await execa(process.execPath, [flavor, 'pack', '--manifest', source, '--output', output, '--level', '3', '--quiet'], {
    env: { ...env, FLAVOR_BUILD_CACHE: testBuildCache(), FLAVOR_SEED: 'conformance probe, not a secret' },
  });
  project.provide('probePackage', output);
  project.provide('wheels', env.UV_FIND_LINKS ?? '');
  return () => {
    for (const path of [folder, testBuildCache()]) rmSync(path, { recursive: true, force: true });
  };
}
