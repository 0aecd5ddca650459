/**
 * The scripts of a work environment on Windows: a file of Python, and a batch file that starts it, in the folder of the
 * interpreter, and a second batch file in the folder that goes in front of PATH. Batch files, because a program of its
 * own for each script would be a binary of somebody else's in every package.
 */

import type { CommandEntry } from './commands.js';
import { type Interpreter, pythonLines } from './scripts.js';

/** Ending of the Python file of a script. */
const PYTHON_ENDING = '-script.py';

/** Name of the Python file of a script. */
export function windowsScriptName(name: string): string {
  return `${name}${PYTHON_ENDING}`;
}

/** The Python file of a script that calls a function. */
export function windowsScript(entry: CommandEntry, interpreter: Interpreter): string {
  const [first = '', ...others] = pythonLines(entry, interpreter);
  const shown = `if sys.argv[0].endswith('${PYTHON_ENDING}'): sys.argv[0] = sys.argv[0][:-${PYTHON_ENDING.length}]`;
  return [first, shown, ...others].join('\n');
}

/** The batch file of a script; `programs` leads from its folder to that of the interpreter, with a `\` at its end. */
export function windowsStarter(name: string, { flags }: Interpreter, programs: string): string {
  const words = flags.map((flag) => (/^[\w.,:=+-]+$/.test(flag) ? flag : `"${flag.replaceAll('%', '%%')}"`));
  const file = (path: string): string => `"%~dp0${programs}${path}"`;
  return `@${[file('python.exe'), ...words, file(windowsScriptName(name))].join(' ')} %*\r\n`;
}
