/**
 * The border to the native addon: the only file that loads the binding, and the only place that turns its
 * failure objects into {@link FlavorError}. Nothing of the addon's own types leaves this file but plain data.
 *
 * The binding is loaded at the first call, so that importing the library works (and `flavor --help` answers)
 * where no addon is installed for the platform.
 */

import { createRequire } from 'node:module';

import type * as Binding from '../dist/binding.cjs';
import { abortedError } from './cancellation.js';
import { ERROR_CODES, type ErrorCode } from './error-codes.js';
import { FlavorError } from './errors.js';
import type { Reporter } from './progress.js';

export type {
  BindingAssembled,
  BindingAssembleRequest,
  BindingCacheFindings,
  BindingCacheInventory,
  BindingCacheRemoval,
  BindingCheck,
  BindingCoverage,
  BindingExtracted,
  BindingInspectReport,
  BindingKeyPair,
  BindingProgress,
  BindingSizeReport,
  BindingVerifyReport,
} from '../dist/binding.cjs';

type BindingModule = typeof Binding;

/** Platforms that the addon is published for. */
const SUPPORTED = [
  'linux x64 and arm64 (glibc 2.28 or musl 1.2 and newer)',
  'macOS x64 and arm64',
  'Windows x64',
] as const;

let loaded: BindingModule | undefined;

function binding(): BindingModule {
  if (loaded !== undefined) return loaded;
  try {
    loaded = createRequire(import.meta.url)('./binding.cjs') as BindingModule;
    return loaded;
  } catch (cause) {
    throw new FlavorError(
      'ERR_FLAVOR_BINDING',
      `the native addon could not be loaded on ${process.platform} ${process.arch}`,
      {
        hints: [
          `supported platforms: ${SUPPORTED.join('; ')}`,
          'install the package again without `--omit=optional`, or run `npm run build` in a clone',
        ],
        cause,
      },
    );
  }
}

/** Runs the assembler over a plan and writes the package. */
export function assemble(
  request: Binding.BindingAssembleRequest,
  reporter: Reporter,
): Promise<Binding.BindingAssembled> {
  return observedCall(reporter, (module, onProgress, token) => module.assemble(request, onProgress, token));
}

/** Checks every byte of a package. */
export function verifyPackage(path: string, deep: boolean, reporter: Reporter): Promise<Binding.BindingVerifyReport> {
  return observedCall(reporter, (module, onProgress, token) => module.verify(path, deep, onProgress, token));
}

/** Writes one slot. */
export function extractOne(
  path: string,
  request: Binding.BindingExtractRequest,
  reporter: Reporter,
): Promise<Binding.BindingExtracted> {
  return observedCall(reporter, (module, onProgress, token) => module.extract(path, request, onProgress, token));
}

/** Writes all slots. */
export function extractSlots(
  path: string,
  folder: string,
  raw: boolean,
  reporter: Reporter,
): Promise<Binding.BindingExtractedAll> {
  return observedCall(reporter, (module, onProgress, token) => module.extractAll(path, folder, raw, onProgress, token));
}

/** Opens a package and tells what it holds. */
export function inspectPackage(path: string): Promise<Binding.BindingInspectReport> {
  return call((module) => module.inspect(path));
}

/** Verifies a package and tells where its bytes are. */
export function measureSize(path: string, reporter: Reporter): Promise<Binding.BindingSizeReport> {
  return observedCall(reporter, (module, onProgress, token) => module.measureSize(path, onProgress, token));
}

/** Tells what the package with this signature would weigh after each set of changes. */
export function predictSizes(
  path: string,
  signature: string,
  trials: Binding.BindingSizeChange[][],
  scratch: string,
  reporter: Reporter,
): Promise<Binding.BindingSizeOutcomes> {
  return observedCall(reporter, (module, onProgress, token) =>
    module.predictSizes(path, signature, trials, scratch, onProgress, token),
  );
}

/** Writes a new key pair. */
export function writeKeyPair(directory: string, force: boolean): Promise<Binding.BindingKeyPair> {
  return call((module) => module.generateKeys(directory, force));
}

/** Looks into a public key file. */
export function readPublicKey(path: string): Promise<Binding.BindingPublicKey> {
  return call((module) => module.readPublicKey(path));
}

/** What the store of unpacked packages holds. */
export function readCache(store: string | undefined): Promise<Binding.BindingCacheInventory> {
  return call((module) => module.cacheInventory(store));
}

/** Removes from the store what nobody needs. */
export function pruneCache(
  store: string | undefined,
  limits: {
    readonly maxAge: number | undefined;
    readonly maxBytes: number | undefined;
    readonly private: boolean;
    readonly dryRun: boolean;
  },
  reporter: Reporter,
): Promise<Binding.BindingCacheRemoval> {
  const { maxAge, maxBytes, ...switches } = limits;
  const given = {
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...switches,
  };
  return observedCall(reporter, (module, _, token) => module.cachePrune(store, given, token));
}

/** Removes packages from the store. */
export function removeFromCache(
  store: string | undefined,
  names: string[],
  dryRun: boolean,
  reporter: Reporter,
): Promise<Binding.BindingCacheRemoval> {
  return observedCall(reporter, (module, _, token) => module.cacheRemove(store, names, dryRun, token));
}

/** Compares the store with its packages; `repair` makes anew what differs. */
export function examineCache(
  operation: 'verify' | 'repair',
  store: string | undefined,
  packages: string[],
  reporter: Reporter,
): Promise<Binding.BindingCacheFindings> {
  return observedCall(reporter, (module, onProgress, token) =>
    operation === 'verify'
      ? module.cacheVerify(store, packages, onProgress, token)
      : module.cacheRepair(store, packages, onProgress, token),
  );
}

async function call<Result extends object>(
  invoke: (module: BindingModule) => Promise<Binding.BindingFailure | Result>,
): Promise<Result> {
  const module = binding();
  let outcome: Binding.BindingFailure | Result;
  try {
    outcome = await invoke(module);
  } catch (cause) {
    // The addon reports failures as data; an exception is a broken promise of its own.
    throw new FlavorError('ERR_FLAVOR_INTERNAL', 'the native addon threw an exception', { cause });
  }
  return unwrap(outcome);
}

async function observedCall<Result extends object>(
  reporter: Reporter,
  invoke: (
    module: BindingModule,
    onProgress: (event: Binding.BindingProgress) => void,
    token: Binding.BindingCancelToken,
  ) => Promise<Binding.BindingFailure | Result>,
): Promise<Result> {
  if (reporter.signal.aborted) throw abortedError(reporter.signal);
  const token = new (binding().BindingCancelToken)();
  const cancel = (): void => token.cancel();
  reporter.signal.addEventListener('abort', cancel, { once: true });
  const onProgress = (event: Binding.BindingProgress): void => {
    reporter.emit({ type: 'bytes', phase: event.stage, done: event.done, total: event.total, detail: event.detail });
  };
  try {
    return await call((module) => invoke(module, onProgress, token));
  } finally {
    reporter.signal.removeEventListener('abort', cancel);
  }
}

function unwrap<Result extends object>(outcome: Binding.BindingFailure | Result): Result {
  if (!('isBindingFailure' in outcome)) return outcome;
  const { code, message, hints, path, offset, causes } = outcome;
  throw new FlavorError(knownCode(code), message, {
    hints,
    path: path ?? undefined,
    offset: offset ?? undefined,
    cause: causeChain(causes),
  });
}

/** The code of a failure, or the internal one if addon and library do not belong together. */
export function knownCode(code: string): ErrorCode {
  return code in ERROR_CODES ? (code as ErrorCode) : 'ERR_FLAVOR_INTERNAL';
}

/** The causes of a failure as nested errors, outermost first. */
function causeChain(causes: readonly string[]): Error | undefined {
  return causes.reduceRight<Error | undefined>(
    (cause, message) => new Error(message, cause === undefined ? undefined : { cause }),
    undefined,
  );
}
