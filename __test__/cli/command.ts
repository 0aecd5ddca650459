// Runs the built `flavor` as a user would, and makes what it prints comparable: folders of the test become names.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** Root of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const program = join(root, 'bin/flavor.mjs');

/** For specs that are about a first build: builds keep what they make in the folder of the test. */
export function withoutSharedBuildCache(): void {
  process.env['FLAVOR_BUILD_CACHE'] = '';
}

/** How a command ended. */
export interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of one test, and commands that run in it. */
export class Workshop {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'flavor-cli-')));

  /** Writes a file below the folder; returns its path. */
  write(path: string, content: string | Uint8Array): string {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  /** Runs `flavor`; folders and digests in its output are replaced by names. */
  async flavor(
    args: readonly string[],
    options: { env?: Record<string, string>; input?: string } = {},
  ): Promise<Ended> {
    const result = await execa(process.execPath, [program, ...args], {
      cwd: this.folder,
      reject: false,
      stripFinalNewline: false,
      env: {
        FLAVOR_CACHE: join(this.folder, 'cache'),
        FLAVOR_SEED: undefined,
        FLAVOR_KEY_SEED: undefined,
        TMPDIR: this.scratch(),
        ...options.env,
      },
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    });
    return { exitCode: result.exitCode, stdout: this.clean(result.stdout), stderr: this.clean(result.stderr) };
  }

  /** The folder for temporary files of the commands. */
  scratch(): string {
    const folder = join(this.folder, 'tmp');
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private clean(text: string): string {
    return text
      .replaceAll(this.folder, '<folder>')
      .replaceAll(root, '<root>')
      .replaceAll(/\b[0-9a-f]{64}\b/g, '<sha256>');
  }
}

/** A pyproject.toml of a project that builds with hatchling. */
export function manifest(parts: { project?: string; flavor?: string } = {}): string {
  return `[project]
name = "sample"
version = "1.0.0"
requires-python = ">=3.11"
${parts.project ?? 'dependencies = []'}

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.flavor]
${parts.flavor ?? 'entry_point = "sample:main"'}
`;
}
