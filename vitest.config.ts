// Tests run against the built tree (`npm run setup` first), offline, with the fetched inputs in their
// environment: see __test__/fetch/environment.mjs.

import { defineConfig } from 'vitest/config';
import { offlineEnvironment, testBuildCache } from './__test__/fetch/environment.mjs';
import { LongestFirst } from './__test__/order.js';

export default defineConfig({
  test: {
    include: ['__test__/**/*.spec.{ts,mjs}'],
    // Packs the probe once per run; every launcher test starts a copy of it.
    globalSetup: ['__test__/conformance/setup.ts'],
    env: {
      ...(await offlineEnvironment()),
      FLAVOR_BUILD_CACHE: testBuildCache(),
      NAPI_RS_ENFORCE_VERSION_CHECK: '1',
    },
    // Packing a project takes seconds on a slow machine; a test that hangs is still ended.
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // Two cores: more workers only make timing-sensitive cases fight each other.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    retry: 0,
  },
});
