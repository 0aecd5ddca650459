/**
 * `[tool.flavor]` for what is no project: it stands in the block of a script, in the pyproject.toml beside
 * requirements.txt, or in the file that `--manifest` names. Of such a file nothing else is read.
 */

import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import { FlavorError } from '../../errors.js';
import { TomlDocument } from '../document.js';
import type { ProjectManifest } from '../project-manifest.js';
import { resolveManifest } from '../resolve.js';
import { checkFlavor } from '../rules.js';
import { flavorTable } from '../schema.js';
import { unreadable } from './find-input.js';

const toolTable = z.object({ flavor: flavorTable.optional() });

/** A document that says nothing but `[tool.flavor]` to us. */
const settingsSchema = z.object({ tool: toolTable.optional() });

/** The block of a script; other keys are reserved, so they are misspelt. */
export const scriptSchema = z.strictObject({
  'requires-python': z.string().optional(),
  dependencies: z.array(z.string()).optional(),
  tool: toolTable.optional(),
});

/** `[tool.flavor]`, and the file that its paths are relative to. */
export interface InputSettings {
  readonly document: TomlDocument;
  readonly flavor: z.infer<typeof flavorTable>;
}

/** What an input says itself. */
export interface InputFacts {
  readonly name: string;
  /** Undefined: `tool.flavor.version` says it, else it is 0. */
  readonly version: string | undefined;
  readonly description: string | undefined;
  readonly requiresPython: string | undefined;
  /** Its commands. */
  readonly scripts: ReadonlySet<string>;
}

/** Reads a file of settings. */
export async function readSettings(file: string): Promise<InputSettings> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const document = TomlDocument.parse(file, text);
  return { document, flavor: document.checked(settingsSchema).tool?.flavor ?? flavorTable.parse({}) };
}

/** What the settings make of an input; each kind adds what is its own. */
export function manifestOf(file: string, settings: InputSettings | undefined, facts: InputFacts): ProjectManifest {
  const flavor = settings?.flavor ?? flavorTable.parse({});
  if (settings !== undefined) {
    if (flavor.version !== undefined && facts.version !== undefined) {
      throw settings.document.refusal(
        ['tool', 'flavor', 'version'],
        `\`tool.flavor.version\` is stated, but the input has a version of its own: ${facts.version}`,
        ['keep one of them'],
      );
    }
    checkFlavor(settings.document, flavor, facts.scripts);
  }
  const { version = flavor.version ?? '0', requiresPython } = facts;
  return resolveManifest(
    settings?.document.file ?? file,
    {
      project: {
        name: facts.name,
        version,
        ...(facts.description === undefined ? {} : { description: facts.description }),
        ...(requiresPython === undefined ? {} : { 'requires-python': requiresPython }),
        // Whoever stages the input knows them.
        dynamic: ['dependencies', 'optional-dependencies'],
      },
      tool: { flavor },
    },
    flavor.build,
  );
}

/** The name of a file or folder as that of a distribution. */
export function distributionName(text: string, file: string): string {
  const name = text.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  if (name !== '' && name.length <= 64) return name;
  throw new FlavorError('ERR_FLAVOR_MANIFEST', `no name for the package can be made of ${JSON.stringify(text)}`, {
    path: file,
    hints: ['rename it; names have 1 to 64 letters, digits, `-`, `_` and `.`'],
  });
}
