/**
 * Which commands a package has and which of them runs by default.
 */

import { FlavorError } from '../errors.js';
import { type EntryPoint, formatEntryPoint } from '../manifest/names.js';
import { nearestWord } from '../manifest/nearest.js';
import type { CommandSettings, MainProgram, ProjectManifest } from '../manifest/project-manifest.js';

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
  /** The command that is no function. */
  readonly main: { readonly name: string; readonly program: MainProgram } | undefined;
  /** Names of all commands, sorted. */
  readonly names: readonly string[];
  /** Name of the one that runs unless another is asked for. */
  readonly defaultName: string;
}

/**
 * The project's scripts and what `tool.flavor.commands` adds are its commands. The default one is
 * `tool.flavor.default`, else `tool.flavor.entry_point`, else the only one, else the one that has the package's name.
 * What is no function, such as a script, comes before those.
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
  const main = manifest.main && {
    name: entries.has(name) || settings.has(name) ? `${name}-main` : name,
    program: manifest.main,
  };
  defaultName ??= main?.name;
  const commands = new Map([...entries].sort(byName));
  const names = [...new Set([...commands.keys(), ...settings.keys(), ...(main ? [main.name] : [])])].sort();
  defaultName ??= names.includes(name) ? name : names.length === 1 ? names[0] : undefined;
  if (defaultName === undefined) throw notClear(manifest, names, commands);
  if (!names.includes(defaultName)) throw noSuchDefault(manifest, names, defaultName);
  return { commands, settings, main, names, defaultName };
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
  const { file: path, input } = manifest;
  const refused = (message: string, ...hints: string[]) =>
    new FlavorError('ERR_FLAVOR_ENTRY_POINT', message, { path, hints });
  const which = `it is not clear which command runs by default: ${names.join(', ')}`;
  const [only] = commands.values();
  switch (input.kind) {
    case 'wheel':
      return names.length > 0
        ? refused(which, `\`--script ${names[0]}\` chooses one`)
        : refused(
            'nothing to run: the wheel has no console script',
            'say what runs: `--entry-point module:function`, or `--entry-point module` as in `python -m module`',
          );
    case 'folder':
      if (names.length > 0) break;
      return input.candidates.length > 0
        ? refused(
            `it is not clear what runs: ${input.candidates.join(', ')}`,
            `\`--entry-point ${input.candidates.at(-1)}\` chooses one; \`module:function\` and a module can be given, too`,
          )
        : refused(
            'nothing to run: the folder has neither __main__.py nor app.py nor main.py',
            'say what runs: `--entry-point FILE.py`, `module:function`, or a module as in `python -m module`',
          );
    default:
  }
  if (names.length === 0) {
    return refused(
      'nothing to run: the project has neither `tool.flavor.entry_point` nor `project.scripts`',
      'write `entry_point = "package.module:function"` under `[tool.flavor]`',
    );
  }
  return refused(
    which,
    only === undefined
      ? `write \`default = "${names[0]}"\` under \`[tool.flavor]\``
      : `write \`entry_point = "${formatEntryPoint(only)}"\` under \`[tool.flavor]\``,
  );
}

function noSuchDefault(manifest: ProjectManifest, names: readonly string[], wanted: string): FlavorError {
  const near = nearestWord(wanted, names);
  const message = `there is no command \`${wanted}\` that could run by default`;
  return new FlavorError('ERR_FLAVOR_ENTRY_POINT', message, {
    path: manifest.file,
    hints: [near === undefined ? `there are these commands: ${names.join(', ')}` : `did you mean \`${near}\`?`],
  });
}
