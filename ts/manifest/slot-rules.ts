/**
 * How the keys of slots fit together. What a launcher could not carry out is refused here, with the line, and not by
 * the assembler at the end of a build.
 */

import type { z } from 'zod';
import type { TomlDocument } from './document.js';
import type { slotTable } from './schema-slots.js';
import { RESERVED_SLOT_IDS, type SlotLifecycle } from './schema-words.js';

type SlotTable = z.infer<typeof slotTable>;

/** What the work environment has at its root. */
const TAKEN = ['bin', 'etc', 'include', 'lib', 'lib64', 'pyvenv.cfg', 'scripts', 'share'];

/** Lifecycles whose slots are not seen in the work environment: they have no fixed place, or none before they are asked for. */
const ELSEWHERE: ReadonlySet<SlotLifecycle> = new Set([
  'lazy',
  'temporary',
  'temp',
  'volatile',
  'persistent',
  'config',
  'shutdown',
]);

/** Whether a slot of a lifecycle is seen at its target in the work environment. */
export function isSeenAtTarget(lifecycle: SlotLifecycle): boolean {
  return !ELSEWHERE.has(lifecycle);
}

/** Whether the place of a slot is known when a program starts, so that a variable can say it. */
export function hasPlaceAtStart(lifecycle: SlotLifecycle): boolean {
  return lifecycle !== 'lazy' && lifecycle !== 'init';
}

/** Name of the variable that says a slot's place. */
export function slotVariable(id: string): string {
  return `FLAVOR_SLOT_${id.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}

/** Ids that `{slot:ID}` may name: those that have a place when the program starts. */
export function slotNames(slots: readonly SlotTable[]): string[] {
  return ['runtime', 'dependencies', ...slots.filter((slot) => hasPlaceAtStart(slot.lifecycle)).map(({ id }) => id)];
}

/** The path below the work environment that a target names; undefined if it leads elsewhere. */
export function targetPath(text: string): string | undefined {
  const path = text.replace(/^\{workenv\}(\/|$)/, '').replace(/\/+$/, '');
  if (path === '' || path === '.') return '';
  const parts = path.split('/');
  const isWithin = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  return isWithin && !/[\\:{}\p{Cc}]/u.test(path) ? path : undefined;
}

/** Refuses the first slot that does not fit. */
export function checkSlotRules(document: TomlDocument, slots: readonly SlotTable[]): void {
  const variables = new Map<string, string>();
  const targets = new Map<string, string>();
  for (const [index, slot] of slots.entries()) {
    const refuse = (key: keyof SlotTable, message: string, ...hints: string[]): Error =>
      document.refusal(['tool', 'flavor', 'slots', index, key], `slot \`${slot.id}\`: ${message}`, hints);
    if (RESERVED_SLOT_IDS.includes(slot.id)) {
      throw refuse('id', 'every package has a slot of this name', 'choose another `id`');
    }
    const variable = slotVariable(slot.id);
    const same = variables.get(variable);
    if (same !== undefined) {
      throw refuse(
        'id',
        same === slot.id
          ? 'there is another slot of this name'
          : `its variable ${variable} is that of slot \`${same}\``,
        'choose another `id`',
      );
    }
    variables.set(variable, slot.id);
    if (slot.operations !== undefined && slot.compression !== undefined && slot.operations !== slot.compression) {
      throw refuse('compression', '`operations` and `compression` differ', 'they mean the same; keep one of them');
    }
    checkTarget(slot, targets, refuse);
  }
}

function checkTarget(
  slot: SlotTable,
  targets: Map<string, string>,
  refuse: (key: keyof SlotTable, message: string, ...hints: string[]) => Error,
): void {
  const { id, lifecycle, target = id } = slot;
  const path = targetPath(target);
  if (path === undefined) {
    throw refuse(
      'target',
      `\`target\` is no path in the work environment: ${JSON.stringify(target)}`,
      'write a relative path such as `"data/models"`',
    );
  }
  if (!isSeenAtTarget(lifecycle)) {
    if (slot.target === undefined) return;
    throw refuse(
      'target',
      `\`target\` has no effect with the lifecycle \`${lifecycle}\``,
      `ask for the place: \`flavor_runtime.slot("${id}")\``,
    );
  }
  const [top = ''] = path.split('/');
  if (path === '' || TAKEN.includes(top.toLowerCase())) {
    throw refuse(
      'target',
      `\`target\` is taken by the environment of Python: ${JSON.stringify(target)}`,
      'choose another `target`',
    );
  }
  for (const [other, owner] of targets) {
    if (path !== other && !path.startsWith(`${other}/`) && !other.startsWith(`${path}/`)) continue;
    throw refuse(
      'target',
      `\`target\` is in the way of slot \`${owner}\`: ${JSON.stringify(target)}`,
      'choose another `target`',
    );
  }
  targets.set(path, id);
}
