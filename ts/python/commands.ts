/**
 * Which commands a package has and which of them runs by default.
 */

import { FlavorError } from '../errors.js';
import { type EntryPoint, formatEntryPoint } from '../manifest/names.js';
import { nearestWord } from '../manifest/nearest.js';
import type { CommandSettings, ProjectManifest } from '../manifest/project-manifest.js';

/** A function that a command calls. */
export interface CommandEntry extends EntryPoint {
  /** Whether it may return more than an exit code: it is named by `tool.flavor` and need not be a console script. */
  readonly finishes?: boolean;
}

/** The commands of a package. */
export interface CommandSet {
  /** Functions by command name, sorted. */
  readonly commands: ReadonlyMap<string, CommandEntry>;
  /** What `tool.flavor.commands` says, by command name; those with `argv` are not among `commands`. */
  readonly settings: ReadonlyMap<string, CommandSettings>;
  /** Names of all commands, sorted. */
  readonly names: readonly string[];
  /** Name of the one that runs unless another is asked for. */
  readonly defaultName: string;
}

/**
 * The project's scripts and what `tool.flavor.commands` adds are its commands. The default one is
 * `tool.flavor.default`, else `tool.flavor.entry_point`, else the only one, else the one that has the package's name.
 */
export function chooseCommands(manifest: ProjectManifest, scripts: ReadonlyMap<string, EntryPoint>): CommandSet {
  const { commands: settings, defaultCommand, entryPoint, name } = manifest;
  const entries = new Map<string, CommandEntry>(scripts);
  for (const [command, { entry }] of settings) {
    if (entry === undefined) entries.delete(command);
    else entries.set(command, { ...entry, finishes: true });
  }
  let defaultName = defaultCommand;
  if (entryPoint !== undefined) {
    const main = mainCommand(manifest, entries, entryPoint);
    if (!entries.has(main)) entries.set(main, { ...entryPoint, finishes: true });
    defaultName ??= main;
  }
  const commands = new Map([...entries].sort(byName));
  const names = [...new Set([...commands.keys(), ...settings.keys()])].sort();
  defaultName ??= names.includes(name) ? name : names.length === 1 ? names[0] : undefined;
  if (defaultName === undefined) throw notClear(manifest, names, commands);
  if (!names.includes(defaultName)) throw noSuchDefault(manifest, names, defaultName);
  return { commands, settings, names, defaultName };
}

/** The command that `entry_point` is; the project may have one of the package's name that is something else. */
function mainCommand(
  { name, commands: settings }: ProjectManifest,
  entries: ReadonlyMap<string, CommandEntry>,
  entryPoint: EntryPoint,
): string {
  const same = [...entries].filter(([, entry]) => formatEntryPoint(entry) === formatEntryPoint(entryPoint));
  const found = same.find(([candidate]) => candidate === name) ?? same.sort(byName)[0];
  if (found !== undefined) return found[0];
  return entries.has(name) || settings.has(name) ? `${name}-main` : name;
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}

function notClear(
  manifest: ProjectManifest,
  names: readonly string[],
  commands: ReadonlyMap<string, CommandEntry>,
): FlavorError {
  const [only] = commands.values();
  return new FlavorError(
    'ERR_FLAVOR_ENTRY_POINT',
    names.length === 0
      ? 'nothing to run: the project has neither `tool.flavor.entry_point` nor `project.scripts`'
      : `it is not clear which command runs by default: ${names.join(', ')}`,
    {
      path: manifest.file,
      hints: [
        names.length > 0 && only === undefined
          ? `write \`default = "${names[0]}"\` under \`[tool.flavor]\``
          : only === undefined
            ? 'write `entry_point = "package.module:function"` under `[tool.flavor]`'
            : `write \`entry_point = "${formatEntryPoint(only)}"\` under \`[tool.flavor]\``,
      ],
    },
  );
}

function noSuchDefault(manifest: ProjectManifest, names: readonly string[], wanted: string): FlavorError {
  const near = nearestWord(wanted, names);
  return new FlavorError('ERR_FLAVOR_ENTRY_POINT', `\`tool.flavor.default\` names no command: ${wanted}`, {
    path: manifest.file,
    hints: [near === undefined ? `there are these commands: ${names.join(', ')}` : `did you mean \`${near}\`?`],
  });
}
