// The program meets its user untouched: arguments, exit code, signals, stdin, working folder, environment.

import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Machine, users } from './packaged.js';

describe.each(users)('started by $name', (user) => {
  it('arguments with blanks, quotes, newlines, dashes and nothing in them reach the program unchanged', async () => {
    using machine = new Machine(user);
    const args = ['a b', `"q" 'r'`, 'line\nline', '', '--help', '--version', '-', 'ä\u{1f336}', '$HOME', '*'];
    expect((await machine.report(args)).arguments).toEqual(args);
    expect((await machine.report(args)).arguments).toEqual(args);
  });

  it('exit codes pass through on the first start and on later ones', async () => {
    using machine = new Machine(user);
    for (const code of [0, 1, 2, 7, 42, 100, 127, 255]) {
      expect((await machine.start(['exit', String(code)])).exitCode).toBe(code);
    }
  });

  it('runs from another folder, under another name, and with nothing but HOME in its environment', async () => {
    using machine = new Machine(user);
    const moved = join(machine.root, 'else where.bin');
    renameSync(machine.package, moved);
    const report = await machine.report(['x'], { file: moved, env: {}, extendEnv: false });
    expect(report.arguments).toEqual(['x']);
    const result = await machine.start([], { file: moved, env: { PATH: undefined } as never });
    expect(result.exitCode).toBe(0);
    expect(result.stderr).toBe('');
  });

  it('a hostile python3 and a program of its own name on PATH are not run', async () => {
    using machine = new Machine(user);
    const hostile = join(machine.root, 'hostile');
    mkdirSync(hostile);
    for (const name of ['python', 'python3', 'python3.14', 'probe', 'sh', 'env', 'uv']) {
      writeFileSync(join(hostile, name), '#!/bin/sh\necho HOSTILE\nexit 99\n');
      chmodSync(join(hostile, name), 0o755);
    }
    const report = await machine.report([], { env: { PATH: `${hostile}:/usr/bin:/bin` } });
    expect(report.executable).toMatch(/\/v1\/envs\/probe-1\.2\.3-[0-9a-f]{16}\/bin\/python$/);
  });

  it('rubbish in the variables that lead Python astray does not reach it', async () => {
    using machine = new Machine(user);
    const env = {
      PYTHONPATH: '/nonexistent/a',
      PYTHONHOME: '/nonexistent/b',
      PYTHONPLATLIBDIR: 'nonexistent',
      PYTHONEXECUTABLE: '/nonexistent/c',
      PYTHONPYCACHEPREFIX: '/nonexistent/d',
      PYTHONOPTIMIZE: '2',
      VIRTUAL_ENV: '/nonexistent/e',
      __PYVENV_LAUNCHER__: '/nonexistent/f',
    };
    for (let start = 0; start < 2; start += 1) {
      const report = await machine.report([], { env });
      for (const name of Object.keys(env)) expect(report.environment).not.toHaveProperty(name);
      expect(report.path.join()).not.toContain('nonexistent');
    }
  });

  it('other PYTHON variables, HOME and TMPDIR reach the program', async () => {
    using machine = new Machine(user);
    const env = { PYTHONUNBUFFERED: '1', PYTHONWARNINGS: 'ignore', TMPDIR: machine.root, MY_VALUE: 'a b' };
    const report = await machine.report([], { env });
    expect(report.environment).toMatchObject({ ...env, HOME: machine.home });
    expect(report.unbuffered).toBe(true);
    expect((await machine.report()).unbuffered).toBe(false);
  });

  it('tells the program where it is and keeps its own switches from it', async () => {
    using machine = new Machine(user);
    const report = await machine.report([], { env: { FLAVOR_VALIDATION: 'strict', FLAVOR_COMMAND: 'probe' } });
    expect(report.environment).toMatchObject({
      FLAVOR_PACKAGE: machine.package,
      FLAVOR_PACKAGE_NAME: 'probe',
      FLAVOR_VERSION: '1.2.3',
      FLAVOR_WORKENV: report.prefix,
      FLAVOR_OS: 'linux',
    });
    for (const name of ['FLAVOR_VALIDATION', 'FLAVOR_COMMAND', 'FLAVOR_LAUNCHER_CLI']) {
      expect(report.environment).not.toHaveProperty(name);
    }
  });

  it('PATH begins with the console scripts and holds no python of ours', async () => {
    using machine = new Machine(user);
    const result = await machine.python(
      `
      import json, shutil, subprocess
      print(json.dumps([shutil.which("probe-version"), shutil.which("python"), subprocess.check_output(["probe-version"], text=True)]))
      `,
      [],
      { env: { PATH: '/nonexistent:/usr/bin:/bin' } },
    );
    const [script, python, version] = JSON.parse(String(result.stdout)) as string[];
    expect(script).toMatch(/\/scripts\/probe-version$/);
    expect(String(python)).not.toContain('/v1/envs/');
    expect(version).toBe('1.2.3\n');
  });

  it('another command runs by the name of a link and by FLAVOR_COMMAND', async () => {
    using machine = new Machine(user);
    const link = join(machine.root, 'probe-version');
    symlinkSync(machine.package, link);
    expect((await machine.start([], { file: link })).stdout).toBe('1.2.3');
    expect((await machine.start([], { env: { FLAVOR_COMMAND: 'probe-version' } })).stdout).toBe('1.2.3');
    const unknown = await machine.start([], { env: { FLAVOR_COMMAND: 'nothing' } });
    expect(unknown.exitCode).toBe(105);
    expect(unknown.stderr).toContain('probe-version');
  });

  it('stdin reaches the program byte for byte', async () => {
    using machine = new Machine(user);
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
    const result = await machine.python(
      `
      import hashlib, sys
      print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())
      `,
      [],
      { input: bytes },
    );
    const { createHash } = await import('node:crypto');
    expect(result.stdout).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('a signal ends the program as a signal, and the program has the process of the launcher', async () => {
    using machine = new Machine(user);
    await machine.report();
    const killed = await machine.start(['kill', String(constants.signals.SIGTERM)]);
    expect(killed.signal).toBe('SIGTERM');
    const child = machine.python('import time, sys\nprint("ready", flush=True)\ntime.sleep(60)');
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGINT');
    const interrupted = await child;
    expect(interrupted.signal === 'SIGINT' || interrupted.exitCode === 130).toBe(true);
  });

  it('a closed output pipe ends a writing program as it ends any other', async () => {
    using machine = new Machine(user);
    const result = await machine.start(['-c', `"${machine.package}" | true; echo done`], { file: '/bin/sh' });
    expect(result.exitCode).toBe(0);
  });

  it('the only descriptor that is left to the program holds its work environment (STORE.md 13.4)', async () => {
    using machine = new Machine(user);
    const list =
      'import os\nfor name in os.listdir("/proc/self/fd"): print(name, os.readlink(f"/proc/self/fd/{name}"))';
    const numbers = (text: unknown): string[] => String(text).trim().split(/\s+/).sort();
    // Whatever runs the tests may leave descriptors of its own to every child.
    const inherited = numbers((await machine.start(['/proc/self/fd'], { file: '/bin/ls' })).stdout);
    for (let start = 0; start < 2; start += 1) {
      // The folder that is being listed is gone when its link is read.
      const result = await machine.python(list.replace('print(', 'os.path.exists(f"/proc/self/fd/{name}") and print('));
      const left = String(result.stdout)
        .trim()
        .split('\n')
        .map((line) => line.split(' ', 1).concat(line.slice(line.indexOf(' ') + 1)))
        // The script is still open when it lists them.
        .filter(([number = '', path = '']) => !inherited.includes(number) && !path.endsWith('.py'));
      expect(left).toHaveLength(1);
      const [[number, path] = []] = left;
      expect(Number(number)).toBeGreaterThan(2);
      expect(path).toMatch(/\/v1\/locks\/use-probe-1\.2\.3-[0-9a-f]{16}$/);
    }
  });
});
