// `npm run demo`: a real Python project becomes one signed file that runs, is verified, and refuses to run
// when one byte of it is changed. Works on a copy in a temporary folder, with a cache of its own.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setup } from '../setup.mjs';
import { ROOT } from '../steps.mjs';

const FLAVOR = path.join(ROOT, 'bin', 'flavor.mjs');
const REFUSALS = [102, 103, 107];
const WARM_STARTS = 7;
const unexpected = [];

function title(text) {
  console.log(`\n━━ ${text}`);
}

function expect(what, holds, detail = '') {
  console.log(`${holds ? '✓' : '✗'} ${what}${holds || !detail ? '' : `: ${detail}`}`);
  if (!holds) unexpected.push(what);
}

/** Runs to the end; shows what it writes only with `show`. */
function start(program, args, { env, cwd, show = false } = {}) {
  const begun = performance.now();
  const stdio = show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'];
  const { status, signal, stdout, stderr } = spawnSync(program, args, { env, cwd, stdio });
  return {
    code: status ?? signal,
    stdout: stdout?.toString('utf8') ?? '',
    stderr: stderr?.toString('utf8') ?? '',
    ms: performance.now() - begun,
  };
}

async function demo(scratch) {
  const { offlineEnvironment } = await import('../fetch/environment.mjs');
  const builder = { ...process.env, ...(await offlineEnvironment()), FLAVOR_CACHE: path.join(scratch, 'builder') };
  const flavor = (...args) => [process.execPath, [FLAVOR, ...args]];

  title('1. A project with compiled dependencies: click, rich, httpx, pydantic');
  const project = path.join(scratch, 'project');
  cpSync(path.join(import.meta.dirname, 'project'), project, { recursive: true });
  console.log(readFileSync(path.join(project, 'pyproject.toml'), 'utf8').trimEnd());

  title('2. flavor pack');
  console.log('The interpreter comes from an offline mirror of real standalone CPythons, through the same');
  console.log('`uv python install` that every user gets; wheels come from a folder, so no network is needed.');
  const packed = start(...flavor('pack'), { env: builder, cwd: project, show: true });
  expect(`packed in ${(packed.ms / 1000).toFixed(1)} s`, packed.code === 0, `exit code ${packed.code}`);
  if (packed.code !== 0) return;

  title('3. flavor verify: every byte, before it goes to somebody else');
  const verified = start(...flavor('verify', path.join(project, 'dist', 'weathercard-1.2.0.psp')), {
    env: builder,
    show: true,
  });
  expect('verify exits 0', verified.code === 0, `exit code ${verified.code}`);

  title('4. The file alone, elsewhere, with an empty environment');
  const elsewhere = path.join(scratch, 'somebody else');
  mkdirSync(elsewhere);
  const file = path.join(elsewhere, 'weathercard.psp');
  renameSync(path.join(project, 'dist', 'weathercard-1.2.0.psp'), file);
  rmSync(project, { recursive: true });
  console.log(`${file}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  const user = { HOME: elsewhere, FLAVOR_CACHE: path.join(scratch, 'user'), LANG: 'C.UTF-8' };
  const cold = start(file, ['show', 'bergen'], { env: user });
  process.stdout.write(cold.stdout + cold.stderr);
  expect(`first start, which unpacks: ${cold.ms.toFixed(0)} ms`, cold.code === 0 && cold.stdout.includes('Bergen'));
  const warm = Array.from({ length: WARM_STARTS }, () => start(file, ['show', 'bergen'], { env: user }));
  const median = warm.map(({ ms }) => ms).sort((a, b) => a - b)[(WARM_STARTS - 1) / 2];
  const allRan = warm.every(({ code, stdout }) => code === 0 && stdout === cold.stdout);
  expect(
    `later starts, the program's own imports included: ${median.toFixed(0)} ms (median of ${WARM_STARTS})`,
    allRan,
  );

  title('5. It is the program: help, exit code, arguments');
  const help = start(file, ['--help'], { env: user });
  process.stdout.write(help.stdout + help.stderr);
  expect('--help is answered', help.code === 0 && help.stdout.includes('weathercard'));
  const unknown = start(file, ['show', 'atlantis'], { env: user });
  process.stdout.write(unknown.stdout + unknown.stderr);
  expect('exit code 7 comes through', unknown.code === 7, `exit code ${unknown.code}`);
  const argument = ' a "quoted" \'argument\' with $HOME, a back\\slash\nand a newline ';
  const echoed = start(file, ['echo', argument], { env: user });
  expect(
    'an argument with spaces, quotes and a newline is unchanged',
    echoed.stdout === `${argument}\0`,
    echoed.stderr,
  );

  title('6. One byte is changed');
  const changed = path.join(elsewhere, 'changed.psp');
  const bytes = readFileSync(file);
  const at = Math.floor(bytes.length / 2);
  bytes[at] ^= 0x01;
  writeFileSync(changed, bytes);
  chmodSync(changed, 0o755);
  console.log(`byte ${at} of a copy is now another one`);
  const rejected = start(...flavor('verify', changed), { env: builder, show: true });
  expect('verify exits 3', rejected.code === 3, `exit code ${rejected.code}`);
  const refused = start(changed, ['show', 'bergen'], { env: { ...user, FLAVOR_CACHE: path.join(scratch, 'other') } });
  process.stdout.write(refused.stdout + refused.stderr);
  expect(
    `it refuses to run, with exit code ${refused.code}`,
    REFUSALS.includes(refused.code) && refused.stdout === '',
    `expected one of ${REFUSALS.join(', ')} and no output`,
  );
}

if (await setup()) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'flavor-demo-'));
  try {
    await demo(scratch);
  } catch (error) {
    unexpected.push(error.message);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
} else {
  unexpected.push('the tree could not be made ready');
}
title(
  unexpected.length === 0
    ? 'demo: everything was as it should be'
    : `demo: not as it should be: ${unexpected.join('; ')}`,
);
process.exitCode = unexpected.length === 0 ? 0 : 1;
