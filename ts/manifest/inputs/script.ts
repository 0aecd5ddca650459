/**
 * A script as something to pack: what its `# /// script` block says, and what its name and its `__version__` make up for.
 * Nothing of it is run.
 */

import { basename, dirname, join, resolve } from 'node:path';

import { pathSources } from '../../python/local-projects.js';
import type { TomlDocument } from '../document.js';
import type { ProjectManifest } from '../project-manifest.js';
import { VERSION_PATTERN } from '../schema-words.js';
import { scriptBlock } from './script-block.js';
import { distributionName, type InputSettings, manifestOf, scriptSchema } from './settings.js';

/** uv's own business, but for folders of this machine. */
interface UvTable {
  readonly sources?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/** The manifest of a script; `settings` are those of a file that the caller names. */
export function scriptManifest(file: string, text: string, settings?: InputSettings): ProjectManifest {
  const document = scriptBlock(file, text);
  const block = document?.checked(scriptSchema);
  const name = distributionName(basename(file).replace(/\.pyw?$/i, ''), file);
  const own = document === undefined ? undefined : settingsOf(document, block?.tool?.flavor, settings);
  const used = settings ?? own;
  const manifest = manifestOf(file, used, {
    name,
    version: used?.flavor.version === undefined ? statedVersion(text) : undefined,
    description: undefined,
    requiresPython: block?.['requires-python'],
    scripts: new Set(),
  });
  const folder = dirname(file);
  const { uv } = (document?.value as { tool?: { uv?: UvTable } } | undefined)?.tool ?? {};
  return {
    ...manifest,
    input: {
      kind: 'script',
      hasBlock: block !== undefined,
      dependencies: block?.dependencies ?? [],
      uv,
      sources: pathSources(uv?.sources).map((path) => resolve(folder, path)),
    },
    file,
    folder,
    outputFolder: join(folder, 'dist'),
    pylock: join(folder, `pylock.${name.replaceAll('.', '-')}.toml`),
    hasScripts: false,
    main: manifest.entryPoint === undefined ? { kind: 'file', path: basename(file) } : undefined,
  };
}

function settingsOf(
  document: TomlDocument,
  flavor: InputSettings['flavor'] | undefined,
  other: InputSettings | undefined,
): InputSettings | undefined {
  if (flavor === undefined) return undefined;
  if (other === undefined) return { document, flavor };
  throw document.refusal(['tool', 'flavor'], '`[tool.flavor]` stands in the script and in the file of `--manifest`', [
    'keep one of them',
  ]);
}

/** `__version__ = "1.0"` at the top level; what is computed, or no version of PEP 440, says nothing. */
function statedVersion(text: string): string | undefined {
  const [, , version = ''] = /^__version__(?:\s*:\s*[\w.]+)?\s*=\s*(["'])([^"'\\\n]*)\1\s*(?:#.*)?$/m.exec(text) ?? [];
  return VERSION_PATTERN.test(version) ? version : undefined;
}
