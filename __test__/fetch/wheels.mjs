// The pinned distributions that demo and fixtures are made of, as a flat folder for `uv --find-links`.

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cacheDirectory, place, sha256OfFile } from './cache.mjs';

const AT_ONCE = 6;
const PINS = JSON.parse(readFileSync(path.join(import.meta.dirname, 'wheels.json'), 'utf8'));
/** Wheels of one distribution for other platforms, of the version that wheels.json has; written by hand. */
const FOREIGN_PINS = JSON.parse(readFileSync(path.join(import.meta.dirname, 'foreign-wheels.json'), 'utf8'));

export function wheelsDirectory() {
  return path.join(cacheDirectory(), 'wheels');
}

/** The fetched wheel of a project; the first one where several versions are pinned. */
export function wheelFile(project) {
  const pin = PINS.find((candidate) => candidate.project === project);
  if (!pin) throw new Error(`no wheel is pinned for ${project}`);
  return path.join(wheelsDirectory(), pin.filename);
}

/** Downloads what is missing; `say(line)` tells about work. */
export async function ensureWheels(say) {
  await ensureFiles(PINS, wheelsDirectory(), (line) => say(`wheels: ${line}`));
}

/** Where wheels for other platforms lie; apart, because each platform's own folder must do without them. */
export function foreignWheelsDirectory() {
  return path.join(cacheDirectory(), 'foreign-wheels');
}

/** Downloads wheels for other platforms, which only some tests look at: when the first of them asks. */
export async function ensureForeignWheels(say = () => {}) {
  await ensureFiles(FOREIGN_PINS, foreignWheelsDirectory(), say);
}

/** Downloads those of some pinned files that a folder lacks. */
export async function ensureFiles(pins, folder, say) {
  const found = await Promise.all(pins.map((pin) => sha256OfFile(path.join(folder, pin.filename))));
  const missing = pins.filter((pin, index) => found[index] !== pin.sha256);
  let done = 0;
  const queue = [...missing];
  const work = async () => {
    for (let pin = queue.shift(); pin; pin = queue.shift()) {
      const { project, filename: fileName, sha256 } = pin;
      const bytes = await fetchPinned({ project, fileName, sha256 });
      await place(path.join(folder, fileName), (temporary) => writeFile(temporary, bytes));
      done += 1;
      say(`${done} of ${missing.length}: ${fileName}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** The bytes of one file of the package index, by the product's own client; checks the SHA-256. */
export async function fetchPinned({ project, fileName, sha256 }) {
  const { fetchIndexFile } = await import('../../dist/python/index-client.js');
  const signal = AbortSignal.timeout(600_000);
  try {
    return await fetchIndexFile({ project, fileName, sha256, environment: process.env, signal });
  } catch (cause) {
    throw new Error(`cannot get ${fileName} from the package index: ${cause.message}`, { cause });
  }
}
