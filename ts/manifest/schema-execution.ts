/** Tables about the start of the program and about who signs: `execution`, `commands`, `sign`. */

import { z } from 'zod';

import { entryPoint, text, texts, variable, variables, wordOf } from './schema-words.js';

const environmentTable = z.strictObject({
  unset: z
    .array(variable)
    .default([])
    .describe('Variables that the program does not see; `*`, `?` and `[…]` stand for others'),
  pass: z.array(variable).default([]).describe('Variables that `unset` and `map` leave alone'),
  map: z.record(variable, variable).default({}).describe('New names of variables, by the old ones'),
  set: variables.default({}).describe('Variables with their values; `{workenv}` and `{slot:ID}` stand for paths'),
  isolated: z
    .boolean()
    .default(true)
    .describe('Whether `PYTHONPATH`, `PYTHONHOME` and their kin, which lead to other installations, are removed'),
});

/** `[tool.flavor.execution]`. */
export const executionTable = z.strictObject({
  path: wordOf(['scripts', 'full', 'none'])
    .default('scripts')
    .describe('What is in front of PATH: the console scripts, all of `bin` with the interpreter, or nothing'),
  runtime: z
    .strictObject({ env: environmentTable.prefault({}).describe("Edits of the user's environment") })
    .prefault({})
    .describe('The environment of the program'),
});

const commandTable = z.strictObject({
  entry_point: entryPoint.optional().describe('Function that is called, as `module:function`'),
  argv: texts
    .min(1, { error: 'is empty' })
    .optional()
    .describe('Program and arguments; a console script of the package by its name'),
  env: variables.default({}).describe('Variables of this command'),
  cwd: text.optional().describe("Folder that it runs in, such as `{slot:templates}`; the user's otherwise"),
});

/** One of `[tool.flavor.commands]`. */
export const command = z.union([entryPoint, texts.min(1, { error: 'is empty' }), commandTable]);

/** `[tool.flavor.sign]`. */
export const signTable = z.strictObject({
  key: text.optional().describe('Private key file, relative to the manifest'),
  key_env: variable.optional().describe('Variable that holds a private key (PEM) or the path of one'),
});
