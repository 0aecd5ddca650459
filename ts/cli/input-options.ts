/** What commands that build are told about what they build from. */

import { Argument, Option } from 'commander';

/** What is packed. */
export function inputArgument(): Argument {
  return new Argument(
    '[input]',
    "a project's folder, a script, a folder with requirements.txt, or a wheel (default: the manifest)",
  );
}

/** Where its settings are. */
export function manifestOption(): Option {
  return new Option(
    '-m, --manifest <path>',
    'pyproject.toml or its folder (default: the working folder); for another input, a file with its [tool.flavor]',
  );
}
