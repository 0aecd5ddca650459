// `npm run setup`: from a clean clone to a built tree with everything fetched. Installs and builds only what
// is stale, so a second run takes seconds. Needs Node, Rust, Go and Python, and nothing else.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, run } from './steps.mjs';

/** What must be there, how to ask for it, and where newcomers get it. */
const TOOLS = [
  { program: 'cargo', args: ['--version'], name: 'Rust' },
  { program: 'go', args: ['version'], name: 'Go' },
  { program: process.platform === 'win32' ? 'python' : 'python3', args: ['--version'], name: 'Python' },
];

/** Makes the tree ready; resolves to whether all went well. */
export async function setup() {
  return checkTools() && (await install()) && (await build()) && (await fetch());
}

function checkTools() {
  const missing = TOOLS.filter(({ program, args }) => spawnSync(program, args).status !== 0);
  for (const { program, name } of missing) {
    console.error(`setup: error: ${name} is needed, and \`${program}\` does not run; install ${name}`);
  }
  return missing.length === 0;
}

async function install() {
  const lock = createHash('sha256')
    .update(readFileSync(path.join(ROOT, 'package-lock.json')))
    .digest('hex');
  const marker = path.join(ROOT, 'node_modules', '.installed-lock');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === lock) return true;
  // The npm that started this script, else the one on PATH.
  const npm = process.env.npm_execpath;
  const [program, ...first] = npm?.endsWith('js') ? [process.execPath, npm] : ['npm'];
  const args = [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code } = await run('install packages (npm ci)', program, args);
  if (code === 0) writeFileSync(marker, lock);
  return code === 0;
}

async function build() {
  const { code } = await run('build launcher, builder, addon and TypeScript', 'cargo', ['xtask', 'build']);
  return code === 0;
}

async function fetch() {
  const script = path.join('__test__', 'fetch', 'fetch.mjs');
  const { code } = await run('fetch uv, runtimes and wheels', process.execPath, [script]);
  return code === 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = (await setup()) ? 0 : 1;
}
