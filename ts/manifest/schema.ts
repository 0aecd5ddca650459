/**
 * The one schema of the manifest: types, defaults, messages, the table in the README and the JSON Schema for editors
 * come from here. Of `[project]` only what the packager needs is looked at; `[tool.flavor]` is ours, so a key that is
 * not known there is an error. Nothing is transformed: what a value means is `resolve.ts`'s business.
 */

import { z } from 'zod';

import { buildTable } from './schema-build.js';
import { command, executionTable, signTable } from './schema-execution.js';
import { pythonTable } from './schema-python.js';
import { slotTable } from './schema-slots.js';
import { TARGETS } from './schema-targets.js';
import { COMMAND_NAME_PATTERN, entryPoint, text, texts, VERSION_PATTERN, wordOf } from './schema-words.js';

/** `[project]`: other keys belong to the build back end. */
const projectTable = z.object({
  name: z.string(),
  version: z.string().optional(),
  description: z.string().optional(),
  'requires-python': z.string().optional(),
  dependencies: z.array(z.string()).optional(),
  'optional-dependencies': z.record(z.string(), z.array(z.string())).optional(),
  scripts: z.record(z.string(), z.string()).optional(),
  'gui-scripts': z.record(z.string(), z.string()).optional(),
  dynamic: z.array(z.string()).optional(),
});

/** `[dependency-groups]` of PEP 735. */
const groupTable = z.record(z.string(), z.array(z.union([z.string(), z.object({ 'include-group': z.string() })])));

/** `[tool.flavor]`. */
export const flavorTable = z.strictObject({
  entry_point: entryPoint.optional().describe('What runs by default, as `module:function`; the only script otherwise'),
  default: text.optional().describe('Name of the command that runs by default'),
  python_version: z
    .string()
    .regex(/^3\.\d+(\.\d+)?$/, { error: 'is not a Python version such as `3.13` or `3.13.2`' })
    .optional()
    .describe('Version of the packaged interpreter; the newest that `project.requires-python` allows otherwise'),
  package_name: z.string().optional().describe('Name of the package; `project.name` otherwise'),
  version: z
    .string()
    .regex(VERSION_PATTERN, { error: 'is not a version such as `1.0` or `2.1rc1`' })
    .optional()
    .describe('Version of a script or a folder with requirements.txt, which have none of their own'),
  description: z.string().optional().describe('What `flavor inspect` says; `project.description` otherwise'),
  include_pip: z.boolean().default(true).describe('Whether `-m pip` works inside'),
  isolated: z.boolean().optional().describe('The same as `python.isolated`'),
  smoke: z
    .union([text, texts])
    .optional()
    .describe('Command that is run to try the package, instead of importing its entry points; `[]` tries nothing'),
  targets: z
    .array(wordOf(TARGETS))
    .min(1, { error: 'is empty' })
    .optional()
    .describe("Platforms that packages are built for; this machine's otherwise"),
  floor: z
    .strictObject({
      glibc: z
        .string()
        .regex(/^2\.\d+$/, { error: 'is not a version such as 2.28' })
        .optional()
        .describe("Lowest glibc that Linux packages must run on; this machine's, or 2.28 for other targets, otherwise"),
      macos: z
        .string()
        .regex(/^\d+\.\d+$/, { error: 'is not a version such as 11.0' })
        .optional()
        .describe("Lowest macOS that packages must run on; this machine's, or 13.0 for other targets, otherwise"),
    })
    .prefault({})
    .describe('Systems that wheels are chosen for'),
  commands: z
    .record(z.string().regex(COMMAND_NAME_PATTERN, { error: 'is not the name of a command' }), command)
    .default({})
    .describe('Commands besides `project.scripts`: a function, an array of program and arguments, or a table'),
  slots: z.array(slotTable).default([]).describe('Files and folders that the package carries besides'),
  build: buildTable.prefault({}).describe('How the content comes together'),
  python: pythonTable.prefault({}).describe('The interpreter'),
  execution: executionTable.prefault({}).describe('How the program is started'),
  sign: signTable.prefault({}).describe('Who signs, unless the command line or FLAVOR_SEED says it'),
});

/** The parts of pyproject.toml that are read. */
export const manifestSchema = z.object({
  project: projectTable,
  'dependency-groups': groupTable.optional(),
  tool: z.object({ flavor: flavorTable.optional() }).optional(),
});

/** A manifest as the schema gives it. */
export type ManifestDocument = z.infer<typeof manifestSchema>;
