// The three example projects of the guide, as their pages have them: built without options, and run.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root, Workshop } from './command.js';

let workshop: Workshop;
let home: string;
beforeEach(() => {
  workshop = new Workshop();
  home = join(workshop.folder, 'home');
  mkdirSync(home);
});
afterEach(() => workshop.remove());

/** Packs a fixture; the path of its package. */
async function packed(fixture: string, file: string): Promise<string> {
  const project = join(workshop.folder, fixture);
  cpSync(join(root, '__test__/fixtures', fixture), project, { recursive: true });
  const ended = await workshop.flavor(['pack', '--cwd', project, '--level', '3']);
  expect(ended.stderr).not.toMatch(/error|warning/i);
  expect(ended.exitCode).toBe(0);
  return join(project, 'dist', file);
}

/** What a package sees: nothing of this machine but a home. */
function environment(more: Record<string, string> = {}): Record<string, string> {
  return { HOME: home, FLAVOR_CACHE: join(workshop.folder, 'store'), ...more };
}

/** A port that nobody uses right now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('[slow] the web application: its factory is served, with the templates of its slot', async () => {
  const file = await packed('seed-webapp', 'webapp-1.0.0.psp');
  const port = await freePort();
  const server = spawn(file, ['--workers', '2'], {
    env: environment({ PORT: String(port) }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(server, 'exit');
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (part) => (said += part));
  let page = '';
  while (page === '' && server.exitCode === null) {
    await setTimeout(50);
    page = await fetch(`http://127.0.0.1:${port}/`).then(
      (response) => response.text(),
      () => '',
    );
  }
  expect(page, said).toMatch(/Hello from the templates slot, process \d+\./);
  // The second worker counts as much as the first: it is a fork of the interpreter inside the package.
  expect(page).not.toContain(`process ${server.pid}.`);
  server.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(said).toContain('Starting gunicorn');

  const mistaken = await execa(file, ['nonsense'], { env: environment(), extendEnv: false, reject: false });
  expect(mistaken.exitCode).toBe(2);
  expect(mistaken.stderr).toContain('unexpected argument: nonsense');
});

test('[slow] the command line tool: arguments, standard input, help and version', async () => {
  const file = await packed('seed-mytool', 'mytool-2.0.0.psp');
  const run = (args: string[], input = '') =>
    execa(file, args, { env: environment(), extendEnv: false, input, reject: false });
  expect(await run(['greet', 'you', '--times', '2'])).toMatchObject({
    exitCode: 0,
    stdout: 'Hello, you!\nHello, you!',
  });
  expect(await run(['count'], 'one two\nthree')).toMatchObject({ exitCode: 0, stdout: '3' });
  expect(await run(['--version'])).toMatchObject({ exitCode: 0, stdout: 'mytool, version 2.0.0' });
  expect((await run(['--help'])).stdout).toContain('A tool of two commands.');
  expect(await run(['greet', '--tims'])).toMatchObject({ exitCode: 2 });
});

test('[slow] data science: heavy wheels, a lazy slot that is unpacked when it is asked for, and an answer that is shown', async () => {
  const file = await packed('seed-ml-model', 'ml-model-1.0.0.psp');
  const answer = await execa(file, ['4', '5.5'], { env: environment(), extendEnv: false });
  expect(answer.stderr).toBe('');
  expect(answer.stdout.split('\n').map((line) => line.trim().split(/\s+/))).toEqual([
    ['x', 'y'],
    ['0', '4.0', '9.0'],
    ['1', '5.5', '12.0'],
  ]);
}, 300_000);
