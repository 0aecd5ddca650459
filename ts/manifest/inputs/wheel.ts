/**
 * A wheel as something to pack. Its name and what it says about itself are read; nothing of it is unpacked, and whether
 * its bytes are those that it records is judged where it is installed.
 */

import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { unzipSync } from 'fflate';

import { FlavorError, messageOf } from '../../errors.js';
import { headerOf, parseScripts } from '../../python/distributions.js';
import { foldName } from '../names.js';
import type { ProjectManifest } from '../project-manifest.js';
import { COMMAND_NAME_PATTERN } from '../schema-words.js';
import { unreadable } from './find-input.js';
import { type InputSettings, manifestOf } from './settings.js';

/** The parts of a wheel's name. */
interface WheelName {
  readonly name: string;
  readonly version: string;
  readonly pythons: readonly string[];
  readonly abis: readonly string[];
}

/** The manifest of a wheel; `settings` are those of a file that the caller names. */
export async function wheelManifest(file: string, settings?: InputSettings): Promise<ProjectManifest> {
  const named = wheelName(file);
  const { entryPoints, metadata, programs } = await readMetadata(file);
  const name = headerOf(metadata, 'Name');
  const version = headerOf(metadata, 'Version');
  if (name === undefined || version === undefined) throw damaged(file, 'its METADATA has no name or no version');
  if (foldName(name) !== foldName(named.name) || !isSameVersion(version, named.version)) {
    const message = `it is ${name} ${version} inside, but its name says ${named.name} ${named.version}`;
    throw damaged(file, message, 'give it back the name that it was built under');
  }
  const scripts = parseScripts(entryPoints);
  const manifest = manifestOf(file, settings, {
    name,
    version,
    description: headerOf(metadata, 'Summary'),
    requiresPython: headerOf(metadata, 'Requires-Python'),
    scripts: new Set(scripts.keys()),
  });
  const folder = dirname(file);
  // Programs that are no functions of Python, such as compiled ones, are commands as well.
  const other = programs.filter((program) => !scripts.has(program) && !manifest.commands.has(program));
  const commands = new Map([
    ...manifest.commands,
    ...other.map((program) => [program, { argv: [program], env: {}, cwd: undefined }] as const),
  ]);
  return {
    ...manifest,
    commands,
    input: { kind: 'wheel', scripts },
    file,
    folder,
    outputFolder: basename(folder) === 'dist' ? folder : join(folder, 'dist'),
    pylock: join(folder, `pylock.${manifest.name}.toml`),
    hasScripts: scripts.size > 0 || commands.size > 0,
    pythonVersion: manifest.pythonVersion ?? onlyPython(named),
  };
}

function wheelName(file: string): WheelName {
  const parts = basename(file)
    .replace(/\.whl$/, '')
    .split('-');
  const [name, version] = parts;
  const [pythons, abis, platforms] = parts.slice(-3);
  const isName = parts.length === 5 || (parts.length === 6 && /^\d/.test(parts[2] ?? ''));
  const hasTags = [pythons, abis, platforms].every((part) => part !== undefined && /^[\w.]+$/.test(part));
  if (name === undefined || version === undefined || !isName || !hasTags) {
    throw damaged(
      file,
      'its name is not that of a wheel',
      'wheels are called name-version-python-abi-platform.whl; give it back the name that it was built under',
    );
  }
  return { name, version, pythons: pythons?.split('.') ?? [], abis: abis?.split('.') ?? [] };
}

/** The one version of Python that a wheel with compiled modules is for. */
function onlyPython({ pythons, abis }: WheelName): string | undefined {
  const versions = new Set(pythons.map((tag) => /^cp3(\d+)$/.exec(tag)?.[1]));
  const [minor] = versions;
  const isBound = abis.every((abi) => /^cp3\d+/.test(abi));
  return isBound && versions.size === 1 && minor !== undefined ? `3.${minor}` : undefined;
}

interface WheelMetadata {
  readonly metadata: string;
  readonly entryPoints: string;
  /** Names of the files that go into `bin` as they are. */
  readonly programs: readonly string[];
}

async function readMetadata(file: string): Promise<WheelMetadata> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  let members: Record<string, Uint8Array>;
  const programs: string[] = [];
  try {
    members = unzipSync(bytes, {
      filter: ({ name }) => {
        const program = /^[^/]+\.data\/scripts\/([^/]+)$/.exec(name)?.[1];
        if (program !== undefined && COMMAND_NAME_PATTERN.test(program)) programs.push(program);
        return /^[^/]+\.dist-info\/(METADATA|WHEEL|entry_points\.txt)$/.test(name);
      },
    });
  } catch (cause) {
    throw damaged(file, `it is no zip archive, or not all of one (${messageOf(cause)})`, undefined, cause);
  }
  const textOf = (name: string): string | undefined => {
    const [, content] = Object.entries(members).find(([path]) => path.endsWith(`/${name}`)) ?? [];
    return content === undefined ? undefined : Buffer.from(content).toString('utf8');
  };
  const metadata = textOf('METADATA');
  if (metadata === undefined || textOf('WHEEL') === undefined) {
    throw damaged(file, `it holds no ${metadata === undefined ? 'METADATA' : 'WHEEL'} of a distribution`);
  }
  return { metadata, entryPoints: textOf('entry_points.txt') ?? '', programs: programs.sort() };
}

/** Names of files escape what versions may hold. */
function isSameVersion(stated: string, named: string): boolean {
  const plain = (version: string): string => version.toLowerCase().replaceAll(/[-_]+/g, '.').replace(/^v/, '');
  return plain(stated) === plain(named);
}

function damaged(file: string, why: string, hint?: string, cause?: unknown): FlavorError {
  return new FlavorError('ERR_FLAVOR_MANIFEST', `${basename(file)} cannot be packed: ${why}`, {
    path: file,
    hints: [hint ?? 'build or download the wheel again'],
    cause,
  });
}
