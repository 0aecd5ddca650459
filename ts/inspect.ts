/**
 * `inspect`: what a package holds, as its signed metadata says. The signature is checked, the slots are not read.
 */

import { resolve } from 'node:path';

import { inspectPackage } from './native.js';

/** One slot of a package. */
export interface InspectedSlot {
  readonly index: number;
  readonly id: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly storedBytes: number;
  /** Bytes before compression. */
  readonly contentBytes: number;
  /** Canonical text form, such as `tar.zst`. */
  readonly operations: string;
  /** Only in packages of ours. */
  readonly role: string | undefined;
  /** Files, folders and links; only in packages of ours. */
  readonly members: number | undefined;
}

/** What {@link inspect} found. */
export interface InspectResult {
  /** Absolute path. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly launcherSizeBytes: number;
  readonly signer: { readonly fingerprint: string };
  readonly slots: readonly InspectedSlot[];
  /** Whether another builder made the package. */
  readonly foreign: boolean;
  /** The signed metadata. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * Opens a package and tells what it holds.
 *
 * @throws {FlavorError} `ERR_FLAVOR_NOT_FOUND` if there is no such file; a code that begins with `ERR_PSPF_` if it is
 * no package, or one whose index, metadata or signature do not hold.
 */
export async function inspect(path: string): Promise<InspectResult> {
  const report = await inspectPackage(resolve(path));
  return {
    path: report.path,
    sizeBytes: report.sizeBytes,
    launcherSizeBytes: report.launcherSize,
    signer: { fingerprint: report.fingerprint },
    slots: report.slots.map((slot) => ({
      index: slot.index,
      id: slot.id,
      offset: slot.offset,
      storedBytes: slot.storedBytes,
      contentBytes: slot.contentBytes,
      operations: slot.operations,
      role: slot.role ?? undefined,
      members: slot.members ?? undefined,
    })),
    foreign: report.foreign,
    metadata: JSON.parse(report.metadataJson) as Record<string, unknown>,
  };
}
