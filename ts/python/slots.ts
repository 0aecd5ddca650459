/**
 * The manifest's own slots, on the way from the project folder to the plan. A slot that the target has no use for is
 * left out; a source that is missing fails the build, unless the manifest calls the slot optional.
 */

/** A slot of the manifest as the plan will have it, but for its position. */
export interface PlannedSlot {
  /** Entry of the plan's `slots` (FORMAT.md §15). */
  readonly entry: {
    readonly id: string;
    readonly source: string;
    readonly target: string;
    readonly operations: string;
    readonly purpose: string;
    readonly lifecycle: string;
    readonly permissions: string;
  };
  /** Entry of `x-flavor.slots`. */
  readonly share: boolean;
  readonly role: 'data';
  /** What leads into it from the work environment. */
  readonly links: readonly {
    readonly path: string;
    /** Member of the slot; empty for its root. */
    readonly to: string;
    readonly kind: 'symlink' | 'copy';
  }[];
  /** Variable that says where it is, where that is known when the program starts. */
  readonly variable?: {
    readonly name: string;
    /** What follows `{slot:N}`: empty, or `/` and the one file of the slot. */
    readonly suffix: string;
  };
}

/** Puts positions in the place of ids in `{slot:ID}`. Every id was found in the manifest before. */
export function withPositions(text: string, positions: ReadonlyMap<string, number>): string {
  return text.replaceAll(/\{slot:([^}]*)\}/g, (placeholder, id: string) => {
    const position = positions.get(id);
    return position === undefined ? placeholder : `{slot:${position}}`;
  });
}
