/**
 * Requirements as texts: their names, those of a wheel for chosen extras, and the digests of requirements files.
 * Nothing is resolved and no marker is evaluated here; that is uv's business.
 */

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { foldName } from '../manifest/names.js';

/** Folded name of a requirement. */
export function requirementName(requirement: string): string {
  return foldName(/^\s*([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(requirement)?.[1] ?? requirement);
}

const EXTRA = /\bextra\s*==\s*(["'])([^"']*)\1/g;

/**
 * Requirements of a wheel (its `Requires-Dist` lines) for the chosen extras. Comparisons with `extra` become ones that
 * always or never hold; extras of the project that mention other ones of it (`all = ["name[cli,web]"]`) are followed.
 */
export function requirementsFor(lines: readonly string[], name: string, extras: readonly string[]): string[] {
  const chosen = new Set(extras.map(foldName));
  const own = foldName(name);
  for (let known = -1; known < chosen.size; ) {
    known = chosen.size;
    for (const line of lines) {
      if (requirementName(line) !== own || !isChosen(line, chosen)) continue;
      const named = /^[^;[]*\[([^\]]*)\]/.exec(line)?.[1] ?? '';
      for (const extra of named.split(',')) if (extra.trim() !== '') chosen.add(foldName(extra));
    }
  }
  return lines
    .filter((line) => requirementName(line) !== own && isChosen(line, chosen))
    .map((line) =>
      line.replaceAll(EXTRA, (_, _quote, extra: string) =>
        chosen.has(foldName(extra)) ? "python_version >= '3'" : "python_version < '3'",
      ),
    );
}

function isChosen(line: string, chosen: ReadonlySet<string>): boolean {
  const extras = [...line.matchAll(EXTRA)].map(([, , extra = '']) => foldName(extra));
  return extras.length === 0 || extras.some((extra) => chosen.has(extra));
}

/** What a requirements file and those that it includes say about digests. */
export interface RequirementDigests {
  /** Digests by folded name, as `sha256:…`. */
  readonly digests: ReadonlyMap<string, ReadonlySet<string>>;
  /** Whether any requirement has one: then all must, as pip has it. */
  readonly areUsed: boolean;
}

/** Reads the digests of requirements files. Files that cannot be read are left to uv, which names them. */
export async function readDigests(files: readonly string[]): Promise<RequirementDigests> {
  const digests = new Map<string, Set<string>>();
  const seen = new Set<string>();
  const visit = async (file: string): Promise<void> => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const raw of text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/)) {
      const line = raw.replace(/(^|\s)#.*$/, '').trim();
      const included = /^(?:-r|--requirement)[\s=]+(\S+)$/.exec(line)?.[1];
      if (included !== undefined) await visit(resolve(dirname(file), included));
      if (line === '' || line.startsWith('-')) continue;
      const found = [...line.matchAll(/--hash[=\s]+(\w+:[0-9a-fA-F]+)/g)].map(([, digest = '']) =>
        digest.toLowerCase(),
      );
      const name = requirementName(line);
      digests.set(name, new Set([...(digests.get(name) ?? []), ...found]));
    }
  };
  for (const file of files) await visit(file);
  return { digests, areUsed: [...digests.values()].some((set) => set.size > 0) };
}
