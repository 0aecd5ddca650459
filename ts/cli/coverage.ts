/** How it is told what vouches for the bytes of a package. */

import type { Coverage } from '../index.js';

/** For `--json`: `covered_by` is null where nothing does. */
export function coverageObject({ from, to, what, coveredBy }: Coverage): Record<string, unknown> {
  return { from, to, what, covered_by: coveredBy ?? null };
}

/** For people; the range is half-open. */
export function coverageText({ from, to, what, coveredBy }: Coverage): string {
  const why = {
    signature: 'signed',
    'signed-digest': 'its digest is signed',
    rendering: 'determined by what is signed',
    nothing: 'NOT covered by the signature',
  }[coveredBy ?? 'nothing'];
  return `${from}–${to} ${what}: ${why}`;
}
