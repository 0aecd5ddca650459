// `npm run bench`: what starting through a package costs. The yardstick is the same program, started with the
// same interpreter and arguments but without the launcher, in turns with it: times of this machine drift, so
// only ratios of one run mean something. By hand, never a gate.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setup } from '../setup.mjs';
import { ROOT } from '../steps.mjs';

const COLD_STARTS = 5;
const WARM_STARTS = 60;

function time(program, args, env) {
  const begun = performance.now();
  const { status, stderr } = spawnSync(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const ms = performance.now() - begun;
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  return ms;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function bench(scratch) {
  const { offlineEnvironment } = await import('../fetch/environment.mjs');
  const project = path.join(scratch, 'project');
  cpSync(path.join(ROOT, '__test__', 'fixtures', 'hello-hatchling'), project, { recursive: true });
  const file = path.join(scratch, 'hello.psp');
  execFileSync(process.execPath, [path.join(ROOT, 'bin', 'flavor.mjs'), 'pack', '--output', file], {
    cwd: project,
    env: { ...process.env, ...(await offlineEnvironment()) },
    stdio: 'inherit',
  });
  const user = (name) => ({ HOME: scratch, PATH: '/usr/bin:/bin', FLAVOR_CACHE: path.join(scratch, name) });

  const cold = Array.from({ length: COLD_STARTS }, (_, index) => time(file, [], user(`cold-${index}`)));

  const env = user('warm');
  const ask = 'import json, sys; print(json.dumps([sys.executable, *sys.orig_argv]))';
  const [executable, , ...argv] = JSON.parse(execFileSync(file, ['run', ask], { env, encoding: 'utf8' }));
  const direct = argv.slice(0, -2);
  // A receipt is kept only for a file that is no longer new.
  await new Promise((done) => setTimeout(done, 2500));
  time(file, [], env);
  const warm = [];
  const yardstick = [];
  for (let index = 0; index < WARM_STARTS; index++) {
    warm.push(time(file, [], env));
    yardstick.push(time(executable, direct, env));
  }
  const [packaged, bare] = [median(warm), median(yardstick)];
  console.log(`first start, unpacking: ${median(cold).toFixed(0)} ms (median of ${COLD_STARTS})`);
  console.log(`warm start: ${packaged.toFixed(2)} ms (median of ${WARM_STARTS})`);
  console.log(`without the launcher: ${bare.toFixed(2)} ms`);
  console.log(`ratio: ${(packaged / bare).toFixed(3)}, added: ${(packaged - bare).toFixed(2)} ms`);
}

if (await setup()) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'flavor-bench-'));
  try {
    await bench(scratch);
  } catch (error) {
    console.error(`bench: error: ${error.message}`);
    process.exitCode = 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
} else {
  process.exitCode = 1;
}
