/**
 * Leaves out installed files that the manifest excludes, with their RECORD lines. What tells about a distribution (its
 * `.dist-info`) stays whatever the patterns say, and so do files beside site-packages. A pattern that fits nothing is
 * a warning: most likely it is misspelt, and what was to stay out is inside.
 */

import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { foldName } from '../manifest/names.js';
import type { FilePatterns, ProjectManifest } from '../manifest/project-manifest.js';
import { pathMatcher } from '../path-patterns.js';
import { type Distribution, formatRecord, type RecordLine, readDistributions } from './distributions.js';
import type { BuildSession } from './session.js';
import { removeFile, walkTree } from './tree.js';

/** What stayed out. */
export interface Excluded {
  readonly files: number;
  readonly bytes: number;
}

/** Whether the manifest wants anything to stay out. */
export function excludesAnything({ build: { exclude } }: ProjectManifest): boolean {
  return exclude.all.length > 0 || exclude.byDistribution.size > 0;
}

/** Removes what is excluded and not included from trees of site-packages. */
export async function leaveOut(session: BuildSession, trees: readonly string[]): Promise<Excluded> {
  const { exclude, include } = session.manifest.build;
  let [files, bytes] = [0, 0];
  const fitting = new Set<string>();
  for (const tree of trees) {
    for (const { name, infoFolder, record } of await distributionsOf(session, tree)) {
      const stays = pathMatcher(patternsOf(include, name));
      const goes = patternsOf(exclude, name).map((pattern) => ({ pattern, matches: pathMatcher([pattern]) }));
      const isOut = (path: string): boolean => {
        if (path.startsWith('../') || (infoFolder !== '' && path.startsWith(`${infoFolder}/`))) return false;
        const found = goes.filter(({ matches }) => matches(path));
        for (const { pattern } of found) fitting.add(pattern);
        return found.length > 0 && !stays(path);
      };
      const out = record.filter(({ path }) => isOut(path));
      if (out.length === 0) continue;
      for (const { path, size } of out) {
        await removeFile(tree, path);
        files += 1;
        bytes += Number(size);
      }
      if (infoFolder === '') continue;
      const kept = record.filter((line) => !out.includes(line));
      await writeFile(join(tree, infoFolder, 'RECORD'), formatRecord(kept));
    }
  }
  const all = [...exclude.all, ...[...exclude.byDistribution.values()].flat()];
  for (const pattern of new Set(all.filter((candidate) => !fitting.has(candidate)))) {
    session.reporter.emit({ type: 'warning', message: `\`exclude\`: no installed file fits \`${pattern}\`` });
  }
  return { files, bytes };
}

/** Files that no installer has recorded are those of the input itself, known by the name of the package. */
async function distributionsOf(
  { manifest }: BuildSession,
  tree: string,
): Promise<Pick<Distribution, 'name' | 'infoFolder' | 'record'>[]> {
  const distributions = await readDistributions(tree);
  if (distributions.length > 0) return distributions;
  const record: RecordLine[] = [];
  for await (const { kind, path, absolute } of walkTree(tree)) {
    if (kind === 'file') record.push({ path, hash: '', size: String((await stat(absolute)).size) });
  }
  return [{ name: manifest.name, infoFolder: '', record }];
}

function patternsOf({ all, byDistribution }: FilePatterns, name: string): readonly string[] {
  return [...all, ...(byDistribution.get(foldName(name)) ?? [])];
}
