/**
 * Where uv looks for distributions: the user's variables, then the manifest. Addresses go to uv through its
 * environment, never through its arguments, because an address may hold a password and arguments are public on a
 * machine. Nothing of this enters a package.
 */

import { type Environment, isOn } from './environment.js';
import type { BuildSession } from './session.js';

/** What uv commands that look for distributions get. */
export interface IndexSettings {
  readonly args: readonly string[];
  readonly changes: Environment;
}

/** uv's own ways of naming a default index. */
const UV_DEFAULT = ['UV_DEFAULT_INDEX', 'UV_INDEX_URL'] as const;
const UV_EXTRA = ['UV_INDEX', 'UV_EXTRA_INDEX_URL'] as const;

/** Settings for one build. */
export function indexSettings(session: Pick<BuildSession, 'environment' | 'manifest' | 'options'>): IndexSettings {
  const { environment, manifest, options } = session;
  const { index } = manifest.build;
  const has = (name: string): boolean => (environment[name] ?? '') !== '';
  const changes: Record<string, string> = {};
  // pip's variables count where uv has none of its own; what a user exports wins over what a project says.
  const fallback = has('PIP_INDEX_URL') ? environment['PIP_INDEX_URL'] : index.url && filledIn(index.url, environment);
  if (!UV_DEFAULT.some(has) && fallback !== undefined) changes['UV_DEFAULT_INDEX'] = fallback;
  const pipExtra = UV_EXTRA.some(has) ? [] : listed(environment['PIP_EXTRA_INDEX_URL']);
  const extra = [
    ...listed(environment['UV_INDEX']),
    ...pipExtra,
    ...index.extra.map((url) => filledIn(url, environment)),
  ];
  if (extra.length > 0) changes['UV_INDEX'] = extra.join(' ');

  const args: string[] = [];
  const findLinks = [...options.findLinks];
  // Flags replace the variable, so what it says goes along.
  if (findLinks.length > 0) findLinks.push(...listed(environment['UV_FIND_LINKS']));
  for (const place of new Set(findLinks)) args.push('--find-links', place);
  // uv has a flag for these, and looks at no variable.
  if (index.noIndex || isOn(environment['UV_NO_INDEX'])) args.push('--no-index');
  if (options.offline) args.push('--offline');
  return { args, changes: { ...changes, UV_PYTHON_PREFERENCE: undefined } };
}

/** Flags that keep uv from building source distributions, where the user forbids it. */
export function buildFlags({ environment }: Pick<BuildSession, 'environment'>): string[] {
  return isOn(environment['UV_NO_BUILD']) ? ['--no-build'] : [];
}

/** Requirements files may leave names and passwords to variables, written as `${NAME}`. */
function filledIn(url: string, environment: Environment): string {
  return url.replaceAll(/\$\{([A-Z0-9_]+)\}/g, (whole, name: string) => environment[name] ?? whole);
}

function listed(value: string | undefined): string[] {
  return (value ?? '').split(/[\s,]+/).filter((entry) => entry !== '');
}
