/**
 * The library: pack a Python project into one signed file, assemble one from a manifest, verify, inspect, measure and
 * extract such files, make keys.
 * Nothing is loaded or run by importing it; the native addon is loaded at the first call.
 */

export { type AssembleOptions, type AssembleResult, assemble } from './assemble.js';
export type { ProjectOptions, RuntimeChoice } from './build-session.js';
export type { ErrorCode } from './error-codes.js';
export { FlavorError, isFlavorError } from './errors.js';
export {
  type ExtractAllOptions,
  type ExtractAllResult,
  type ExtractedSlot,
  type ExtractOptions,
  extract,
  extractAll,
} from './extract.js';
export {
  type InspectedDescriptor,
  type InspectedFrame,
  type InspectedIndexField,
  type InspectedSlot,
  type InspectResult,
  inspect,
} from './inspect.js';
export { type GenerateKeysOptions, type GenerateKeysResult, generateKeys } from './keys.js';
export { type InstalledLauncher, installedLaunchers, type LauncherKind } from './launchers.js';
export { type LockOptions, type LockResult, lock } from './lock.js';
export { type PackOptions, type PackOutput, type PackResolution, type PackResult, pack } from './pack.js';
export type { ObservableOptions, PackStage, ProgressEvent, ProgressListener } from './progress.js';
export { type CheckOptions, type CheckResult, checkRepeatable } from './repeatable/check.js';
export type { PackKey, PackLevel } from './signing.js';
export { sizePage } from './size/page.js';
export {
  type SizeAdvice,
  type SizeDuplicate,
  type SizedSlot,
  type SizedType,
  type SizeOptions,
  type SizeResult,
  type SizeRow,
  type SizeRowKind,
  size,
} from './size.js';
export { type Coverage, type VerifyCheck, type VerifyOptions, type VerifyResult, verify } from './verify.js';
