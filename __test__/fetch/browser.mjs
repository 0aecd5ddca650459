// The browser that looks at the page of `flavor size`: a headless Chromium with its libraries and a font, as a package of
// the npm registry carries it. Nothing of that package runs but the browser; `npm install` does not fetch it.
//
// Guarantees: the folder under its final name is whole and was made from the pinned archive. For tests only.

import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createBrotliDecompress } from 'node:zlib';
import { cacheDirectory, sha256OfFile } from './cache.mjs';

const run = promisify(execFile);
const PIN = JSON.parse(readFileSync(path.join(import.meta.dirname, 'browser.json'), 'utf8'));
/** What is run, and archives of what it needs: libraries, software rendering, a font. */
const PROGRAM = 'chromium';
const ARCHIVES = ['al2023', 'swiftshader', 'fonts'];
/** Instead of the one of the package, which knows the folders of its own purpose: fonts lie in XDG_DATA_HOME. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="xdg">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

/** Why there is no browser on this machine, or undefined: it is pinned for one platform. */
export function browserAbsence() {
  if (process.platform === 'linux' && process.arch === 'x64') return undefined;
  return `the browser is pinned for linux_amd64 only, and this is ${process.platform}_${process.arch}`;
}

/** How the browser is started. Whether it is there is `npm run fetch`'s business. */
export function browser() {
  const folder = browserFolder();
  return {
    executablePath: path.join(folder, PROGRAM),
    // Root has no sandbox here, containers have no graphics, and their /dev/shm is small.
    args: [
      '--no-sandbox',
      '--no-zygote',
      '--in-process-gpu',
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--disable-dev-shm-usage',
    ],
    env: { LD_LIBRARY_PATH: `${path.join(folder, 'lib')}:${folder}`, FONTCONFIG_PATH: folder, XDG_DATA_HOME: folder },
  };
}

/** Fetches it when it is missing; `say(line)` tells about work. */
export async function ensureBrowser(say) {
  const folder = browserFolder();
  if (browserAbsence() || existsSync(path.join(folder, PROGRAM))) return;
  const { package: name, version, sha256 } = PIN;
  say(`browser: getting ${name} ${version}`);
  await mkdir(path.dirname(folder), { recursive: true });
  const staged = await mkdtemp(`${folder}.part-`);
  try {
    // npm goes where the user's settings say, and compares its own digest.
    const pack = ['pack', `${name}@${version}`, '--pack-destination', staged, '--json', '--ignore-scripts'];
    const { stdout } = await run('npm', pack, { cwd: staged, maxBuffer: 1 << 24 });
    const archive = path.join(staged, JSON.parse(stdout)[0].filename.replace('@', '').replace('/', '-'));
    const found = await sha256OfFile(archive);
    if (found !== sha256) throw new Error(`SHA-256 does not match (got ${found}, expected ${sha256}): ${archive}`);
    await run('tar', ['-xzf', archive, '-C', staged, '--strip-components=2', 'package/bin']);
    say('browser: unpacking');
    await inflated(path.join(staged, `${PROGRAM}.br`), path.join(staged, PROGRAM), 0o755);
    for (const part of ARCHIVES) {
      const tar = path.join(staged, `${part}.tar`);
      await inflated(`${tar}.br`, tar, 0o644);
      await run('tar', ['-xf', tar, '-C', staged, '--no-same-owner']);
      await rm(tar);
    }
    await writeFile(path.join(staged, 'fonts.conf'), FONTS);
    await rm(archive);
    await rename(staged, folder);
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

/** Another pin is another folder, so that two checkouts can share the cache. */
function browserFolder() {
  return path.join(cacheDirectory(), 'browser', `${PIN.version}-${PIN.sha256.slice(0, 16)}`);
}

async function inflated(from, to, mode) {
  await pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to, { mode }));
  await rm(from);
}
