/**
 * What a package says about its interpreter, for whoever looks at it later. It stands in `pyvenv.cfg` of the work
 * environment, which is part of the signed metadata and whose unknown keys every Python ignores; version and prefix
 * are there anyway. Whether uv had the archive in its cache is not recorded: two builds of the same inputs are equal.
 */

import type { StagedRuntime } from './session.js';

/** What a package records besides the version. */
export interface RuntimeRecord {
  readonly version: string | undefined;
  /** `standalone`, `folder` or `local`. */
  readonly origin: string | undefined;
  /** Lower hex SHA-256 of the archive that it was unpacked from; undefined if nobody could check one. */
  readonly archiveSha256: string | undefined;
}

const ORIGIN = 'flavor-runtime';
const ARCHIVE = 'flavor-runtime-archive-sha256';

/** Lines for `pyvenv.cfg`. */
export function runtimeRecord(runtime: Pick<StagedRuntime, 'source' | 'archiveSha256'>): string[] {
  const { archiveSha256, source } = runtime;
  const origin = source === 'folder' || source === 'local' ? source : 'standalone';
  return [`${ORIGIN} = ${origin}`, ...(archiveSha256 === undefined ? [] : [`${ARCHIVE} = ${archiveSha256}`])];
}

/** Reads the lines again; undefined if a text is no such file of a package of ours. */
export function readRuntimeRecord(text: string): RuntimeRecord | undefined {
  const values = new Map(
    text.split('\n').flatMap((line) => {
      const [, key, value] = /^([^=]+?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value] as const];
    }),
  );
  const [version, origin, archiveSha256] = [values.get('version'), values.get(ORIGIN), values.get(ARCHIVE)];
  return version === undefined && origin === undefined ? undefined : { version, origin, archiveSha256 };
}
