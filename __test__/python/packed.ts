// Small projects that a test writes down where it needs them, packed by the library with the pinned inputs.

import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PackResult, pack } from '../../dist/index.js';
import { type TinyWheel, writeFiles, writeWheel } from '../cli/tiny-projects.js';

/** A project, by what differs from one test to the next. */
export interface Project {
  readonly name: string;
  /** Minor version of Python. */
  readonly python: string;
  /** Files of the project folder besides pyproject.toml. */
  readonly files: Readonly<Record<string, string>>;
  readonly dependencies?: readonly string[];
  /** Commands: name and `module:function`. */
  readonly scripts?: Readonly<Record<string, string>>;
  /** Further tables of pyproject.toml. */
  readonly toml?: string;
  /** Wheels to find besides the pinned ones. */
  readonly wheels?: readonly TinyWheel[];
}

/** A packed project, in a folder that goes with it. */
export interface Packed extends Disposable {
  readonly folder: string;
  readonly package: string;
  readonly result: PackResult;
  readonly warnings: readonly string[];
  /** What each stage said at its end. */
  readonly stages: Readonly<Record<string, string>>;
}

/** Packs a project. */
export async function packProject(project: Project): Promise<Packed> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `flavor-${project.name}-`)));
  const source = join(folder, 'project');
  const wheels = join(folder, 'wheels');
  mkdirSync(wheels);
  for (const wheel of project.wheels ?? []) writeWheel(wheels, wheel);
  writeFiles(source, { 'pyproject.toml': manifest(project), ...project.files });
  const warnings: string[] = [];
  const stages: Record<string, string> = {};
  const dispose = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const result = await pack({
      manifest: source,
      output: join(folder, `${project.name}.psp`),
      level: 3,
      environment: { ...process.env, UV_FIND_LINKS: `${process.env.UV_FIND_LINKS},${wheels}` },
      onProgress: (event) => {
        if (event.type === 'warning') warnings.push(event.message);
        if (event.type === 'stage' && event.state === 'done') stages[event.stage] = event.detail;
      },
    });
    const [output] = result.outputs;
    if (output === undefined) throw new Error('nothing was packed');
    return { folder, package: output.path, result, warnings, stages, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** The module by which a packed project runs whatever script it is given: `run FILE args…`. */
export const RUN = `
import sys

def main():
    sys.argv = sys.argv[2:]
    with open(sys.argv[0], encoding="utf-8") as script:
        exec(compile(script.read(), sys.argv[0], "exec"), {"__name__": "__main__"})
    return 0
`;

function manifest({ name, python, dependencies = [], scripts = {}, toml = '' }: Project): string {
  return [
    '[project]',
    `name = "${name}"`,
    'version = "1.0"',
    `requires-python = ">=3.9"`,
    `dependencies = ${JSON.stringify(dependencies)}`,
    '[project.scripts]',
    ...Object.entries(scripts).map(([command, entry]) => `"${command}" = "${entry}"`),
    '[build-system]',
    'requires = ["hatchling"]',
    'build-backend = "hatchling.build"',
    '[tool.hatch.build.targets.wheel]',
    `packages = ["src/${name}"]`,
    '[tool.flavor]',
    `python_version = "${python}"`,
    toml,
  ].join('\n');
}
