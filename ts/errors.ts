/**
 * The one error class of the library. Every failure that a caller may want to tell apart carries a code of
 * `error-codes.ts`; what helps the person who meets it stands in `hints`, never in the message.
 * The message never repeats its cause. This file knows no exit codes and prints nothing.
 */

import { ERROR_CODES, type ErrorCode } from './error-codes.js';

/** Marks instances across copies of this module, where `instanceof` would fail. */
const BRAND = Symbol.for('flavorpack-native.FlavorError');

const FULL_DISK = 'the disk is full: free some space, or choose places with more (`--output`, TMPDIR, UV_CACHE_DIR)';

/** What a {@link FlavorError} may carry besides code and message. */
export interface FlavorErrorOptions {
  /** Next steps, most helpful first. Left out, the hint of the error table is used. */
  readonly hints?: readonly string[];
  /** File or folder that the failure is about. */
  readonly path?: string | undefined;
  /** Byte offset from the start of that file. */
  readonly offset?: number | undefined;
  /** What led to the failure. */
  readonly cause?: unknown;
}

/** A failure with a stable code. */
export class FlavorError extends Error {
  override readonly name = 'FlavorError';
  /** Stable name of the kind of failure. */
  readonly code: ErrorCode;
  /** Next steps, most helpful first; may be empty. */
  readonly hints: readonly string[];
  /** File or folder that the failure is about. */
  readonly path?: string;
  /** Byte offset from the start of that file. */
  readonly offset?: number;

  constructor(code: ErrorCode, message: string, options: FlavorErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    const tableHint = ERROR_CODES[code].hint;
    const hints = options.hints ?? (tableHint === null ? [] : [tableHint]);
    this.hints = isOfFullDisk(options.cause) ? [FULL_DISK, ...hints] : hints;
    if (options.path !== undefined) this.path = options.path;
    if (options.offset !== undefined) this.offset = options.offset;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Whether a caught value is a {@link FlavorError}, also one of another copy of this package. */
export function isFlavorError(value: unknown): value is FlavorError {
  return value instanceof Error && BRAND in value;
}

/** Message of any thrown value. */
export function messageOf(value: unknown): string {
  return value instanceof Error ? value.message : String(value);
}

/** Whether a full disk is at the bottom of it: whatever could not be done for that, the same helps. */
function isOfFullDisk(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  if (isFlavorError(cause)) return cause.hints.includes(FULL_DISK);
  return /No space left on device|ENOSPC/.test(cause.message) || isOfFullDisk(cause.cause);
}

/** Whether a caught value is a failure of the operating system, with an errno name as its code. */
export function isSystemError(value: unknown): value is NodeJS.ErrnoException {
  return value instanceof Error && typeof (value as NodeJS.ErrnoException).syscall === 'string';
}
