// The builders that can write the packages of the suites: the core through the addon, which is what `flavor` calls, and the
// programs that ship beside it.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type * as Binding from '../../../dist/binding.cjs';
import { ARCH, OS } from './packages.js';

const { assemble } = createRequire(import.meta.url)('../../../dist/binding.cjs') as typeof Binding;
const folder = fileURLToPath(new URL('../../../dist/launchers', import.meta.url));
const REFUSED = 'ERR_FLAVOR_PLAN';

/** One package to be written. */
export interface Order {
  /** The manifest of FORMAT.md §15, as JSON. */
  readonly plan: string;
  readonly output: string;
  /** File to embed. */
  readonly launcher: string;
  readonly seed: string;
  /** Seconds since 1970. */
  readonly time?: number;
}

/** Writes packages. */
export interface Builder {
  readonly name: string;
  /** Whether the package was written; a plan that the builder refuses is none. Anything else that goes wrong is thrown. */
  build(order: Order): Promise<boolean>;
}

/** The core in Rust, called as `flavor` calls it. */
export const addon: Builder = {
  name: 'rust core',
  async build({ plan, output, launcher, seed, time }) {
    const request = {
      manifestJson: plan,
      output,
      launcherPath: launcher,
      level: 3,
      key: { source: 'seed', seed },
      ...(time === undefined ? {} : { sourceDateEpoch: time }),
    } as Binding.BindingAssembleRequest;
    const result = await assemble(request, null, null);
    if (!('isBindingFailure' in result)) return true;
    if (result.code === REFUSED) return false;
    throw new Error(`${output}: ${result.message} [${result.code}]`);
  },
};

/** The builder program of a kind for this machine. */
export function program(kind: 'rust' | 'go'): Builder {
  const { builders } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
    builders: { kind: string; target: string; path: string }[];
  };
  const found = builders.find((entry) => entry.kind === kind && entry.target.startsWith(`${OS}_${ARCH}`));
  if (found === undefined) throw new Error(`there is no ${kind} builder; run \`npm run setup\``);
  const file = join(folder, found.path);
  return {
    name: `${kind} builder`,
    async build({ plan, output, launcher, seed, time }) {
      const manifest = `${output}.json`;
      writeFileSync(manifest, plan);
      const args = ['--manifest', manifest, '--output', output, '--launcher-bin', launcher, '--key-seed', seed];
      const env = time === undefined ? {} : { SOURCE_DATE_EPOCH: String(time) };
      const result = await execa(file, args, { cwd: dirname(output), env, extendEnv: false, reject: false });
      if (result.exitCode === 0) return true;
      if (result.stderr.includes(`[${REFUSED}]`)) return false;
      throw new Error(`${output}: ${result.stderr}`);
    },
  };
}
