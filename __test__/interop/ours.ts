// Our side: the built `flavor`, run as a user would.

import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const program = fileURLToPath(new URL('../../bin/flavor.mjs', import.meta.url));

/** How a command ended. */
export interface Ended {
  readonly exit: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of standard output, where `--json` was asked for. */
  json<T>(): T;
}

/** Runs `flavor`. */
export async function flavor(...args: readonly string[]): Promise<Ended> {
  return flavorIn(process.cwd(), {}, ...args);
}

/** Runs `flavor` in a folder, with more environment. */
export async function flavorIn(
  cwd: string,
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Ended> {
  const result = await execa(process.execPath, [program, ...args], {
    cwd,
    reject: false,
    stdin: 'ignore',
    env: { FLAVOR_SEED: undefined, FLAVOR_KEY_SEED: undefined, ...env },
  });
  const { exitCode: exit, stdout, stderr } = result;
  return { exit, stdout, stderr, json: <T>() => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T };
}

/** What `flavor verify --json` prints. */
export interface Verified {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
  readonly signer?: { readonly fingerprint: string };
}

/** What `flavor inspect --json` prints. */
export interface Inspected {
  readonly size_bytes: number;
  readonly launcher_size_bytes: number;
  readonly foreign: boolean;
  readonly signer: { readonly fingerprint: string };
  readonly slots: readonly {
    readonly index: number;
    readonly id: string;
    readonly offset: number;
    readonly stored_bytes: number;
    readonly operations: string;
  }[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The code at the end of an error line. */
export function codeOf({ stderr }: Ended): string | undefined {
  return /^flavor: error: .*\[(ERR_[A-Z0-9_]+)\]$/m.exec(stderr)?.[1];
}
