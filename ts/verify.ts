/**
 * `verify`: reads every byte of a package and says what held. A damaged package is a result, not an error.
 */

import { resolve } from 'node:path';

import type { ErrorCode } from './error-codes.js';
import { type BindingCoverage, knownCode, verifyPackage } from './native.js';
import { type ObservableOptions, observed } from './progress.js';

/** Options of {@link verify}. */
export interface VerifyOptions extends ObservableOptions {
  /**
   * Whether slots of other builders' packages are decoded down to their content. Ours always are.
   * @default false
   */
  readonly deep?: boolean | undefined;
}

/** A range of a package file, and what vouches for it. */
export interface Coverage {
  /** Offset of the first byte. */
  readonly from: number;
  /** Offset behind the last byte. */
  readonly to: number;
  /** What lies there. */
  readonly what: string;
  /**
   * It is signed, its digest is in the signed text, or the signed text determines it. `undefined` where whoever has the
   * file can change it.
   */
  readonly coveredBy: 'signature' | 'signed-digest' | 'rendering' | undefined;
}

/** One thing that was checked. */
export interface VerifyCheck {
  /** `trailer`, `index`, `metadata`, `signature`, `launcher`, `slot 0 (runtime)`, … */
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly detail: string;
}

/** What {@link verify} found. */
export interface VerifyResult {
  /** Absolute path. */
  readonly path: string;
  /** Whether every check held. */
  readonly ok: boolean;
  /** In the order in which they were made. */
  readonly checks: readonly VerifyCheck[];
  /** Known once the signature held. */
  readonly signer: { readonly fingerprint: string } | undefined;
  /** Known once the signature held. */
  readonly package: { readonly name: string; readonly version: string } | undefined;
  /** Whether another builder made the package. */
  readonly foreign: boolean;
  /** Every byte of the file in order; empty until the signature held. */
  readonly coverage: readonly Coverage[];
  /** The first thing that did not hold. */
  readonly failure:
    | {
        readonly code: ErrorCode;
        readonly message: string;
        readonly hints: readonly string[];
        /** Bytes from the start of the file. */
        readonly offset: number | undefined;
      }
    | undefined;
}

/**
 * Verifies every byte of a package: index, metadata, signature, launcher, each slot. Nothing of it is run.
 *
 * @throws {FlavorError} `ERR_FLAVOR_NOT_FOUND` if there is no such file, `ERR_PSPF_IO` or `ERR_FLAVOR_IO` if it cannot
 * be read, `ERR_FLAVOR_ABORTED` if the signal was aborted. Does not throw for a damaged package.
 */
export function verify(path: string, options: VerifyOptions = {}): Promise<VerifyResult> {
  return observed(options, async (reporter) => {
    const report = await verifyPackage(resolve(path), options.deep ?? false, reporter);
    const { fingerprint, packageName, packageVersion, errorCode, errorMessage, errorHints, errorOffset } = report;
    return {
      path: report.path,
      ok: report.ok,
      checks: report.checks.map(({ name, ok, detail }) => ({ name, ok, detail })),
      signer: fingerprint == null ? undefined : { fingerprint },
      package:
        packageName == null || packageVersion == null ? undefined : { name: packageName, version: packageVersion },
      foreign: report.foreign,
      coverage: report.coverage.map(coverage),
      failure:
        errorCode == null
          ? undefined
          : {
              code: knownCode(errorCode),
              message: errorMessage ?? '',
              hints: errorHints,
              offset: errorOffset ?? undefined,
            },
    };
  });
}

/** A range as the library shows it. */
export function coverage({ from, to, what, coveredBy }: BindingCoverage): Coverage {
  return { from, to, what, coveredBy: coveredBy ?? undefined };
}
