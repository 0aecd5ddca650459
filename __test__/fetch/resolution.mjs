// Resolves requirements with uv and picks one wheel per distribution, for the scripts that renew pins. Needs the
// network; never part of `npm run fetch`, which only gets what is pinned.

import { execFileSync } from 'node:child_process';
import { parse } from 'smol-toml';
import { findUv } from './uv.mjs';

const PLATFORM = { tag: 'x86_64', uv: 'x86_64-manylinux_2_28', glibcMinor: 28 };

/** Pins for everything that `roots` need under one Python: `[3, 11]`. */
export async function pinsFor(roots, python) {
  return (await resolve(roots, python)).map((distribution) => choose(distribution, python));
}

/** Pins sorted by file name, and versions of one project newest first. */
export function inOrder(pins) {
  const sorted = [...pins].sort((a, b) => (a.filename < b.filename ? -1 : 1));
  return sorted.sort((a, b) => (a.project === b.project && a.version !== b.version ? newer(b, a) : 0));
}

/** The resolution as a lock file, which names every wheel of every chosen version. */
async function resolve(roots, python) {
  const lock = execFileSync(
    await findUv(),
    [
      ...['pip', 'compile', '--quiet', '--format', 'pylock.toml', '--only-binary', ':all:'],
      ...['--python-version', python.join('.'), '--python-platform', PLATFORM.uv, '-'],
    ],
    { input: `${roots.join('\n')}\n`, encoding: 'utf8' },
  );
  return parse(lock).packages;
}

function choose({ name: project, version, wheels = [] }, python) {
  const fitting = wheels
    .map(({ url, hashes }) => ({ filename: decodeURIComponent(url.split('/').at(-1)), sha256: hashes.sha256 }))
    .map((file) => ({ ...file, rank: rank(file.filename, version, python) }))
    .filter((file) => file.rank !== undefined)
    .sort((a, b) => b.rank - a.rank);
  const best = fitting[0];
  if (!best) throw new Error(`no wheel of ${project} ${version} for Python ${python.join('.')}`);
  return { project, version, filename: best.filename, sha256: best.sha256 };
}

/** How well a wheel fits; undefined if it does not. Older glibc wins, so that the pins suit any target floor. */
function rank(filename, version, [major, minor]) {
  const match = /^([^-]+)-([^-]+)(?:-\d[^-]*)?-([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(filename);
  if (!match || match[2] !== version) return undefined;
  const [, , , interpreters, abi, platforms] = match;
  const platformRank = Math.max(...platforms.split('.').map(rankOfPlatform));
  if (platformRank < 0) return undefined;
  const ranks = interpreters.split('.').map((interpreter) => {
    if (interpreter === `cp${major}${minor}` && abi === `cp${major}${minor}`) return 300;
    const stable = /^cp3(\d+)$/.exec(interpreter);
    if (stable && abi === 'abi3' && Number(stable[1]) <= minor) return 200 + Number(stable[1]);
    return interpreter === 'py3' && abi === 'none' ? 100 : -1;
  });
  const best = Math.max(...ranks);
  return best < 0 ? undefined : best * 100 + platformRank;
}

function rankOfPlatform(platform) {
  if (platform === 'any') return 0;
  const match = /^manylinux_2_(\d+)_(\w+)$/.exec(platform);
  const legacy = { manylinux1: 5, manylinux2010: 12, manylinux2014: 17 }[platform.split('_')[0]];
  const glibcMinor = match ? Number(match[1]) : legacy;
  if (glibcMinor === undefined || !platform.endsWith(PLATFORM.tag) || glibcMinor > PLATFORM.glibcMinor) return -1;
  return 99 - glibcMinor;
}

function newer(a, b) {
  return a.version.localeCompare(b.version, 'en', { numeric: true });
}
