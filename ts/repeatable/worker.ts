/**
 * One build of a repeatability check, in a process of its own: the file mode mask belongs to a process, and so does the
 * language of everything that it starts. Reads a {@link WorkOrder} from standard input, writes one line of JSON per
 * event to standard output, and the outcome as the last one.
 */

import { text } from 'node:stream/consumers';

import { FlavorError, isFlavorError } from '../errors.js';
import { type PackOptions, type PackOutput, pack } from '../pack.js';
import type { ProgressEvent } from '../progress.js';

/** What a worker is told. */
export interface WorkOrder {
  readonly umask: number;
  readonly options: Omit<PackOptions, 'onProgress' | 'signal' | 'environment'>;
}

/** A line of a worker. */
export type WorkLine =
  | { readonly type: 'event'; readonly event: ProgressEvent }
  | { readonly type: 'built'; readonly output: PackOutput }
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly message: string;
      readonly hints: readonly string[];
      readonly path: string | undefined;
      readonly cause: string | undefined;
    };

function say(line: WorkLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const { umask, options } = JSON.parse(await text(process.stdin)) as WorkOrder;
process.umask(umask);
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
try {
  const { outputs } = await pack({
    ...options,
    signal: stop.signal,
    onProgress: (event) => say({ type: 'event', event }),
  });
  const [output] = outputs;
  if (output !== undefined) say({ type: 'built', output });
} catch (thrown) {
  const error = isFlavorError(thrown)
    ? thrown
    : new FlavorError('ERR_FLAVOR_INTERNAL', String(thrown), { cause: thrown });
  const { code, message, hints, path, cause } = error;
  say({ type: 'failed', code, message, hints, path, cause: cause instanceof Error ? cause.message : undefined });
}
