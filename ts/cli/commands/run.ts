/**
 * `flavor run`: starts a package through the launcher of this installation, not through the one inside the file, so
 * that no byte of the file is executed before it was checked (security.md S1). Arguments, standard streams, exit code
 * and signals are the program's.
 */

import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { resolve } from 'node:path';

import type { Command } from 'commander';

import { FlavorError } from '../../errors.js';
import { findLauncher } from '../../launchers.js';
import { hostTarget } from '../../platform.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const;
/** A terminal sends these to the whole foreground group, the program included. */
const FROM_TERMINAL = new Set<NodeJS.Signals>(['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGWINCH', 'SIGCONT']);

/** Adds the command. */
export function addRunCommand(program: Command): void {
  const command = program
    .command('run')
    .description('verify a package and run it with the launcher of this installation')
    .argument('<package>', 'package file')
    .argument('[arguments...]', 'arguments of the program, passed on as they are')
    .passThroughOptions();
  withCommonOptions(command).action(async (path: string, args: string[], options: CommonOptions) => {
    await runAction('run', options, async ({ cwd }) => {
      const file = resolve(cwd, path);
      await mustExist(file);
      const launcher = await findLauncher(hostTarget());
      return runLauncher(launcher.path, ['run', file, ...args], cwd);
    });
  });
}

async function mustExist(file: string): Promise<void> {
  try {
    await stat(file);
  } catch (cause) {
    throw new FlavorError('ERR_FLAVOR_NOT_FOUND', `there is no package at this path: ${file}`, { path: file, cause });
  }
}

function runLauncher(launcher: string, args: readonly string[], cwd: string): Promise<number> {
  return new Promise((fulfil, reject) => {
    const child = spawn(launcher, args, {
      cwd,
      stdio: 'inherit',
      env: { ...process.env, FLAVOR_LAUNCHER_CLI: '1' },
    });
    const isTerminal = process.stdin.isTTY === true;
    // The program decides about its signals; ours only pass through.
    process.removeAllListeners('SIGINT');
    process.removeAllListeners('SIGTERM');
    const handlers = FORWARDED.map((name) => {
      const handler = (): void => {
        if (!(isTerminal && FROM_TERMINAL.has(name))) child.kill(name);
      };
      process.on(name, handler);
      return [name, handler] as const;
    });
    const settle = (): void => {
      for (const [name, handler] of handlers) process.off(name, handler);
    };
    child.once('error', (cause) => {
      settle();
      reject(
        new FlavorError('ERR_FLAVOR_LAUNCHER', `the launcher cannot be started: ${launcher}`, {
          path: launcher,
          cause,
        }),
      );
    });
    child.once('exit', (code, signal) => {
      settle();
      if (signal === null) {
        fulfil(code ?? 1);
        return;
      }
      // Dying by the same signal tells the caller what happened; the number is for systems where that fails.
      process.kill(process.pid, signal);
      fulfil(128 + constants.signals[signal]);
    });
  });
}
