/** `[[tool.flavor.slots]]`: what a package carries besides the interpreter, the dependencies and the application. */

import { z } from 'zod';

import { LIFECYCLES, PURPOSES, SLOT_ID_PATTERN, SLOT_PLATFORMS, text, texts, wordOf } from './schema-words.js';

const purposes = Object.keys(PURPOSES) as [string, ...string[]];
const platforms = SLOT_PLATFORMS as [string, ...string[]];
const OPERATION = 'raw|none|tar|gzip|gz|zstd|zst|tgz|tar\\.gz|tzst|tar\\.zst';

/** Chains that every launcher undoes (LAUNCH.md 16.9). */
const OPERATIONS_PATTERN = new RegExp(`^(?:${OPERATION})(?:[|,](?:${OPERATION}))*$`, 'i');

const operations = z
  .string()
  .regex(OPERATIONS_PATTERN, { error: 'is not made of raw, tar, gzip, zstd, tar.gz (tgz) and tar.zst' });

/** One slot. */
export const slotTable = z.strictObject({
  id: z
    .string()
    .regex(SLOT_ID_PATTERN, { error: 'is not 1 to 64 letters, digits, `-`, `_` and `.`, without a `.` in front' })
    .describe('Name by which the program asks for the slot: `flavor_runtime.slot("models")`'),
  source: text.describe('File or folder, relative to the manifest; a folder becomes an archive by itself'),
  target: text.optional().describe('Where it is seen in the work environment; a folder of its id otherwise'),
  purpose: wordOf(purposes).default('data').describe('What it holds; shown by `flavor inspect`'),
  lifecycle: wordOf(LIFECYCLES).default('runtime').describe('When it is there, see *Slots*'),
  platform: wordOf(platforms)
    .optional()
    .describe('Only in packages for this system (`linux`) or machine (`linux_amd64`)'),
  operations: operations
    .optional()
    .describe(
      'How it is stored; a folder as `tar.zst`, a file as `zstd` or, if it is compressed already, `raw` otherwise',
    ),
  compression: operations.optional().describe('The same as `operations`'),
  level: z
    .union([z.literal(3), z.literal(9), z.literal(19)], { error: 'is not one of 3, 9, 19' })
    .optional()
    .describe('Compression of this slot; `--level` otherwise'),
  permissions: z
    .string()
    .regex(/^(?:0o)?[0-7]{1,4}$/, { error: 'is not an octal mode such as `0644`' })
    .optional()
    .describe('Mode of a slot that is one file; that of the file otherwise'),
  exclude: texts.default([]).describe('Patterns of paths inside the folder that stay out, such as `**/*.tmp`'),
  optional: z
    .boolean()
    .default(false)
    .describe('Whether the package is built without the slot if its source is missing'),
});
