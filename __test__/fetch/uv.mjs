// The uv that demo and tests use: exactly the version that the product pins. FLAVOR_UV or the one on PATH
// when it is that version, else the pinned wheel.

import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory, place } from './cache.mjs';
import { fetchPinned } from './wheels.mjs';

const run = promisify(execFile);
const PROGRAM = process.platform === 'win32' ? 'uv.exe' : 'uv';

/** The path of a uv of the pinned version, or undefined: nothing is fetched here. */
export async function findUv() {
  const { UV_VERSION } = await import('../../dist/python/uv-digests.js');
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(path.isAbsolute);
  const candidates = [
    process.env.FLAVOR_UV,
    ...folders.map((folder) => path.join(folder, PROGRAM)),
    cachedUv(UV_VERSION),
  ];
  for (const candidate of candidates) {
    if (candidate && (await versionOf(candidate)) === UV_VERSION) return path.resolve(candidate);
  }
  return undefined;
}

/** Fetches uv when there is none; `say(line)` tells about work. */
export async function ensureUv(say) {
  if (await findUv()) return;
  const { UV_VERSION, UV_WHEELS } = await import('../../dist/python/uv-digests.js');
  const { hostTarget, targetName } = await import('../../dist/platform.js');
  const { unzipSync } = await import('fflate');
  const wheel = UV_WHEELS[targetName(hostTarget())];
  if (!wheel) throw new Error(`no uv is pinned for ${targetName(hostTarget())}; set FLAVOR_UV`);
  say(`uv: getting ${wheel.fileName}`);
  const bytes = await fetchPinned({ project: 'uv', ...wheel });
  const member = `uv-${UV_VERSION}.data/scripts/${PROGRAM}`;
  const program = unzipSync(bytes, { filter: ({ name }) => name === member })[member];
  if (!program) throw new Error(`${wheel.fileName} does not hold ${member}`);
  const target = cachedUv(UV_VERSION);
  await place(target, async (temporary) => {
    await writeFile(temporary, program);
    await chmod(temporary, 0o755);
  });
}

function cachedUv(version) {
  return path.join(cacheDirectory(), 'uv', version, PROGRAM);
}

async function versionOf(program) {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: 20_000 });
    return /^uv (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
