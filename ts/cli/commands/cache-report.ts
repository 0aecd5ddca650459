/**
 * What the cache commands print: the store's reports as JSON objects and as lines.
 */

import type { BuildCacheContent } from '../../build-cache/tidying.js';
import type { CacheEnvironment, CacheFindings, CacheInventory, CacheRemoval } from '../../cache.js';
import { FlavorError } from '../../errors.js';
import { formatSize, printable } from '../output.js';

/** The package files of an environment. */
export function packagesOf(
  { receipts }: CacheInventory,
  { folder }: CacheEnvironment,
): { readonly path: string; readonly present: boolean }[] {
  return receipts
    .filter((receipt) => receipt.environment === folder && receipt.packagePath != null)
    .map(({ packagePath, packagePresent }) => ({ path: packagePath ?? '', present: packagePresent }));
}

/** One environment as JSON. */
export function environmentObject(found: CacheInventory, entry: CacheEnvironment): Record<string, unknown> {
  const { folder, path, bytes, members, complete, slots, private: isPrivate } = entry;
  return {
    name: entry.name ?? null,
    version: entry.version ?? null,
    folder,
    path,
    bytes,
    members,
    last_used: time(entry.lastUsed),
    in_use: entry.inUse,
    complete,
    private: isPrivate,
    packages: packagesOf(found, entry),
    slots: slots ?? null,
  };
}

/** A whole store as JSON. */
export function inventoryObject(found: CacheInventory): Record<string, unknown> {
  const { root, exists, environments, slots, receipts } = found;
  return {
    root,
    exists,
    ...totalsOf(found),
    environments: environments.map((entry) => environmentObject(found, entry)),
    slots: slots.map(({ lastUsed, inUse, ...slot }) => ({ ...slot, last_used: time(lastUsed), in_use: inUse })),
    receipts: receipts.map((receipt) => ({
      name: receipt.name,
      valid: receipt.valid,
      package: receipt.packageName ?? null,
      path: receipt.packagePath ?? null,
      present: receipt.packagePresent,
      environment: receipt.environment ?? null,
      last_used: time(receipt.lastUsed),
    })),
  };
}

/** Sums over a store. */
export function totalsOf({ environments, slots }: CacheInventory): {
  readonly total_bytes: number;
  readonly environment_bytes: number;
  readonly slot_bytes: number;
} {
  const sum = (entries: readonly { readonly bytes: number }[]): number =>
    entries.reduce((bytes, entry) => bytes + entry.bytes, 0);
  const [environmentBytes, slotBytes] = [sum(environments), sum(slots)];
  return {
    total_bytes: environmentBytes + slotBytes,
    environment_bytes: environmentBytes,
    slot_bytes: slotBytes,
  };
}

/** A line for each environment, and the sum. */
export function listLines(found: CacheInventory): string[] {
  const rows = found.environments.map((entry) => {
    const shared = found.slots.filter((slot) => slot.environments.includes(entry.folder));
    const packages = packagesOf(found, entry);
    const [file] = packages.filter(({ present }) => present);
    return [
      entry.name === undefined || entry.name === null ? entry.folder : `${entry.name} ${entry.version ?? ''}`,
      formatSize(entry.bytes),
      `+ ${formatSize(shared.reduce((bytes, slot) => bytes + slot.bytes, 0))} shared`,
      time(entry.lastUsed).slice(0, 10),
      entry.inUse ? 'in use' : entry.complete ? '' : 'incomplete',
      file?.path ?? (packages.length > 0 ? '(package gone)' : ''),
    ].map(printable);
  });
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const { environments, slots } = found;
  const counts = `${count(environments.length, 'environment')}, ${count(slots.length, 'slot')}`;
  return [...lines, `${printable(found.root)}: ${counts}, ${formatSize(totalsOf(found).total_bytes)}`];
}

/** The store as a whole. */
export function infoLines(found: CacheInventory): string[] {
  const { root, exists, environments, slots, receipts, dead, places } = found;
  const totals = totalsOf(found);
  const others = places.filter((place) => place.exists && place.path !== root);
  return [
    `store         ${printable(root)}${exists ? '' : ' (does not exist yet)'}`,
    `size          ${formatSize(totals.total_bytes)}`,
    `environments  ${environments.length} (${formatSize(totals.environment_bytes)})`,
    `slots         ${slots.length} (${formatSize(totals.slot_bytes)})`,
    `receipts      ${receipts.length}`,
    ...(dead > 0 ? [`dead starts   ${dead}`] : []),
    ...others.map(
      ({ path, origin }) => `another store ${printable(path)} (from ${origin}; --store ${printable(path)})`,
    ),
  ];
}

/** What went, as JSON. */
export function removalObject(removal: CacheRemoval, dryRun: boolean): Record<string, unknown> {
  const { root, removed, inUse, slotsUnknown, left } = removal;
  return {
    root,
    dry_run: dryRun,
    removed: removed.map(({ lastUsed, ...item }) => ({ ...item, last_used: time(lastUsed) })),
    freed_bytes: freed(removal),
    left_bytes: left,
    in_use: inUse,
    slots_unknown: slotsUnknown,
  };
}

/** A line for each thing that went, and the sum. */
export function removalLines(removal: CacheRemoval, dryRun: boolean): string[] {
  const shown = removal.removed.filter(({ kind }) => kind !== 'staging' && kind !== 'receipt');
  const small = removal.removed.length - shown.length;
  const lines = shown.map(
    ({ kind, name, bytes, reason }) => `${kind} ${printable(name)} (${formatSize(bytes)}, ${reason})`,
  );
  return [
    ...lines,
    ...(small > 0 ? [`${count(small, 'receipt')} and left-overs`] : []),
    ...removal.inUse.map((folder) => `kept ${printable(folder)}: in use`),
    `${dryRun ? 'would free' : 'freed'} ${formatSize(freed(removal))}, ${formatSize(removal.left)} left in ${printable(removal.root)}`,
  ];
}

function freed({ removed }: CacheRemoval): number {
  return removed.reduce((bytes, item) => bytes + item.bytes, 0);
}

/** What was found, as JSON. */
export function findingsObject({ root, findings, unusable }: CacheFindings): Record<string, unknown> {
  return {
    root,
    ok: !findings.some((finding) => finding.isFailure),
    findings: findings.map(({ kind, name, condition, packagePath }) => ({
      kind,
      name,
      condition,
      package: packagePath ?? null,
    })),
    unusable,
  };
}

const reasons: Readonly<Record<string, string>> = {
  unknown: 'its package was not found',
  private: 'made by the set-up of its package, not compared',
};

/** A line for each finding; with `quiet` only those that need attention. */
export function findingLines({ root, findings }: CacheFindings, quiet: boolean): string[] {
  const conditions = findings.map(({ condition }) => condition);
  const width = Math.max(0, ...conditions.map((condition) => condition.length));
  const counts = [...new Set(conditions)]
    .sort()
    .map((condition) => `${conditions.filter((other) => other === condition).length} ${condition}`);
  const lines = findings
    .filter(({ condition }) => !(quiet && condition === 'intact'))
    .map(({ kind, name, condition, packagePath }) => {
      const origin = reasons[condition] ?? packagePath ?? '';
      return printable(`${condition.padEnd(width)} ${kind} ${name}: ${origin}`);
    });
  return [...lines, printable(`${root}: ${counts.length > 0 ? counts.join(', ') : 'nothing is unpacked'}`)];
}

/** The refusal of a name that the store does not know. */
export function nothingThere(root: string, name: string): FlavorError {
  return new FlavorError('ERR_FLAVOR_NOT_FOUND', `nothing in ${root} belongs to \`${name}\``, {
    hints: ['`flavor cache list` names what there is'],
  });
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** The build cache as JSON. */
export function buildObject(build: BuildCacheContent | undefined): Record<string, unknown> {
  return build === undefined ? {} : { build_cache: build };
}

/** A line about the build cache, where there is something to say. */
export function buildLines(build: BuildCacheContent | undefined, what: string): string[] {
  if (build === undefined || build.entries === 0) return [];
  return [`${formatSize(build.bytes)} ${what} ${printable(build.root)}`];
}
