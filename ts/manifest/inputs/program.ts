/**
 * What runs, as a caller says it for this build: `module:function`, a module for `python -m`, a file of a folder, or the name of a
 * command. It wins over what the manifest says.
 */

import { join } from 'node:path';

import { FlavorError } from '../../errors.js';
import { isFile } from '../../presence.js';
import { parseEntryPoint } from '../names.js';
import type { ProjectManifest } from '../project-manifest.js';
import { COMMAND_NAME_PATTERN } from '../schema-words.js';

/** A caller's wish. */
export interface ProgramChoice {
  /** `module:function`, `module`, or a file of a folder with requirements.txt. */
  readonly entryPoint?: string | undefined;
  /** Name of a command, such as a console script. */
  readonly script?: string | undefined;
}

/** The manifest with what the caller wants to run. */
export async function withProgram(
  manifest: ProjectManifest,
  { entryPoint, script }: ProgramChoice,
): Promise<ProjectManifest> {
  if (entryPoint !== undefined && script !== undefined) {
    throw new FlavorError('ERR_FLAVOR_OPTION', '`--entry-point` and `--script` were given', {
      hints: ['give only one of them'],
    });
  }
  if (script !== undefined) {
    if (!COMMAND_NAME_PATTERN.test(script)) throw refused('--script', script, 'give the name of a console script');
    return { ...manifest, main: undefined, entryPoint: undefined, defaultCommand: script };
  }
  if (entryPoint === undefined) return manifest;
  const entry = parseEntryPoint(entryPoint);
  const chosen = { ...manifest, defaultCommand: undefined, entryPoint: entry, main: undefined };
  if (entry !== undefined) return chosen;
  const { folder, input } = manifest;
  const path = entryPoint.replace(/^\.\//, '');
  const isInside = !path.startsWith('/') && !path.split('/').includes('..');
  if (input.kind === 'folder' && isInside && path.endsWith('.py') && (await isFile(join(folder, path)))) {
    return { ...chosen, main: { kind: 'file', path } };
  }
  if (!/^[^\W\d]\w*(\.[^\W\d]\w*)*$/.test(entryPoint) || /\.py$/.test(entryPoint)) {
    throw refused(
      '--entry-point',
      entryPoint,
      `give \`module:function\`, or a module${input.kind === 'folder' ? ' or a file of the folder' : ''} to run`,
    );
  }
  return { ...chosen, main: { kind: 'module', module: entryPoint } };
}

function refused(option: string, value: string, hint: string): FlavorError {
  return new FlavorError('ERR_FLAVOR_OPTION', `\`${option}\` names nothing that could run: ${JSON.stringify(value)}`, {
    hints: [hint],
  });
}
