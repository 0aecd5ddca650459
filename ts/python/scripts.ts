/**
 * The scripts of a work environment, and the options that its interpreter is started with.
 *
 * A script is for the kernel a program of `sh`, because paths with blanks and long ones are no shebang, and for Python
 * a module with a string at its top (python-environments.md 6). Its interpreter is named by the absolute path of the
 * work environment, so that it works through any link and from any folder; a moved cache makes environments anew.
 */

import { FlavorError } from '../errors.js';
import type { PythonSettings } from '../manifest/project-manifest.js';
import type { CommandEntry } from './commands.js';
import { type InstalledRuntime, knowsSafePath } from './session.js';

/** How the packaged interpreter is started. */
export interface Interpreter {
  /** Options, in their order. */
  readonly flags: readonly string[];
  /** Whether it puts the folder of the script in front of sys.path, which then has to go. */
  readonly addsScriptFolder: boolean;
}

/** The line of a script on which Python begins. */
export const FIRST_PYTHON_LINE = 4;

/** Options as the manifest wants them. */
export function interpreterOf(runtime: InstalledRuntime, python: PythonSettings, manifestFile: string): Interpreter {
  const safePath = knowsSafePath(runtime);
  // Where both have quotes of the shell around them, a script could end up with another option.
  const unfit = python.flags.find((flag) => /["$`\\'\n\r\0]/.test(flag) || flag === '');
  if (unfit !== undefined) {
    throw new FlavorError(
      'ERR_FLAVOR_MANIFEST',
      `\`tool.flavor.python.flags\` has an option that no script can hold: ${JSON.stringify(unfit)}`,
      { path: manifestFile, hints: ['options have no quotes, backslashes, `$` and line breaks'] },
    );
  }
  return {
    flags: [
      ...(python.isolated ? ['-I'] : safePath ? ['-s', '-P'] : ['-s']),
      ...(python.optimize === 0 ? [] : [python.optimize === 1 ? '-O' : '-OO']),
      ...python.flags,
    ],
    addsScriptFolder: !safePath && !python.isolated,
  };
}

/**
 * Options for a file that runs as `python FILE` would: its folder is in front of sys.path, so that what lies beside can be
 * imported.
 */
export function flagsForFile({ flags }: Interpreter): readonly string[] {
  return flags.filter((flag) => flag !== '-P');
}

/** A script that calls a function. */
export function script(entry: CommandEntry, interpreter: Interpreter): string {
  const flags = interpreter.flags.map((flag) => (/^[\w.,:=+-]+$/.test(flag) ? flag : `"${flag}"`)).join(' ');
  return [
    '#!/bin/sh',
    `'''exec' "{workenv}/bin/python" ${flags} "$0" "$@"`,
    `' '''`,
    ...pythonLines(entry, interpreter),
  ].join('\n');
}

/** What a script does once Python runs it. */
export function pythonLines({ module, attribute, finishes = false }: CommandEntry, interpreter: Interpreter): string[] {
  const [first] = attribute.split('.');
  return [
    'import sys',
    // Whoever passes `-S` on to a child that runs this file again gets what the program has itself.
    "if sys.flags.no_site: __import__('site').main()",
    ...(interpreter.addsScriptFolder ? ["if __name__ == '__main__': del sys.path[0]"] : []),
    `from ${module} import ${first}`,
    "if __name__ == '__main__':",
    ...(finishes ? finishing(attribute) : [`    sys.exit(${attribute}())`]),
    '',
  ];
}

/** For functions that are no console scripts and may return more than an exit code, such as an application. */
function finishing(attribute: string): string[] {
  return [
    `    result = ${attribute}()`,
    '    if not (result is None or isinstance(result, (int, str))):',
    '        from flavor_runtime import _result',
    '        result = _result.finish(result)',
    '    sys.exit(result)',
  ];
}
