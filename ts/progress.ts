/**
 * Progress events of long operations, and the one place where a caller's callback runs: a callback that throws
 * cancels the operation, which then rejects with exactly the thrown value.
 */

import { abortedError, throwIfAborted } from './cancellation.js';

/** Stages of `pack`, in their order. */
export type PackStage =
  | 'manifest'
  | 'uv'
  | 'runtime'
  | 'pre_build'
  | 'project'
  | 'dependencies'
  | 'exclude'
  | 'strip'
  | 'slots'
  | 'trim'
  | 'bytecode'
  | 'start'
  | 'smoke'
  | 'assemble'
  | 'post_build'
  // Of a repeatability check.
  | 'build'
  | 'compare';

/** One thing that happened. Events may be dropped when the listener is slow; the result never is. */
export type ProgressEvent =
  /** A stage began, or ended with something to say. */
  | {
      readonly type: 'stage';
      readonly stage: PackStage;
      readonly state: 'start' | 'done';
      readonly detail: string;
      /** Such as `linux_arm64`, where a build has several targets and the stage belongs to one. */
      readonly target?: string;
      /** How long a stage that ended took, in milliseconds. */
      readonly ms?: number;
    }
  /** Bytes done of a known total. */
  | {
      readonly type: 'bytes';
      readonly phase: string;
      readonly done: number;
      readonly total: number;
      readonly detail: string;
    }
  /** What a program of the project printed before it failed. */
  | { readonly type: 'output'; readonly program: string; readonly text: string }
  /** Something that does not fail the operation but that a person should know. */
  | { readonly type: 'warning'; readonly message: string };

/** Receives progress events. A listener that throws cancels the operation. */
export type ProgressListener = (event: ProgressEvent) => void;

/** What an operation needs to report and to be cancelled. */
export interface Reporter {
  readonly signal: AbortSignal;
  emit(event: ProgressEvent): void;
}

/** A reporter for what belongs to one of several targets. */
export function labelled(reporter: Reporter, target: string): Reporter {
  return {
    signal: reporter.signal,
    emit(event) {
      if (event.type === 'stage') reporter.emit({ ...event, target });
      else if (event.type === 'warning') reporter.emit({ ...event, message: `${target}: ${event.message}` });
      else reporter.emit(event);
    },
  };
}

/** Options that every long operation takes. */
export interface ObservableOptions {
  /** Called for every progress event. */
  readonly onProgress?: ProgressListener | undefined;
  /** Cancels the operation; it rejects with `ERR_FLAVOR_ABORTED` and leaves no file. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs an operation with a reporter around the caller's listener and signal. */
export async function observed<Result>(
  options: ObservableOptions,
  operation: (reporter: Reporter) => Promise<Result>,
): Promise<Result> {
  if (options.signal?.aborted === true) throw abortedError(options.signal);
  const stop = new AbortController();
  const forward = (): void => stop.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', forward, { once: true });
  let thrown: { readonly value: unknown } | undefined;
  const reporter: Reporter = {
    signal: stop.signal,
    emit(event) {
      if (thrown !== undefined) return;
      try {
        options.onProgress?.(event);
      } catch (value) {
        thrown = { value };
        stop.abort(value);
      }
    },
  };
  const rethrow = (): void => {
    if (thrown !== undefined) throw thrown.value;
  };
  try {
    const result = await operation(reporter);
    rethrow();
    return result;
  } catch (error) {
    rethrow();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', forward);
  }
}

/** One stage of an operation: reported, and not begun after a cancellation. */
export async function stage<Value>(
  reporter: Reporter,
  name: PackStage,
  doing: string,
  work: () => Promise<{ readonly value: Value; readonly detail: string }>,
): Promise<Value> {
  throwIfAborted(reporter.signal);
  reporter.emit({ type: 'stage', stage: name, state: 'start', detail: doing });
  const begin = performance.now();
  const { value, detail } = await work();
  reporter.emit({ type: 'stage', stage: name, state: 'done', detail, ms: Math.round(performance.now() - begin) });
  return value;
}
