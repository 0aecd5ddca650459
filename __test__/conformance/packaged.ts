// What the conformance tests share: one package of the probe fixture per run (packed by `setup.ts`), private
// caches, and starts as the user of this session and, when that is root, also as an unprivileged one.

import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    probePackage: string;
    /** What `pack --json` printed when it made the probe. */
    probeResult: { readonly stdout: string; readonly stderr: string };
    wheels: string;
  }
}

/** Somebody who starts a package. */
export interface User {
  readonly name: string;
  readonly uid?: number;
  readonly gid?: number;
}

const NOBODY = 65534;

/** The user of this session and, when that is root, an unprivileged one. */
export const users: readonly User[] =
  process.getuid?.() === 0
    ? [{ name: 'root' }, { name: 'an unprivileged user', uid: NOBODY, gid: NOBODY }]
    : [{ name: 'the user' }];

/** A user's machine: a home, a cache that nothing has used, and a copy of the package. */
export class Machine {
  readonly root: string;
  readonly home: string;
  readonly package: string;

  constructor(
    readonly user: User = users[0] as User,
    name = 'probe.psp',
    source = inject('probePackage'),
  ) {
    this.root = mkdtempSync(join(tmpdir(), 'flavor conformance '));
    chmodSync(this.root, 0o755);
    this.home = join(this.root, 'home');
    mkdirSync(this.home);
    const apps = join(this.root, 'apps');
    mkdirSync(apps);
    this.package = join(apps, name);
    cpSync(source, this.package);
    chmodSync(this.package, 0o755);
    for (const path of [this.root, this.home, apps, this.package]) this.own(path);
  }

  /** Gives a path to the machine's user. */
  own(path: string): void {
    if (this.user.uid !== undefined && this.user.gid !== undefined) chownSync(path, this.user.uid, this.user.gid);
  }

  /** Where slots are unpacked on this machine. */
  get slots(): string {
    return join(this.home, '.cache', 'flavor', 'v1', 'slots');
  }

  /** Starts a file with nothing in its environment but HOME, PATH and what is given. */
  start(args: readonly string[] = [], { env = {}, file = this.package, ...options }: Options & { file?: string } = {}) {
    const { uid, gid } = this.user;
    return execa(file, args, {
      env: { HOME: this.home, PATH: '/usr/bin:/bin', ...env },
      extendEnv: false,
      reject: false,
      cwd: this.root,
      stripFinalNewline: true,
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...options,
    });
  }

  /** Runs a Python script inside the package. */
  python(script: string, args: readonly string[] = [], options: Options = {}) {
    const file = join(this.root, `script-${createHash('sha256').update(script).digest('hex').slice(0, 8)}.py`);
    writeScript(file, script);
    this.own(file);
    return this.start(['run', file, ...args], options);
  }

  /** What the probe reports. */
  async report(args: readonly string[] = [], options: Options & { file?: string } = {}): Promise<Report> {
    const result = await this.start(args, options);
    if (result.exitCode !== 0) throw new Error(`the probe ended with ${result.exitCode}: ${String(result.stderr)}`);
    return JSON.parse(String(result.stdout)) as Report;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** The probe's report. */
export interface Report {
  readonly arguments: string[];
  readonly program: string;
  readonly executable: string;
  readonly prefix: string;
  readonly base_prefix: string;
  readonly version: number[];
  readonly path: string[];
  readonly directory: string;
  readonly environment: Record<string, string>;
  readonly unbuffered: boolean;
}

/** One digest over names, kinds, modes and contents of everything below a folder. */
export function treeDigest(folder: string): string {
  const hash = createHash('sha256');
  const walk = (path: string): void => {
    const stat = lstatSync(path);
    hash.update(`${path.slice(folder.length)}\0${stat.mode}\0`);
    if (stat.isSymbolicLink()) hash.update(readlinkSync(path));
    else if (stat.isDirectory()) for (const name of readdirSync(path).sort()) walk(join(path, name));
    else hash.update(readFileSync(path));
  };
  walk(folder);
  return hash.digest('hex');
}

function writeScript(file: string, script: string): void {
  const lines = script.split('\n').filter((line, index) => line.trim() !== '' || index > 0);
  const indent = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  writeFileSync(file, `${lines.map((line) => line.slice(indent)).join('\n')}\n`);
}
