/**
 * Turns the staged runtime into what its slot holds, once everything that was built against it is there: cleaned,
 * trimmed, and with the lowest system known that serves it and all binaries beside it.
 */

import { binaryNeeds, type Floor, highestFloor } from './binary-floor.js';
import { normaliseRuntime } from './runtime-tree.js';
import type { BuildSession, StagedRuntime } from './session.js';
import { type TrimReport, trimRuntime } from './trim.js';

/** What comes with the runtime. */
export interface RuntimeCompany {
  /** Folders with everything that lies in other slots. */
  readonly trees: readonly string[];
  /** Folded names of the distributions in them. */
  readonly distributions: readonly string[];
}

/** The finished slot. */
export interface RuntimeSlot {
  /** Of the whole package. */
  readonly floor: Floor;
  readonly trimmed: TrimReport;
}

/** Works in place. */
export async function finishRuntime(
  session: BuildSession,
  runtime: StagedRuntime,
  { distributions, trees }: RuntimeCompany,
): Promise<RuntimeSlot> {
  const { manifest, target } = session;
  const company = await binaryNeeds(target, trees);
  await normaliseRuntime(session, runtime);
  const settings = manifest.python.trim;
  const trimmed = await trimRuntime({ target, runtime, settings, distributions, libraries: company.libraries });
  const own = await binaryNeeds(target, [runtime.root]);
  return { floor: highestFloor(own.floor, company.floor), trimmed };
}

/** One line about what was taken out, the largest part first; empty if nothing was. */
export function trimText(trimmed: TrimReport): string {
  const parts = Object.entries(trimmed).sort(([, left], [, right]) => right - left);
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const total = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  if (total === 0) return '';
  return `${megabytes(total)} left out (${parts.map(([name, bytes]) => `${name} ${megabytes(bytes)}`).join(', ')})`;
}
