/**
 * What the schema cannot say about pyproject.toml: how its keys fit together. The files that it names are looked at
 * later, because hooks may make them.
 */

import type { TomlDocument } from './document.js';
import type { KeyPath } from './key-lines.js';
import { parseEntryPoint } from './names.js';
import { nearestWord } from './nearest.js';
import type { ManifestDocument } from './schema.js';
import { COMMAND_NAME_PATTERN } from './schema-words.js';
import { checkSlotRules, slotNames } from './slot-rules.js';
import { splitWords } from './words.js';

type FlavorTable = NonNullable<NonNullable<ManifestDocument['tool']>['flavor']>;

/** Refuses the first thing that does not fit. */
export function checkRules(document: TomlDocument, { project, tool }: ManifestDocument): void {
  if (project.version === undefined && !(project.dynamic?.includes('version') ?? false)) {
    throw document.refusal(['project'], '`project.version` is missing', [
      'write `version = "1.0.0"` under `[project]`, or list it in `dynamic`',
    ]);
  }
  for (const table of ['scripts', 'gui-scripts'] as const) {
    for (const [name, value] of Object.entries(project[table] ?? {})) {
      if (parseEntryPoint(value) !== undefined && /^[\w.-]+$/.test(name)) continue;
      throw document.refusal(
        ['project', table, name],
        `\`project.${table}.${name}\` is not of the form \`module:function\`: ${JSON.stringify(value)}`,
        [`write \`${name} = "package.module:function"\``],
      );
    }
  }
  const flavor = tool?.flavor;
  if (flavor === undefined) return;
  if (flavor.version !== undefined) {
    throw document.refusal(['tool', 'flavor', 'version'], '`tool.flavor.version` is not for projects', [
      'a project states its version as `project.version`',
    ]);
  }
  checkFlavor(document, flavor, new Set(Object.keys({ ...project.scripts, ...project['gui-scripts'] })));
}

/** How the keys of `[tool.flavor]` fit together; `scripts` are commands that its own may not be called by. */
export function checkFlavor(document: TomlDocument, flavor: FlavorTable, scripts: ReadonlySet<string>): void {
  checkInterpreter(document, flavor);
  checkSlotRules(document, flavor.slots);
  checkCommands(document, flavor, scripts);
  checkHooks(document, ['tool', 'flavor', 'build'], flavor.build);
  const { key, key_env: keyEnv } = flavor.sign;
  if (key !== undefined && keyEnv !== undefined) throw both(document, ['tool', 'flavor', 'sign'], 'key', 'key_env');
}

/** Commands of hooks must be words. */
export function checkHooks(
  document: TomlDocument,
  path: KeyPath,
  hooks: { readonly pre_build: readonly string[]; readonly post_build: readonly string[] },
): void {
  for (const key of ['pre_build', 'post_build'] as const) {
    for (const command of hooks[key]) {
      if ((splitWords(command)?.length ?? 0) > 0) continue;
      throw document.refusal(
        [...path, key],
        `\`${[...path, key].join('.')}\` holds what is no command: ${JSON.stringify(command)}`,
        ['write a command (`"pytest -q"`) or the path of a script (`"scripts/prepare.py"`); close each quote'],
      );
    }
  }
}

function checkInterpreter(document: TomlDocument, { python, isolated, smoke }: FlavorTable): void {
  if (python.archive !== undefined && python.path !== undefined) {
    throw both(document, ['tool', 'flavor', 'python'], 'archive', 'path');
  }
  if (isolated === false && python.isolated) {
    throw document.refusal(
      ['tool', 'flavor', 'isolated'],
      '`tool.flavor.isolated` and `tool.flavor.python.isolated` contradict each other',
      ['they mean the same; keep one of them'],
    );
  }
  if (typeof smoke === 'string' && (splitWords(smoke)?.length ?? 0) === 0) {
    throw document.refusal(
      ['tool', 'flavor', 'smoke'],
      `\`tool.flavor.smoke\` is no command: ${JSON.stringify(smoke)}`,
      ['write it as an array of program and arguments'],
    );
  }
}

function checkCommands(document: TomlDocument, flavor: FlavorTable, scripts: ReadonlySet<string>): void {
  const slots = slotNames(flavor.slots);
  for (const [name, command] of Object.entries(flavor.commands)) {
    const path = ['tool', 'flavor', 'commands', name];
    if (scripts.has(name)) {
      throw document.refusal(path, `the command \`${name}\` is in \`project.scripts\` too`, ['keep one of them']);
    }
    if (typeof command === 'string') continue;
    const table = Array.isArray(command) ? { argv: command, env: {} } : command;
    checkWhatRuns(document, path, table);
    const texts = [...(table.argv ?? []), ...Object.values(table.env), table.cwd ?? ''];
    for (const text of texts) checkPlaceholders(document, path, text, slots);
  }
  const set = ['tool', 'flavor', 'execution', 'runtime', 'env', 'set'];
  for (const [name, value] of Object.entries(flavor.execution.runtime.env.set)) {
    checkPlaceholders(document, [...set, name], value, slots);
  }
  const { default: chosen } = flavor;
  if (chosen !== undefined && !COMMAND_NAME_PATTERN.test(chosen)) {
    throw document.refusal(['tool', 'flavor', 'default'], `not the name of a command: ${JSON.stringify(chosen)}`, []);
  }
}

function checkWhatRuns(
  document: TomlDocument,
  path: KeyPath,
  command: { readonly argv?: readonly string[] | undefined; readonly entry_point?: string | undefined },
): void {
  const hasArguments = command.argv !== undefined;
  if (hasArguments !== (command.entry_point !== undefined)) return;
  if (hasArguments) throw both(document, path, 'argv', 'entry_point');
  throw document.refusal(path, `the command \`${path.at(-1)}\` says nothing to run`, ['write `entry_point` or `argv`']);
}

function checkPlaceholders(document: TomlDocument, path: KeyPath, text: string, slots: readonly string[]): void {
  for (const [placeholder, id = ''] of text.matchAll(/\{slot:([^}]*)\}/g)) {
    if (slots.includes(id)) continue;
    const near = nearestWord(id, slots);
    throw document.refusal(path, `no slot for \`${placeholder}\` in \`${path.join('.')}\``, [
      near === undefined ? `slots that can be named are ${slots.join(', ')}` : `did you mean \`{slot:${near}}\`?`,
    ]);
  }
}

function both(document: TomlDocument, path: KeyPath, one: string, other: string): Error {
  return document.refusal(path, `\`${path.join('.')}\` has both \`${one}\` and \`${other}\``, ['keep one of them']);
}
