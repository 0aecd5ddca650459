/**
 * The library: pack a Python project into one signed file, verify and inspect such files, make keys.
 * Nothing is loaded or run by importing it; the native addon is loaded at the first call.
 */

export type { ErrorCode } from './error-codes.js';
export { FlavorError, isFlavorError } from './errors.js';
export { type InspectedSlot, type InspectResult, inspect } from './inspect.js';
export { type GenerateKeysOptions, type GenerateKeysResult, generateKeys } from './keys.js';
export { type PackKey, type PackLevel, type PackOptions, type PackOutput, type PackResult, pack } from './pack.js';
export type { ObservableOptions, PackStage, ProgressEvent, ProgressListener } from './progress.js';
export { type VerifyCheck, type VerifyOptions, type VerifyResult, verify } from './verify.js';
