// The newest release of the original, packing a Python project offline.
//
// It gets its interpreter, its wheels and the uv that it puts into packages from pip and uv, and hands no variable on to
// them, so that the runtime mirror and the pinned wheels are named in their configuration files, in a home of its own.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { metadataFile } from '../fetch/mirror.mjs';
import { ORACLE_VERSIONS, oracle, oracleAbsence, oracleWheelsDirectory } from '../fetch/oracle.mjs';
import { wheelsDirectory } from '../fetch/wheels.mjs';

const [NEWEST] = ORACLE_VERSIONS;

/** The original with a home folder, in which it keeps its caches. */
export class Original {
  /** Why it cannot run here, or undefined. */
  static absence() {
    const missing = existsSync(oracle(NEWEST).python) ? undefined : `flavorpack ${NEWEST} is not there`;
    return oracleAbsence() ?? missing;
  }

  constructor(home) {
    this.home = home;
    this.output = path.join(home, 'packed.psp');
    const python = oracle(NEWEST).python;
    this.python = python;
    this.environment = { HOME: home, PATH: `${path.dirname(python)}:/usr/bin:/bin`, FLAVOR_LOG_LEVEL: 'error' };
    const folders = [wheelsDirectory(), oracleWheelsDirectory()];
    this.#configure('uv', 'uv.toml', [
      `python-downloads-json-url = ${JSON.stringify(metadataFile())}`,
      'no-index = true',
      `find-links = ${JSON.stringify(folders)}`,
    ]);
    this.#configure('pip', 'pip.conf', [
      '[global]',
      'no-index = true',
      'find-links =',
      ...folders.map((folder) => `    ${folder}`),
    ]);
  }

  /** Its `flavor pack`; it leaves folders in the project. */
  packCommand(project) {
    const manifest = path.join(project, 'pyproject.toml');
    const options = ['--key-seed', 'benchmark, not a secret', '--manifest', manifest, '--output', this.output];
    return [this.python, '-m', 'flavor', 'pack', ...options];
  }

  /** Starts the package; what it prints. */
  start(args) {
    const env = { HOME: this.home, PATH: '/usr/bin:/bin', FLAVOR_LOG_LEVEL: 'error' };
    return execFileSync(this.output, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  }

  #configure(program, name, lines) {
    const folder = path.join(this.home, '.config', program);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, name), `${lines.join('\n')}\n`);
  }
}
