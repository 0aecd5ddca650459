/**
 * `inspect`: everything that a package says about itself. The signature is checked, the slots are not read.
 */

import { resolve } from 'node:path';

import { inspectPackage } from './native.js';
import { type Coverage, coverage } from './verify.js';

/** One independently compressed part of a slot. */
export interface InspectedFrame {
  readonly storedBytes: number;
  /** Bytes after decoding. */
  readonly contentBytes: number;
  /** Lower hex SHA-256 of the stored bytes. */
  readonly sha256: string;
}

/** A slot's entry in the slot table; what is not a size or a place. */
export interface InspectedDescriptor {
  /** `0x…`. */
  readonly id: string;
  /** The eight bytes in lower hex. */
  readonly nameHash: string;
  /** Packed operation chain, `0x…`. */
  readonly operations: string;
  /** The eight bytes in lower hex. */
  readonly checksum: string;
  readonly purpose: number;
  readonly lifecycle: number;
  /** Octal mode. */
  readonly permissions: string;
}

/** One slot of a package. */
export interface InspectedSlot {
  readonly index: number;
  /** Empty where the metadata has no entry for the slot. */
  readonly id: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly storedBytes: number;
  /** Bytes before compression, as the slot table says. */
  readonly contentBytes: number;
  /** Canonical text form, such as `tar.zst`. */
  readonly operations: string;
  /** Lower hex SHA-256 of the stored bytes, where the metadata has it. */
  readonly sha256: string | undefined;
  /** Where it came from, in the builder's words. */
  readonly source: string;
  /** Where it goes, in the builder's words. */
  readonly target: string;
  /** What it is for, in the format's words. */
  readonly purpose: string;
  /** When it is there. */
  readonly lifecycle: string;
  /** Octal mode of a single file. */
  readonly permissions: string | undefined;
  /** Only in packages of ours. */
  readonly role: string | undefined;
  /** Whether it may live in the shared store; only in packages of ours. */
  readonly share: boolean | undefined;
  /** Bytes of its regular files; only in packages of ours. */
  readonly unpackedBytes: number | undefined;
  /** Files, folders and links; only in packages of ours. */
  readonly members: number | undefined;
  /** Only in packages of ours, and only where the chain ends with zstd. */
  readonly frames: readonly InspectedFrame[];
  readonly descriptor: InspectedDescriptor;
}

/** One field of the index block. */
export interface InspectedIndexField {
  /** Its name in FORMAT.md. */
  readonly name: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Numbers in decimal, marks and bit sets as `0x…`, bytes in lower hex; empty for bytes that are all zero. */
  readonly value: string;
}

/** What {@link inspect} found. */
export interface InspectResult {
  /** Absolute path. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly launcherSizeBytes: number;
  readonly signer: {
    /** Lower hex SHA-256 of the public key. */
    readonly fingerprint: string;
    /** Lower hex. */
    readonly publicKey: string;
  };
  readonly index: readonly InspectedIndexField[];
  /** Every byte of the file in order. */
  readonly regions: readonly Coverage[];
  readonly slots: readonly InspectedSlot[];
  /** Whether another builder made the package. */
  readonly foreign: boolean;
  /** The signed metadata. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * Opens a package and tells everything that it says.
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
    signer: { fingerprint: report.fingerprint, publicKey: report.publicKey },
    index: report.index.map(({ name, offset, value }) => ({ name, offset, value })),
    regions: report.regions.map(coverage),
    slots: report.slots.map(({ facts, sha256, permissions, descriptor, ...slot }) => ({
      ...slot,
      sha256: sha256 ?? undefined,
      permissions: permissions ?? undefined,
      role: facts?.role,
      share: facts?.share,
      unpackedBytes: facts?.bytes,
      members: facts?.members,
      frames: facts?.frames ?? [],
      descriptor,
    })),
    foreign: report.foreign,
    metadata: JSON.parse(report.metadataJson) as Record<string, unknown>,
  };
}
