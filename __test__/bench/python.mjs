// Python projects: packages of `flavor pack` beside what the same project costs without a packager and with the original.
//
// A start is compared with that of the project's command in a virtual environment, as uv installs it from the same wheels
// under the same interpreter (the mirror's archive, nothing trimmed, bytecode of everything there). Packing is compared with
// the original's `flavor pack` (see original.mjs) of the same project with the same interpreter version, ours without a build cache; where it cannot
// run, those two rows are left out, and the output says so. Its packing is most of the time that this file takes, a minute
// or more for each of four runs.

import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { offlineEnvironment } from '../fetch/environment.mjs';
import { ORACLE_PYTHON } from '../fetch/oracle.mjs';
import { wheelsDirectory } from '../fetch/wheels.mjs';
import { ROOT } from '../steps.mjs';
import { Original } from './original.mjs';
import { median, times } from './stopwatch.mjs';
import { warmed } from './warm.mjs';

/** How often each pair is measured. */
const ROUNDS = { hello: 300, cli: 60, cold: 9, pack: 3, again: 5 };
const HELLO = { fixture: 'hello-world', command: 'hello-world', args: [] };
/** Imports click and rich, and prints with both. */
const CLI = { fixture: 'seed-mytool', command: 'mytool', args: ['greet'] };

/** Adds the rows of this file; `rounds` is for trying it. */
export async function python({ scratch, store, stopwatch, table, rounds = ROUNDS }) {
  const folder = path.join(scratch, 'python');
  mkdirSync(folder);
  const env = { HOME: scratch, PATH: '/usr/bin:/bin', FLAVOR_CACHE: path.join(store, 'python') };
  const { HOME, PATH, TMPDIR = tmpdir() } = process.env;
  const tools = { HOME, PATH, TMPDIR, ...(await offlineEnvironment()), FLAVOR_CACHE: path.join(folder, 'cache') };
  const bench = { folder, store, stopwatch, table, rounds, env, tools };

  for (const [version, target] of [
    ['3.11', 0.88],
    ['3.14', 0.83],
  ]) {
    const { bare, packaged } = await both(bench, HELLO, version);
    const [ours, theirs] = times(stopwatch, rounds.hello, env, [packaged, bare]);
    const what = `warm start of hello-world on CPython ${version}, by its virtual environment`;
    add(table, what, ours, theirs, target, rounds.hello);
  }
  const cli = await both(bench, CLI, '3.14');
  const [ours, theirs] = times(stopwatch, rounds.cli, env, [cli.packaged, cli.bare]);
  add(table, 'warm start of the CLI project, by its virtual environment', ours, theirs, 0.98, rounds.cli);
  cold(bench, cli);
  again(bench);
  await packing(bench);
}

/** The first start, in a store of its own each time; a shell makes it, for both alike. */
function cold({ store, stopwatch, table, rounds, env }, { bare, packaged }) {
  const fresh = (command) => [
    ...['/bin/sh', '-c', `d=$(mktemp -d "${store}/first.XXXXXX") && FLAVOR_CACHE="$d" exec "$@"`, 'sh'],
    ...command,
  ];
  const [ours, theirs] = times(stopwatch, rounds.cold, env, [fresh(packaged), fresh(bare)]);
  const what = 'first start of the CLI project, by a start of its virtual environment';
  add(table, what, ours, theirs, 2, rounds.cold);
}

/** The user's second pack: one file of the application changed since the first, which found an empty build cache. */
function again({ folder, table, rounds, tools }) {
  const project = copyOf(folder, HELLO.fixture, 'to-pack-again');
  const file = path.join(project, 'src', 'hello_world', '__init__.py');
  const build = path.join(folder, 'build');
  const [program, ...args] = packCommand(project, path.join(folder, 'again.psp'), '3.14');
  const packed = () => {
    const begin = performance.now();
    const env = { ...tools, FLAVOR_BUILD_CACHE: build };
    execFileSync(program, without(args, '--no-cache'), { env, stdio: ['ignore', 'ignore', 'inherit'] });
    return performance.now() - begin;
  };
  const [first, second] = [[], []];
  for (let round = 0; round < rounds.again; round++) {
    rmSync(build, { recursive: true, force: true });
    first.push(packed());
    appendFileSync(file, `\n# ${round}\n`);
    second.push(packed());
  }
  const what = 'packing hello-world again after a change of one file, by the first time';
  add(table, what, { ms: second }, { ms: first }, 0.25, rounds.again);
}

function without(words, word) {
  return words.filter((candidate) => candidate !== word);
}

async function packing({ folder, stopwatch, table, rounds, tools }) {
  const absence = Original.absence();
  if (absence !== undefined) return console.log(`no rows of packing: ${absence}`);
  const original = new Original(path.join(folder, 'original'));
  const project = copyOf(folder, CLI.fixture, 'to-pack');
  const output = path.join(folder, 'packed.psp');
  const ours = packCommand(project, output, ORACLE_PYTHON);
  const theirs = original.packCommand(copyOf(folder, CLI.fixture, 'to-pack-by-the-original'));
  // With caches that are warm, and only if what comes out runs.
  execFileSync(ours[0], ours.slice(1), { env: tools, stdio: ['ignore', 'ignore', 'inherit'] });
  execFileSync(theirs[0], theirs.slice(1), { env: original.environment, stdio: 'ignore' });
  const printed = original.start(CLI.args);
  if (!printed.includes('Hello, world!')) throw new Error(`the original's package does not work: ${printed}`);
  const variables = (env) => Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const within = (env, command) => ['/usr/bin/env', '-i', ...variables(env), ...command];
  const [mine, others] = times(stopwatch, rounds.pack, {}, [within(tools, ours), within(original.environment, theirs)]);
  add(table, `packing the CLI project on CPython ${ORACLE_PYTHON}, by the original`, mine, others, 0.25, rounds.pack);
  const [size, yardstick] = [statSync(output).size, statSync(original.output).size];
  const how = `${(size / 1e6).toFixed(1)} MB against ${(yardstick / 1e6).toFixed(1)} MB`;
  table.add('size of that package, by that of the original', size / yardstick, 0.5, how);
}

/** Commands that start the package and the same program in a virtual environment; both have been started before. */
async function both({ folder, store, env, tools }, { fixture, command, args }, version) {
  const name = `${fixture}-${version}`;
  const project = copyOf(folder, fixture, name);
  const output = path.join(folder, `${name}.psp`);
  const [program, ...rest] = packCommand(project, output, version);
  execFileSync(program, rest, { env: tools, stdio: ['ignore', 'ignore', 'inherit'] });

  // Beside the store: on the same file system.
  const place = path.join(store, 'environments');
  const virtual = path.join(place, name);
  const uv = (...words) =>
    execFileSync(tools.FLAVOR_UV, [...words, '--quiet', '--no-cache'], {
      env: { ...tools, UV_PYTHON_INSTALL_DIR: path.join(place, 'python'), UV_PYTHON_INSTALL_BIN: '0' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  uv('python', 'install', version);
  uv('venv', '--no-project', '--python-preference', 'only-managed', '--python', version, virtual);
  const interpreter = path.join(virtual, 'bin', 'python');
  // uv has no variable that says what `--no-index` says.
  const pinned = ['--offline', '--no-index', '--find-links', wheelsDirectory()];
  uv('pip', 'install', ...pinned, '--compile-bytecode', '--link-mode', 'copy', '--python', interpreter, project);
  // The standard library's as well.
  const library = execFileSync(interpreter, ['-c', 'import os; print(os.path.dirname(os.__file__))'], {
    encoding: 'utf8',
  });
  execFileSync(interpreter, ['-m', 'compileall', '-q', '-x', '/(test|lib2to3)/', library.trim()], { stdio: 'ignore' });

  const [packaged, bare] = [
    [output, ...args],
    [path.join(virtual, 'bin', command), ...args],
  ];
  await warmed(output, env, { args });
  execFileSync(bare[0], args, { env, stdio: 'ignore' });
  return { packaged, bare };
}

function packCommand(project, output, version) {
  const program = [
    process.execPath,
    path.join(ROOT, 'bin', 'flavor.mjs'),
    'pack',
    '--quiet',
    '--no-cache',
    '--python',
    version,
  ];
  return [...program, '--key-seed', 'benchmark, not a secret', '--manifest', project, '--output', output];
}

function copyOf(folder, fixture, name) {
  const project = path.join(folder, name);
  cpSync(path.join(ROOT, '__test__', 'fixtures', fixture), project, { recursive: true });
  return project;
}

function add(table, what, ours, theirs, target, rounds) {
  const [one, other] = [median(ours.ms), median(theirs.ms)];
  const how = `${one.toFixed(2)} ms against ${other.toFixed(2)} ms, medians of ${rounds} pairs`;
  table.add(what, one / other, target, how);
}
