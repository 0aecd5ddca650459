/**
 * What the schema refuses, in words: the key, what was found, what would be right, and the known word that a mistyped
 * one probably means.
 */

import { z } from 'zod';

import type { KeyPath } from './key-lines.js';
import { nearestWord } from './nearest.js';

/** Where an issue was found. */
export interface IssueContext {
  readonly schema: z.ZodType;
  /** The whole value that was judged. */
  readonly document: unknown;
  /** File and line of a key. */
  readonly position: (path: KeyPath) => string;
}

/** An issue in words. */
export interface DescribedIssue {
  readonly message: string;
  readonly hints: readonly string[];
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  boolean: 'true or false',
  number: 'a number',
  array: 'an array',
  object: 'a table',
  record: 'a table',
};

/** Describes an issue of the schema. */
export function describeIssue(issue: z.core.$ZodIssue, context: IssueContext): DescribedIssue {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  const found = valueAt(context.document, path);
  const name = keyName(path);
  const at = context.position(path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownKeys(issue.keys, path, context);
    case 'invalid_type':
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
    case 'invalid_union': {
      if (issue.errors.every((branch) => branch.every(isOtherWord))) break;
      const branch = closestBranch(issue.errors);
      if (branch !== undefined) {
        const [inner] = branch;
        if (inner !== undefined) return describeIssue({ ...inner, path: [...issue.path, ...inner.path] }, context);
      }
      const expected = [...new Set(issue.errors.flatMap((issues) => issues.flatMap(expectedType)))];
      if (expected.length === 0) break;
      return {
        message: `${at}: \`${name}\` has the wrong type (got ${describe(found)}, expected ${alternatives(expected)})`,
        hints: [],
      };
    }
    case 'invalid_key':
      return { message: `${at}: \`${name}\` ${issue.issues[0]?.message ?? issue.message}`, hints: [] };
    case 'invalid_value': {
      const near = typeof found === 'string' ? nearestWord(found, issue.values.map(String)) : undefined;
      return {
        message: `${at}: \`${name}\` ${issue.message}: ${JSON.stringify(found)}`,
        hints: near === undefined ? [] : [`did you mean \`${near}\`?`],
      };
    }
    default:
  }
  return {
    message: `${at}: \`${name}\` ${issue.message}${found === undefined ? '' : `: ${JSON.stringify(found)}`}`,
    hints: hintsOf(name, path),
  };
}

/** What helps where a value has a form of its own. */
function hintsOf(name: string, path: KeyPath): string[] {
  if (name.endsWith('entry_point')) return ['write `entry_point = "package.module:function"`'];
  const isCommand = path.length === 4 && name.startsWith('tool.flavor.commands.');
  return isCommand ? ['write `"package.module:function"`, an array of program and arguments, or a table'] : [];
}

function alternatives(texts: readonly string[]): string {
  const last = texts.at(-1) ?? '';
  return texts.length < 2 ? last : `${texts.slice(0, -1).join(', ')} or ${last}`;
}

/** `tool.flavor.slots[1].id`. */
export function keyName(path: KeyPath): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${quotedKey(part)}`))
    .join('');
}

/** A key as TOML wants it written. */
function quotedKey(key: string): string {
  return /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
}

function unknownKeys(keys: readonly string[], path: KeyPath, context: IssueContext): DescribedIssue {
  const known = knownKeys(context.schema, path, context.document);
  const name = keyName(path);
  const told = keys.map((key) => `${context.position([...path, key])}: unknown key \`${keyName([...path, key])}\``);
  const hints = keys.map((key) => {
    const near = nearestWord(key, known);
    if (near !== undefined) return `did you mean \`${near}\`?`;
    return `known keys${name === '' ? '' : ` of \`${name}\``} are ${known.join(', ')}`;
  });
  return { message: told.join('; '), hints };
}

/** The branch of a union whose type fits what was found, if there is one. */
function closestBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  return branches.find((issues) => !issues.some((issue) => issue.path.length === 0 && expectedType(issue).length > 0));
}

/** Whether a value is another one than a single one that is allowed. */
function isOtherWord(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_value' && issue.path.length === 0;
}

function expectedType(issue: z.core.$ZodIssue): string[] {
  return issue.code === 'invalid_type' ? [words(issue.expected)] : [];
}

/** Keys that the table at a path knows. */
function knownKeys(schema: z.ZodType, path: KeyPath, document: unknown): string[] {
  let at: readonly z.ZodType[] = [schema];
  for (const part of path) at = at.flatMap((candidate) => tablesOf(candidate)).flatMap((table) => childOf(table, part));
  const value = valueAt(document, path);
  if (typeof value !== 'object') return [];
  return at.flatMap(tablesOf).flatMap((table) => (table instanceof z.ZodObject ? Object.keys(table.shape) : []));
}

/** A schema without what stands around it; each alternative of a union. */
function tablesOf(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(tablesOf);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return tablesOf(schema.unwrap() as z.ZodType);
  }
  return [schema];
}

function childOf(schema: z.ZodType, part: string | number): z.ZodType[] {
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  if (schema instanceof z.ZodRecord) return [schema.valueType as z.ZodType];
  const child = schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>)[part] : undefined;
  return child === undefined ? [] : [child];
}

function words(type: string): string {
  return TYPE_WORDS[type] ?? type;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'object') return 'a table';
  return `${words(typeof value)}: ${JSON.stringify(value)}`;
}

function valueAt(document: unknown, path: KeyPath): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
