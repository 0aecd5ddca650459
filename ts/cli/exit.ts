/**
 * From an error to the exit code of the process. The codes stand in the table of error codes; nothing here invents one.
 */

import { ERROR_CODES } from '../error-codes.js';
import { FlavorError, isFlavorError } from '../errors.js';

/** Codes that belong to no error of the table. */
export const EXIT = { ok: 0, usage: 2, internal: 70, interrupted: 130 } as const;

/** Any thrown value as an error with a code; what nobody expected is an internal one. */
export function asFlavorError(thrown: unknown): FlavorError {
  if (isFlavorError(thrown)) return thrown;
  return new FlavorError('ERR_FLAVOR_INTERNAL', 'internal error: something failed that never should', {
    cause: thrown,
  });
}

/** Exit code of a failure. */
export function exitCodeOf(error: FlavorError): number {
  return ERROR_CODES[error.code].cliExit;
}

/** A mistake on the command line. */
export function usageError(message: string, hint?: string): FlavorError {
  return new FlavorError('ERR_FLAVOR_USAGE', message, hint === undefined ? {} : { hints: [hint] });
}
