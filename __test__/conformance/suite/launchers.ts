// The launchers that the cases are run against, and the two programs that they need.

import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execaSync } from 'execa';
import { ARCH, OS } from './packages.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A launcher file, and what the reports call it. */
export interface Launcher {
  readonly name: string;
  readonly path: string;
}

/** The launcher that FLAVOR_TEST_LAUNCHER names, else all built ones for this machine. */
export function launchers(): Launcher[] {
  const named = process.env['FLAVOR_TEST_LAUNCHER'];
  if (named !== undefined && named !== '') return [{ name: basename(named), path: named }];
  const folder = join(root, 'dist', 'launchers');
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
    launchers: { kind: string; target: string; path: string }[];
  };
  // One file may serve several targets.
  const here = index.launchers.filter(
    ({ path, target }, at, all) =>
      target.startsWith(`${OS}_${ARCH}`) && all.findIndex((other) => other.path === path) === at,
  );
  const built = here.map(({ kind, target, path }) => ({ name: `${kind} ${target}`, path: join(folder, path) }));
  return here.some(({ kind }) => kind === 'go') ? built : [...built, goLauncher()];
}

/** The Go launcher, built from its module where `dist` has none. Go itself knows whether that is up to date. */
function goLauncher(): Launcher {
  const output = join(root, 'target', 'conformance', 'flavor-go-launcher');
  const staged = `${output}.${process.pid}`;
  mkdirSync(dirname(output), { recursive: true });
  const flags = '-s -w -buildid= -E flavorpack-native/launchers/go/internal/process.entry';
  execaSync('go', ['build', '-trimpath', '-ldflags', flags, '-o', staged, './cmd/flavor-go-launcher'], {
    cwd: join(root, 'launchers', 'go'),
    env: { CGO_ENABLED: '0' },
    stdio: 'inherit',
  });
  renameSync(staged, output);
  return { name: `go ${OS}_${ARCH}`, path: output };
}

/** The compiled probe and stage; compiled if their source is newer. */
export function programs(): { probe: string; stage: string } {
  return { probe: compiled('probe'), stage: compiled('stage') };
}

function compiled(name: string): string {
  const source = join(root, 'launchers', 'rust', 'examples', `${name}.rs`);
  const output = join(root, 'target', 'conformance', name);
  if (existsSync(output) && statSync(output).mtimeMs > statSync(source).mtimeMs) return output;
  mkdirSync(dirname(output), { recursive: true });
  const staged = `${output}.${process.pid}`;
  const flags = ['-C', 'opt-level=s', '-C', 'panic=abort', '-C', 'strip=symbols', '-C', 'target-feature=+crt-static'];
  execaSync('rustc', ['--edition', '2024', ...flags, '-o', staged, source], { stdio: 'inherit' });
  chmodSync(staged, 0o755);
  renameSync(staged, output);
  return output;
}
