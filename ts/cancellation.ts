/**
 * Cancellation: one error for an aborted signal, wherever in the pipeline it is noticed.
 */

import { FlavorError } from './errors.js';

/** The error of an operation that its caller cancelled; the signal's reason is the cause. */
export function abortedError(signal: AbortSignal | undefined): FlavorError {
  return new FlavorError('ERR_FLAVOR_ABORTED', 'the operation was cancelled', { cause: signal?.reason });
}

/** Throws {@link abortedError} if the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(signal);
}
