// The environment in which demo and tests run `flavor`: no network, the pinned uv, the runtime mirror, the
// pinned wheels. The same variables that any user of uv can set; the product knows nothing of tests.
// UV_OFFLINE is not among them: with it, uv takes an archive only from its archive cache, never from a mirror.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metadataFile } from './mirror.mjs';
import { findUv } from './uv.mjs';
import { wheelsDirectory } from './wheels.mjs';

/** The build cache of one test run, which goes with it. Specs that are about a first build have one of their own. */
export function testBuildCache() {
  return join(tmpdir(), `flavor-test-build-cache-${process.pid}`);
}

/** Variables to add to the process environment. FLAVOR_TEST_REAL_RUNTIME=1 leaves the network in. */
export async function offlineEnvironment() {
  const uv = await findUv();
  if (!uv) throw new Error('uv is not there; run `npm run fetch`');
  if (process.env.FLAVOR_TEST_REAL_RUNTIME === '1') return { FLAVOR_UV: uv };
  return {
    FLAVOR_UV: uv,
    UV_PYTHON_DOWNLOADS_JSON_URL: metadataFile(),
    UV_NO_INDEX: '1',
    UV_FIND_LINKS: wheelsDirectory(),
  };
}
