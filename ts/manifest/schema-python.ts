/** `[tool.flavor.python]`: the packaged interpreter, and how it is started. */

import { z } from 'zod';

import { text, texts, wordOf } from './schema-words.js';

/** Which of the interpreter's parts stay out. */
export const trimTable = z.strictObject({
  tests: z.boolean().default(true).describe('Leave out the tests of the standard library'),
  idlelib: z.boolean().default(true).describe('Leave out IDLE'),
  headers: z.boolean().default(true).describe('Leave out the headers for C extensions'),
  static: z.boolean().default(true).describe('Leave out static libraries'),
  libpython: z.boolean().default(true).describe('Leave out the shared libpython where nothing loads it'),
  symbols: z
    .boolean()
    .default(true)
    .describe("Leave out symbol tables and debug sections of the interpreter's binaries"),
  tkinter: z
    .union([z.boolean(), z.literal('auto')], { error: 'is not one of true, false, "auto"' })
    .default('auto')
    .describe('Leave out tkinter with Tcl and Tk: always, never, or where nothing in the package names it (`"auto"`)'),
  ensurepip: z.boolean().default(false).describe('Leave out ensurepip, which `python -m venv` needs'),
  pydoc_data: z.boolean().default(false).describe('Leave out the texts of `help()`'),
  lib2to3: z.boolean().default(false).describe('Leave out lib2to3 of old versions'),
  keep: texts.default([]).describe('Patterns of paths of the interpreter that stay whatever else is said'),
  drop: texts.default([]).describe('Patterns of paths of the interpreter that go as well'),
});

/** `[tool.flavor.python]`. */
export const pythonTable = z.strictObject({
  archive: text.optional().describe('Archive of a standalone interpreter, relative to the manifest'),
  path: text.optional().describe('Folder of a standalone interpreter, relative to the manifest'),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, { error: 'is not a SHA-256 in hex (64 digits)' })
    .optional()
    .describe('SHA-256 of the archive'),
  runtime: wordOf(['auto', 'managed', 'local'])
    .default('auto')
    .describe(
      'Where the interpreter comes from: a standalone one (`managed`), a copy of one of this machine (`local`), or that only where no other can be had (`auto`)',
    ),
  start: wordOf(['auto', 'fast', 'site'])
    .default('auto')
    .describe('Start without `site` where nothing needs it (`auto`), always (`fast`), never (`site`)'),
  flags: texts.default([]).describe('Options of the interpreter, such as `["-X", "utf8"]`'),
  isolated: z.boolean().default(false).describe('Start with `-I`: no `PYTHON…` variable has an effect'),
  optimize: z
    .union([z.literal(0), z.literal(1), z.literal(2)], { error: 'is not one of 0, 1, 2' })
    .default(0)
    .describe('Run and compile with `-O` (1) or `-OO` (2)'),
  trim: z.union([z.boolean(), trimTable]).default(true).describe('Which parts of the interpreter stay out'),
});
