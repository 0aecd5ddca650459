/**
 * Reads pyproject.toml. Every refusal names the file, the line where it is known, the key, what was found and
 * what would be right. Nothing of the project is run here, and nothing is filled in that the project does not say.
 */

import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { parse, TomlError } from 'smol-toml';
import type { z } from 'zod';

import { FlavorError, isSystemError } from '../errors.js';
import { lineOfKey } from './key-lines.js';
import { type EntryPoint, packageName, parseEntryPoint } from './names.js';
import { nearestWord } from './nearest.js';
import { KNOWN_KEYS, type ManifestDocument, manifestSchema } from './schema.js';

/** A project as its manifest describes it. */
export interface ProjectManifest {
  /** Absolute path of pyproject.toml. */
  readonly file: string;
  /** Absolute path of the project. */
  readonly folder: string;
  /** Name of the package, folded. */
  readonly name: string;
  /** Name of the distribution, as the project writes it. */
  readonly distribution: string;
  /** Undefined where the build back end decides. */
  readonly version: string | undefined;
  readonly description: string | undefined;
  /** Undefined where the build back end decides. */
  readonly dependencies: readonly string[] | undefined;
  readonly requiresPython: string | undefined;
  /** `tool.flavor.entry_point`. */
  readonly entryPoint: EntryPoint | undefined;
  /** Whether the project states commands of its own, or leaves them to the build back end. */
  readonly hasScripts: boolean;
  readonly pythonVersion: string | undefined;
  readonly includePip: boolean;
  /** A runtime that the project brings along; paths are absolute. */
  readonly python: {
    readonly archive: string | undefined;
    readonly path: string | undefined;
    readonly sha256: string | undefined;
  };
}

/** Name that is looked for in a folder. */
const FILE_NAME = 'pyproject.toml';

/** Reads the manifest at a path, which names the file or its folder. */
export async function loadManifest(path: string): Promise<ProjectManifest> {
  const file = await manifestFile(resolve(path));
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw unreadable(file, cause);
  }
  return projectManifest(file, text, parseDocument(file, text.replace(/^\uFEFF/, '')));
}

async function manifestFile(path: string): Promise<string> {
  try {
    return (await stat(path)).isDirectory() ? join(path, FILE_NAME) : path;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): FlavorError {
  if (isSystemError(cause) && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) {
    return new FlavorError('ERR_FLAVOR_NOT_FOUND', `no manifest at this path: ${path}`, {
      path,
      hints: [`run flavor in the folder of ${FILE_NAME}, or name it with \`--manifest\``],
      cause,
    });
  }
  return new FlavorError('ERR_FLAVOR_IO', `the manifest could not be read: ${path}`, { path, cause });
}

function parseDocument(file: string, text: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const reason = cause.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? '';
    throw new FlavorError(
      'ERR_FLAVOR_MANIFEST',
      `${basename(file)} is not valid TOML at line ${cause.line}, column ${cause.column}: ${reason}`,
      { path: file, hints: ['correct the syntax on that line'] },
    );
  }
}

function projectManifest(file: string, text: string, document: unknown): ProjectManifest {
  const parsed = manifestSchema.safeParse(document);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => describeIssue(issue, file, text, document));
    const [first] = issues;
    if (first === undefined) throw parsed.error;
    throw new FlavorError('ERR_FLAVOR_MANIFEST', issues.map((issue) => issue.message).join('; '), {
      path: file,
      hints: [...new Set(issues.flatMap((issue) => issue.hints))],
    });
  }
  const { project, tool } = parsed.data;
  const flavor = tool?.flavor;
  const folder = dirname(file);
  checkRules(file, text, parsed.data);
  const isDynamic = (key: string): boolean => project.dynamic?.includes(key) ?? false;
  const named = flavor?.package_name;
  return {
    file,
    folder,
    name:
      named === undefined
        ? packageName(project.name, '`project.name`', file)
        : packageName(named, '`tool.flavor.package_name`', file),
    distribution: project.name,
    version: project.version,
    description: project.description,
    dependencies: isDynamic('dependencies') ? undefined : (project.dependencies ?? []),
    requiresPython: project['requires-python'],
    entryPoint: flavor?.entry_point === undefined ? undefined : parseEntryPoint(flavor.entry_point),
    hasScripts:
      isDynamic('scripts') ||
      isDynamic('entry-points') ||
      Object.keys({ ...project.scripts, ...project['gui-scripts'] }).length > 0,
    pythonVersion: flavor?.python_version,
    includePip: flavor?.include_pip ?? true,
    python: {
      archive: flavor?.python?.archive === undefined ? undefined : resolve(folder, flavor.python.archive),
      path: flavor?.python?.path === undefined ? undefined : resolve(folder, flavor.python.path),
      sha256: flavor?.python?.sha256?.toLowerCase(),
    },
  };
}

/** What the schema cannot say. */
function checkRules(file: string, text: string, { project, tool }: ManifestDocument): void {
  const at = (path: string[]): string => position(file, text, path);
  if (project.version === undefined && !(project.dynamic?.includes('version') ?? false)) {
    throw new FlavorError('ERR_FLAVOR_MANIFEST', `${at(['project'])}: \`project.version\` is missing`, {
      path: file,
      hints: ['write `version = "1.0.0"` under `[project]`, or list it in `dynamic`'],
    });
  }
  for (const [table, scripts] of [
    ['scripts', project.scripts],
    ['gui-scripts', project['gui-scripts']],
  ] as const) {
    for (const [name, value] of Object.entries(scripts ?? {})) {
      if (parseEntryPoint(value) !== undefined && /^[\w.-]+$/.test(name)) continue;
      throw new FlavorError(
        'ERR_FLAVOR_MANIFEST',
        `${at(['project', table, name])}: \`project.${table}.${name}\` is not of the form \`module:function\`: ${JSON.stringify(value)}`,
        { path: file, hints: [`write \`${name} = "package.module:function"\``] },
      );
    }
  }
  const python = tool?.flavor?.python;
  if (python?.archive !== undefined && python.path !== undefined) {
    throw new FlavorError(
      'ERR_FLAVOR_MANIFEST',
      `${at(['tool', 'flavor', 'python'])}: \`tool.flavor.python\` has both \`archive\` and \`path\``,
      { path: file, hints: ['keep one of them'] },
    );
  }
}

function position(file: string, text: string, path: readonly (string | number)[]): string {
  const line = lineOfKey(text, path);
  return line === undefined ? basename(file) : `${basename(file)}:${line}`;
}

interface DescribedIssue {
  readonly message: string;
  readonly hints: readonly string[];
}

function describeIssue(issue: z.core.$ZodIssue, file: string, text: string, document: unknown): DescribedIssue {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  const name = path.join('.');
  const at = position(file, text, path);
  if (issue.code === 'unrecognized_keys') {
    const known = KNOWN_KEYS[name] ?? [];
    const hints = issue.keys.map((key) => {
      const near = nearestWord(key, known);
      return near === undefined ? `known keys of \`${name}\` are ${known.join(', ')}` : `did you mean \`${near}\`?`;
    });
    const keys = issue.keys.map((key) => `${position(file, text, [...path, key])}: unknown key \`${name}.${key}\``);
    return { message: keys.join('; '), hints };
  }
  const found = valueAt(document, path);
  if (issue.code === 'invalid_type') {
    if (found === undefined) {
      return {
        message: `${at}: \`${name}\` is missing`,
        hints: [`write \`${path.at(-1)}\` as ${words(issue.expected)}`],
      };
    }
    return {
      message: `${at}: \`${name}\` has the wrong type (got ${describe(found)}, expected ${words(issue.expected)})`,
      hints: [],
    };
  }
  return {
    message: `${at}: \`${name}\` ${issue.message}${found === undefined ? '' : `: ${JSON.stringify(found)}`}`,
    hints: name === 'tool.flavor.entry_point' ? ['write `entry_point = "package.module:function"`'] : [],
  };
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  boolean: 'true or false',
  number: 'a number',
  array: 'an array',
  object: 'a table',
  record: 'a table',
};

function words(type: string): string {
  return TYPE_WORDS[type] ?? type;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'object') return 'a table';
  return `${words(typeof value)}: ${JSON.stringify(value)}`;
}

function valueAt(document: unknown, path: readonly (string | number)[]): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
