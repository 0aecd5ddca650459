/**
 * A TOML file with its text, and the refusals that name a place in it. Every refusal says the file, the line where
 * it is known, the key, what was found and what would be right.
 */

import { basename } from 'node:path';

import { parse, TomlError } from 'smol-toml';
import type { z } from 'zod';

import { FlavorError } from '../errors.js';
import { describeIssue } from './issues.js';
import { type KeyPath, lineOfKey } from './key-lines.js';

/** Where a document stands that is only a part of its file; the lines in front of it are empty lines of its text. */
export interface TomlPlace {
  /** What it is, for messages. */
  readonly name: string;
  /** Characters in front of each of its lines. */
  readonly indent: number;
}

/** One file of a manifest. */
export class TomlDocument {
  private constructor(
    /** Absolute path. */
    readonly file: string,
    private readonly text: string,
    /** What the text says. */
    readonly value: unknown,
  ) {}

  /** Parses the text of a file. */
  static parse(file: string, text: string, place: TomlPlace = { name: basename(file), indent: 0 }): TomlDocument {
    try {
      return new TomlDocument(file, text, parse(text.replace(/^\uFEFF/, '')));
    } catch (cause) {
      if (!(cause instanceof TomlError)) throw cause;
      const reason = cause.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? '';
      throw new FlavorError(
        'ERR_FLAVOR_MANIFEST',
        `${place.name} is not valid TOML at line ${cause.line}, column ${cause.column + place.indent}: ${reason}`,
        { path: file, hints: ['correct the syntax on that line'] },
      );
    }
  }

  /** What the schema makes of it. All that is wrong is told at once. */
  checked<Schema extends z.ZodType>(schema: Schema): z.infer<Schema> {
    const parsed = schema.safeParse(this.value);
    if (parsed.success) return parsed.data;
    const issues = parsed.error.issues.map((issue) =>
      describeIssue(issue, { schema, document: this.value, position: (path) => this.position(path) }),
    );
    throw new FlavorError('ERR_FLAVOR_MANIFEST', issues.map(({ message }) => message).join('; '), {
      path: this.file,
      hints: [...new Set(issues.flatMap(({ hints }) => hints))],
    });
  }

  /** A refusal that names the place of a key in front. */
  refusal(path: KeyPath, message: string, hints: readonly string[]): FlavorError {
    return new FlavorError('ERR_FLAVOR_MANIFEST', `${this.position(path)}: ${message}`, { path: this.file, hints });
  }

  private position(path: KeyPath): string {
    const line = lineOfKey(this.text, path);
    return line === undefined ? basename(this.file) : `${basename(this.file)}:${line}`;
  }
}
