/** `[tool.flavor.build]`: how the content comes together. The same keys may stand under `[build]` in buildconfig.toml. */

import { z } from 'zod';

import { text, texts, wordOf } from './schema-words.js';

const patterns = z.union([texts, z.record(text, texts)]);

/** `[tool.flavor.build]`. */
export const buildTable = z.strictObject({
  pre_build: texts.default([]).describe('Commands and scripts that run in the project before the build, see *Hooks*'),
  post_build: texts.default([]).describe('Commands and scripts that run when the package is written'),
  dependencies: texts
    .default([])
    .describe('Folders of local projects that are built and added, with what they depend on'),
  extra_packages: texts.default([]).describe('Requirements besides those of the project'),
  extras: texts.default([]).describe('Extras of the project (`project.optional-dependencies`)'),
  groups: texts.default([]).describe('Groups of `[dependency-groups]`'),
  exclude: patterns
    .default([])
    .describe('Patterns of installed files that stay out, for all distributions or by distribution (`"*"` for all)'),
  include: patterns.default([]).describe('Patterns of installed files that stay, whatever `exclude` says'),
  strip: z
    .boolean()
    .default(false)
    .describe('Take symbol tables and debug sections out of the ELF files of distributions and of the interpreter'),
  index: text.optional().describe('Package index instead of the default one'),
  extra_index: texts.default([]).describe('Package indexes besides it'),
  find_links: texts.default([]).describe('Folders with distributions, relative to the manifest, or addresses of pages'),
  no_index: z.boolean().default(false).describe('Ask no index, only `find_links`'),
  lock: wordOf(['auto', 'uv', 'pylock', 'requirements', 'none'])
    .default('auto')
    .describe(
      'Which lock file is obeyed: `uv.lock`, `pylock.toml`, the files of `requirements`, none, or (`auto`) the named requirements files, else `uv.lock`, else `pylock.toml`',
    ),
  requirements: texts.default([]).describe('Requirements files, relative to the manifest'),
});

/** The document buildconfig.toml. */
export const buildConfigSchema = z.strictObject({ build: buildTable.prefault({}) });
