// The original's releases as the other side of the tests: its command line, its three builders, its two launchers.
// Where they come from: __test__/fetch/oracle.mjs. Nothing here knows what is right; it runs and reports.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { ORACLE_VERSIONS, oracle, oracleAbsence } from '../fetch/oracle.mjs';

const witness = join(dirname(fileURLToPath(import.meta.url)), 'witness.py');

/** The releases asked; `npm run fetch` installs them. */
export const versions: readonly string[] = ORACLE_VERSIONS;
/** Why the original is not there, for the names of skipped suites. */
export const absence: string | undefined = oracleAbsence();

/** The seed that all packages of these tests are signed with; everybody knows its key. */
export const SEED = 'flavorpack-native interop suite';
/** The time that goes into packages. */
export const EPOCH = '1700000000';

/** How a command of the original's `flavor` ended. */
export interface Answer {
  readonly exit: number;
  readonly output: string;
}

/** One member of a tar file, as Python's tarfile reads it. */
export interface TarMember {
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'other';
  readonly mode: number;
  readonly sha256: string | null;
}

/** What the original's Python builder is told. */
export interface PythonBuild {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly slots: readonly Readonly<Record<string, string>>[];
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly output: string;
}

/** Which of the two native families. */
export type Family = 'rust' | 'go';

/** One release. */
export class Original {
  private readonly programs: ReturnType<typeof oracle>;

  constructor(readonly version: string) {
    this.programs = oracle(version);
    if (!existsSync(this.programs.python)) throw new Error(`flavorpack ${version} is not there; run \`npm run fetch\``);
  }

  launcher(family: Family): string {
    return family === 'rust' ? this.programs.rustLauncher : this.programs.goLauncher;
  }

  /** Runs commands of its `flavor` one after another in one process. */
  async flavor(...commands: readonly (readonly string[])[]): Promise<Answer[]> {
    return (await this.ask(commands.map((cli) => ({ cli })))) as Answer[];
  }

  /** Runs one command of its `flavor` as a process of its own. */
  async process(...args: readonly string[]): Promise<Answer> {
    using home = new Home();
    const result = await execa(this.programs.python, ['-m', 'flavor', ...args], {
      ...home.options,
      all: true,
    });
    return { exit: result.exitCode ?? -1, output: result.all };
  }

  /** Makes packages with its Python builder. */
  async buildWithPython(...builds: readonly PythonBuild[]): Promise<void> {
    const answers = await this.ask(builds.map((build) => ({ build: { ...build, seed: SEED } })));
    for (const answer of answers as { success: boolean; errors: string[] }[]) {
      if (!answer.success) throw new Error(`the Python builder ${this.version} failed: ${answer.errors.join('; ')}`);
    }
  }

  /** Reads tar files with Python's tarfile: neither our archiver nor the original's. */
  async untar(...files: readonly string[]): Promise<TarMember[][]> {
    return (await this.ask(files.map((untar) => ({ untar })))) as TarMember[][];
  }

  /** Starts a package under one of its launchers, on a machine that keeps the cache of `home`. */
  async start(file: string, args: readonly string[], home: string) {
    const env = { HOME: home, PATH: '/usr/bin:/bin', FLAVOR_LOG_LEVEL: 'error' };
    return execa(file, args, { env, extendEnv: false, reject: false, cwd: home, stdin: 'ignore' });
  }

  /** Asks the launcher in a package for one of its own tools. */
  async startAsTool(file: string, args: readonly string[], home: string) {
    const env = { HOME: home, PATH: '/usr/bin:/bin', FLAVOR_LOG_LEVEL: 'error', FLAVOR_LAUNCHER_CLI: '1' };
    return execa(file, args, { env, extendEnv: false, reject: false, cwd: home, stdin: 'ignore' });
  }

  /** Makes a package with a native builder; paths in the manifest are relative to `folder`. */
  async build(family: Family, folder: string, manifest: string, launcher: string, output: string): Promise<void> {
    using home = new Home();
    const program = family === 'rust' ? this.programs.rustBuilder : this.programs.goBuilder;
    const args = ['--manifest', manifest, '--output', output, '--launcher-bin', launcher];
    await execa(program, [...args, '--key-seed', SEED, '--log-level', 'error'], {
      ...home.options,
      reject: true,
      cwd: folder,
      env: { ...home.options.env, SOURCE_DATE_EPOCH: EPOCH },
    });
  }

  private async ask(requests: readonly object[]): Promise<unknown[]> {
    using home = new Home();
    const file = join(home.folder, 'answers.json');
    const result = await execa(this.programs.python, [witness, file], {
      ...home.options,
      input: JSON.stringify(requests),
      env: { ...home.options.env, SOURCE_DATE_EPOCH: EPOCH },
    });
    if (result.exitCode !== 0) throw new Error(`flavorpack ${this.version} ended badly: ${result.stderr}`);
    return JSON.parse(readFileSync(file, 'utf8')) as unknown[];
  }
}

/** A home folder of one run, so that no run leaves anything and none sees another's. */
class Home {
  readonly folder = mkdtempSync(join(tmpdir(), 'flavor-original-'));

  get options() {
    return {
      env: { HOME: this.folder, PATH: '/usr/bin:/bin', PYTHONDONTWRITEBYTECODE: '1', FLAVOR_LOG_LEVEL: 'error' },
      extendEnv: false,
      reject: false,
      cwd: this.folder,
      stdin: 'pipe',
    } as const;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
