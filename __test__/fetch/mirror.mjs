// The runtime mirror: real standalone CPython trees, which a Go module carries for its own purpose, packed
// as the archives that `uv python install` takes, with the list that uv reads instead of its built-in one.
//
// The trees lack ensurepip, which upstream's have; the folder `ensurepip` here, with the pinned pip wheel,
// stands in for it, so that `python -m venv` can be tried. For demo and tests only: the trees come without
// the licence texts of the bundled libraries and are not for redistribution.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createGzip, gunzip } from 'node:zlib';
import { cacheDirectory, place, sha256OfFile } from './cache.mjs';
import { end, member } from './ustar.mjs';
import { wheelFile } from './wheels.mjs';

const run = promisify(execFile);
const inflate = promisify(gunzip);
const HERE = import.meta.dirname;
const GO_MODE_DIRECTORY = 2 ** 31;
const GO_MODE_SYMLINK = 2 ** 27;
/** Raised when the same inputs are packed to other bytes. */
const PACKING = 1;

export function metadataFile() {
  return path.join(cacheDirectory(), 'mirror', 'download-metadata.json');
}

/** The list of the runtimes for other platforms; see `ensureForeignMirror`. */
export function foreignMetadataFile() {
  return path.join(cacheDirectory(), 'mirror', 'foreign-metadata.json');
}

/** Makes what is missing; `say(line)` tells about work, and is silent when there is none. */
export async function ensureMirror(pins, say) {
  await ensureSet({ runtimes: pins.runtimes, platforms: pins.platforms }, metadataFile(), 'state.json', say);
}

/** The same for platforms that only some tests look at: made when the first of them asks. */
export async function ensureForeignMirror(say = () => {}) {
  const pins = JSON.parse(await readFile(path.join(HERE, 'pins.json'), 'utf8'));
  const wanted = { runtimes: pins.runtimes, platforms: pins.foreign };
  await ensureSet(wanted, foreignMetadataFile(), 'foreign-state.json', say);
}

async function ensureSet(pins, metadata, stateName, say) {
  const stateFile = path.join(cacheDirectory(), 'mirror', stateName);
  const wanted = await wantedState(pins);
  if (await isComplete(stateFile, metadata, wanted)) return;
  const entries = {};
  const archives = {};
  for (const runtime of pins.runtimes) {
    say(`runtime mirror: getting CPython ${runtime.python} as a Go module`);
    const tree = await goModule(runtime);
    for (const platform of pins.platforms) {
      say(`runtime mirror: packing CPython ${runtime.python} for ${platform.triple}`);
      const name = `cpython-${runtime.python}+${runtime.tag}-${platform.triple}-install_only_stripped.tar.gz`;
      const file = path.join(cacheDirectory(), 'mirror', runtime.tag, name);
      await place(file, (temporary) => pack(tree, runtime, platform, temporary));
      const sha256 = await sha256OfFile(file);
      archives[file] = sha256;
      entries[`cpython-${runtime.python}-${platform.key}`] = entry(runtime, platform, file, sha256);
    }
  }
  await place(metadata, (temporary) => writeFile(temporary, json(entries)));
  await place(stateFile, (temporary) => writeFile(temporary, json({ wanted, archives })));
}

/** What the mirror was made from; another value means that it is to be made again. */
async function wantedState(pins) {
  const { runtimes, platforms } = pins;
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ PACKING, runtimes, platforms, pip: path.basename(wheelFile('pip')) }));
  for (const name of (await readdir(path.join(HERE, 'ensurepip'))).sort()) {
    if (name.endsWith('.py')) hash.update(await readFile(path.join(HERE, 'ensurepip', name)));
  }
  return hash.digest('hex');
}

async function isComplete(stateFile, metadata, wanted) {
  let state;
  try {
    state = JSON.parse(await readFile(stateFile, 'utf8'));
    await readFile(metadata);
  } catch {
    return false;
  }
  if (state.wanted !== wanted) return false;
  // The names are absolute, as in the list for uv: a cache that was moved is made again.
  const archives = Object.entries(state.archives);
  const inside = archives.every(([file]) => file.startsWith(cacheDirectory() + path.sep));
  const found = await Promise.all(archives.map(([file]) => sha256OfFile(file)));
  return inside && archives.every(([, sha256], index) => found[index] === sha256);
}

/** Downloads a module through the go command, which checks it; then its sum is compared with our pin. */
async function goModule({ module, version, sum }) {
  const scratch = await mkdtemp(path.join(tmpdir(), 'flavor-fetch-'));
  try {
    const { stdout } = await run('go', ['mod', 'download', '-json', `${module}@${version}`], {
      cwd: scratch,
      env: { ...process.env, GOFLAGS: '-mod=mod' },
      maxBuffer: 1 << 24,
    });
    const answer = JSON.parse(stdout);
    if (answer.Sum !== sum) {
      throw new Error(`Go module sum does not match (got ${answer.Sum}, expected ${sum}): ${module}@${version}`);
    }
    return answer.Dir;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function pack(tree, runtime, platform, output) {
  const folder = path.join(tree, 'python', 'internal', 'data', platform.folder);
  const { files } = JSON.parse(await readFile(path.join(folder, 'files.json'), 'utf8'));
  const members = new Map();
  for (const file of files) members.set(file.name, () => memberOf(folder, file));
  const library = platform.os === 'windows' ? 'Lib' : `lib/python${runtime.python.split('.', 2).join('.')}`;
  for (const [name, make] of await ensurepipMembers(`${library}/ensurepip`)) members.set(name, make);

  const gzip = createGzip({ level: 4 });
  const sink = createWriteStream(output);
  const written = once(sink, 'finish');
  gzip.pipe(sink);
  const write = async (buffer) => gzip.write(buffer) || once(gzip, 'drain');
  await write(member({ name: 'python', type: 'directory', mode: 0o755 }));
  for (const name of [...members.keys()].sort()) {
    await write(member({ ...(await members.get(name)()), name: `python/${name}` }));
  }
  gzip.end(end());
  await written;
}

async function memberOf(folder, { name, perm, symlink, compressed }) {
  if (symlink !== undefined || (perm >= GO_MODE_SYMLINK && perm < GO_MODE_DIRECTORY)) {
    return { type: 'symlink', mode: 0o777, target: symlink };
  }
  if (perm >= GO_MODE_DIRECTORY) return { type: 'directory', mode: 0o755 };
  const stored = await readFile(path.join(folder, compressed ? `${name}.gz` : name));
  const content = compressed ? await inflate(stored) : stored;
  return { type: 'file', mode: perm & 0o100 ? 0o755 : 0o644, content };
}

async function ensurepipMembers(at) {
  const members = [
    [at, async () => ({ type: 'directory', mode: 0o755 })],
    [`${at}/_bundled`, async () => ({ type: 'directory', mode: 0o755 })],
  ];
  const add = (name, source) =>
    members.push([name, async () => ({ type: 'file', mode: 0o644, content: await readFile(source) })]);
  for (const name of ['__init__.py', '__main__.py']) add(`${at}/${name}`, path.join(HERE, 'ensurepip', name));
  const pip = wheelFile('pip');
  add(`${at}/_bundled/${path.basename(pip)}`, pip);
  return members;
}

function entry(runtime, platform, file, sha256) {
  const [major, minor, patch] = runtime.python.split('.').map(Number);
  return {
    name: 'cpython',
    arch: { family: platform.arch, variant: null },
    os: platform.os,
    libc: platform.libc,
    major,
    minor,
    patch,
    prerelease: '',
    // uv takes the name from the address, where upstream writes `+` as %2B.
    url: pathToFileURL(file).href.replaceAll('+', '%2B'),
    sha256,
    variant: null,
    build: runtime.tag,
  };
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}
