// The original, as a witness: released wheels of the Python project `flavorpack`, each version in a virtual environment of
// its own, made offline from pinned files and an interpreter of the runtime mirror.
//
// Guarantees: an environment under its final name is whole and holds exactly the files that oracle.json names for its
// version; another set of pins makes another folder, so that two checkouts can share the cache. For tests only.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from './cache.mjs';
import { offlineEnvironment } from './environment.mjs';
import { findUv } from './uv.mjs';
import { ensureFiles } from './wheels.mjs';

const run = promisify(execFile);

/** The newest release, and the oldest one that is still offered and has the format of today. */
export const ORACLE_VERSIONS = ['0.5.4', '0.3.21'];
/** Of the mirror's interpreters the one for which every dependency has a wheel. */
export const ORACLE_PYTHON = '3.11';
/** Raised when the same pins are installed in another way. */
const MAKING = 1;
const LIBRARY = `lib/python${ORACLE_PYTHON}/site-packages`;

/** Why there is no witness on this machine, or undefined: its wheels and the mirror are for one platform. */
export function oracleAbsence() {
  if (process.platform === 'linux' && process.arch === 'x64') return undefined;
  return `the original is pinned for linux_amd64 only, and this is ${process.platform}_${process.arch}`;
}

/** Where the programs of one version are. Whether they are there is `npm run fetch`'s business. */
export function oracle(version) {
  const folder = environmentFolder(version);
  const native = (name) => path.join(folder, LIBRARY, 'flavor', 'helpers', 'bin', `${name}-${version}-linux_amd64`);
  return {
    version,
    python: path.join(folder, 'bin', 'python'),
    rustBuilder: native('flavor-rs-builder'),
    goBuilder: native('flavor-go-builder'),
    rustLauncher: native('flavor-rs-launcher'),
    goLauncher: native('flavor-go-launcher'),
  };
}

/** Makes what is missing; `say(line)` tells about work, and is silent when there is none. */
export async function ensureOracle(say) {
  if (oracleAbsence()) return;
  // Through the link to the interpreter: without that, the folder is worth nothing.
  const missing = ORACLE_VERSIONS.filter((version) => !existsSync(oracle(version).python));
  if (missing.length === 0) return;
  const pins = missing.flatMap(pinsOf).filter((pin, index, all) => all.indexOf(pin) === index);
  await ensureFiles(pins, oracleWheelsDirectory(), (line) => say(`oracle: ${line}`));
  for (const version of missing) {
    say(`oracle: installing flavorpack ${version}`);
    await install(version);
  }
}

async function install(version) {
  const uv = await findUv();
  const env = { ...process.env, ...(await offlineEnvironment()), UV_PYTHON_INSTALL_BIN: '0', UV_NO_CONFIG: '1' };
  env.UV_PYTHON_INSTALL_DIR = path.join(oracleFolder(), 'python');
  await run(uv, ['python', 'install', '--quiet', ORACLE_PYTHON], { env });
  const folder = environmentFolder(version);
  const temporary = `${folder}.${process.pid}.part`;
  try {
    await mkdir(path.dirname(folder), { recursive: true });
    const managed = ['--python', ORACLE_PYTHON, '--python-preference', 'only-managed', '--no-project'];
    await run(uv, ['venv', '--quiet', '--relocatable', ...managed, temporary], { env });
    const files = pinsOf(version).map(({ filename }) => path.join(oracleWheelsDirectory(), filename));
    const how = ['--offline', '--no-cache', '--no-deps', '--compile-bytecode', '--link-mode', 'copy'];
    await run(uv, ['pip', 'install', '--quiet', ...how, '--python', path.join(temporary, 'bin', 'python'), ...files], {
      env,
    });
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  } catch (error) {
    // Another run may have made it meanwhile.
    if (!existsSync(oracle(version).python)) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function oracleFolder() {
  return path.join(cacheDirectory(), 'oracle');
}

/** What the environments were installed from. */
export function oracleWheelsDirectory() {
  return path.join(oracleFolder(), 'wheels');
}

function environmentFolder(version) {
  const digest = createHash('sha256').update(JSON.stringify({ MAKING, ORACLE_PYTHON, pins: pinsOf(version) }));
  return path.join(oracleFolder(), `flavorpack-${version}-${digest.digest('hex').slice(0, 12)}`);
}

function pinsOf(version) {
  return allPins().filter(({ oracles }) => oracles.split(' ').includes(version));
}

let pins;
function allPins() {
  // Read late: the script that renews the file imports this module while there is none.
  pins ??= JSON.parse(readFileSync(path.join(import.meta.dirname, 'oracle.json'), 'utf8'));
  return pins;
}
