/**
 * Which commands a package has and which of them runs by default.
 */

import { FlavorError } from '../errors.js';
import type { ProjectManifest } from '../manifest/load.js';
import { type EntryPoint, formatEntryPoint } from '../manifest/names.js';

/** The commands of a package. */
export interface CommandSet {
  /** Functions by command name, sorted. */
  readonly commands: ReadonlyMap<string, EntryPoint>;
  /** Name of the one that runs unless another is asked for. */
  readonly defaultName: string;
}

/**
 * The project's scripts are its commands. `tool.flavor.entry_point` is the default one; without it, a single script
 * is, or the one that has the package's name.
 */
export function chooseCommands(manifest: ProjectManifest, scripts: ReadonlyMap<string, EntryPoint>): CommandSet {
  const commands = new Map([...scripts].sort(([left], [right]) => (left < right ? -1 : 1)));
  const { entryPoint, name } = manifest;
  if (entryPoint !== undefined) {
    const same = [...commands].filter(([, entry]) => formatEntryPoint(entry) === formatEntryPoint(entryPoint));
    const script = same.find(([candidate]) => candidate === name) ?? same[0];
    if (script !== undefined) return { commands, defaultName: script[0] };
    // The project may have a script of the package's name that calls something else; both keep working.
    const defaultName = commands.has(name) ? `${name}-main` : name;
    commands.set(defaultName, entryPoint);
    return { commands, defaultName };
  }
  const [only] = commands.keys();
  if (only !== undefined && (commands.size === 1 || commands.has(name))) {
    return { commands, defaultName: commands.has(name) ? name : only };
  }
  throw new FlavorError(
    'ERR_FLAVOR_ENTRY_POINT',
    commands.size === 0
      ? 'nothing to run: the project has neither `tool.flavor.entry_point` nor `project.scripts`'
      : `it is not clear which command runs by default: ${[...commands.keys()].join(', ')}`,
    {
      path: manifest.file,
      hints: [
        only === undefined
          ? 'write `entry_point = "package.module:function"` under `[tool.flavor]`'
          : `write \`entry_point = "${formatEntryPoint(commands.get(only) as EntryPoint)}"\` under \`[tool.flavor]\``,
      ],
    },
  );
}
