/**
 * Works that run at the same time and are told about as if they ran one after another: what a later one reports waits
 * until the earlier ones have ended. The first that fails ends the others, and nothing of them runs any more when the
 * failure is handed out, so that their scratch files can be removed.
 */

import type { ProgressEvent, Reporter } from './progress.js';

/** One work; it reports to the reporter that it is given, and stops when its signal says so. */
export type Work<Result> = (reporter: Reporter) => Promise<Result>;

interface Lane {
  readonly waiting: ProgressEvent[];
  hasEnded: boolean;
}

/** Runs works of one kind, at most `limit` at a time; their results in order. */
export async function concurrently<Result>(
  reporter: Reporter,
  works: readonly Work<Result>[],
  limit = works.length,
): Promise<Result[]> {
  const stop = new AbortController();
  const forward = (): void => stop.abort(reporter.signal.reason);
  if (reporter.signal.aborted) forward();
  reporter.signal.addEventListener('abort', forward, { once: true });
  const lanes = works.map((): Lane => ({ waiting: [], hasEnded: false }));
  const results: Result[] = [];
  let failure: { readonly error: unknown } | undefined;
  let turn = 0;
  let next = 0;

  const advance = (): void => {
    for (let lane = lanes[turn]; lane !== undefined; lane = lanes[turn]) {
      for (const event of lane.waiting.splice(0)) reporter.emit(event);
      if (!lane.hasEnded) return;
      turn += 1;
    }
  };
  const run = async (index: number, work: Work<Result>, lane: Lane): Promise<void> => {
    const emit = (event: ProgressEvent): void => {
      if (failure !== undefined) return;
      if (index === turn) reporter.emit(event);
      // How many bytes are done is no news later.
      else if (event.type !== 'bytes') lane.waiting.push(event);
    };
    try {
      results[index] = await work({ signal: stop.signal, emit });
    } catch (error) {
      if (failure !== undefined) return;
      // What a program said before it failed belongs to the failure.
      for (const event of lane.waiting.splice(0)) if (event.type !== 'stage') reporter.emit(event);
      failure = { error };
      stop.abort(error);
    }
    lane.hasEnded = true;
    if (failure === undefined) advance();
  };
  const worker = async (): Promise<void> => {
    while (next < works.length && failure === undefined) {
      const index = next;
      next += 1;
      await run(index, works[index] as Work<Result>, lanes[index] as Lane);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(limit, works.length) }, worker));
  } finally {
    reporter.signal.removeEventListener('abort', forward);
  }
  if (failure !== undefined) throw failure.error;
  return results;
}

/** Runs two works of different kinds at the same time. */
export async function both<First, Second>(
  reporter: Reporter,
  first: Work<First>,
  second: Work<Second>,
): Promise<[First, Second]> {
  const works: Work<First | Second>[] = [first, second];
  return (await concurrently(reporter, works)) as [First, Second];
}

/** Lets one work in at a time. */
export class Turnstile {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs the work when those before it have ended, however they did. */
  pass<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
