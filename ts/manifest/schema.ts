/**
 * The one schema of the manifest: types, defaults and the list of known keys come from here. Of `[project]` only
 * what the packager needs is looked at; `[tool.flavor]` is ours, so a key that is not known there is an error.
 */

import { z } from 'zod';

/** `module:attribute`, both possibly dotted; extras in brackets are allowed and ignored, as in wheels. */
export const ENTRY_POINT_PATTERN = /^\s*([\w.]+)\s*:\s*([\w.]+)\s*(\[[^\]]*\])?\s*$/;

const entryPoint = z
  .string()
  .regex(ENTRY_POINT_PATTERN, { error: 'is not of the form `module:function`' })
  .describe('What runs by default, as `module:function`');

/** `[project]`: other keys belong to the build back end. */
const projectTable = z.object({
  name: z.string(),
  version: z.string().optional(),
  description: z.string().optional(),
  'requires-python': z.string().optional(),
  dependencies: z.array(z.string()).optional(),
  scripts: z.record(z.string(), z.string()).optional(),
  'gui-scripts': z.record(z.string(), z.string()).optional(),
  dynamic: z.array(z.string()).optional(),
});

const pythonTable = z.strictObject({
  archive: z.string().optional().describe('Archive of a standalone interpreter, relative to the manifest'),
  path: z.string().optional().describe('Folder of a standalone interpreter, relative to the manifest'),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, { error: 'is not a SHA-256 in hex (64 digits)' })
    .optional()
    .describe('SHA-256 of the archive'),
});

/** `[tool.flavor]`. */
export const flavorTable = z.strictObject({
  entry_point: entryPoint.optional(),
  python_version: z
    .string()
    .regex(/^3\.\d+(\.\d+)?$/, { error: 'is not a Python version such as `3.13` or `3.13.2`' })
    .optional()
    .describe('Version of the packaged interpreter'),
  package_name: z.string().optional().describe('Name of the package, `project.name` otherwise'),
  python: pythonTable.optional(),
  include_pip: z.boolean().default(true).describe('Whether pip is part of the package'),
});

/** The parts of pyproject.toml that are read. */
export const manifestSchema = z.object({
  project: projectTable,
  tool: z.object({ flavor: flavorTable.optional() }).optional(),
});

/** A manifest as the schema gives it. */
export type ManifestDocument = z.infer<typeof manifestSchema>;

/** Keys that `[tool.flavor]` and its tables know, by their path. */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  'tool.flavor': Object.keys(flavorTable.shape),
  'tool.flavor.python': Object.keys(pythonTable.shape),
};
