// A build session for stages that are tried one by one, without a project around them.

import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProjectManifest, TrimSettings } from '../../dist/manifest/project-manifest.js';
import type { Target } from '../../dist/platform.js';
import type { ProgressEvent } from '../../dist/progress.js';
import type { BuildSession } from '../../dist/python/session.js';

/** The trim profile of a manifest that says nothing about it. */
export const DEFAULT_TRIM: TrimSettings = {
  tests: true,
  idlelib: true,
  headers: true,
  static: true,
  libpython: true,
  symbols: true,
  tkinter: 'auto',
  ensurepip: false,
  pydocData: false,
  lib2to3: false,
  keep: [],
  drop: [],
};

/** A session with a scratch folder of its own, which goes with it. */
export class Bench implements Disposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'flavor-runtime-')));
  readonly warnings: string[] = [];

  session(settings: {
    readonly target?: Target;
    readonly python?: string;
    readonly runtime?: 'auto' | 'managed' | 'local';
    readonly environment?: NodeJS.ProcessEnv;
  }): BuildSession {
    const project = join(this.folder, 'project');
    const scratch = join(this.folder, 'scratch');
    for (const folder of [project, scratch]) mkdirSync(folder, { recursive: true });
    const { environment = process.env, python, runtime = 'managed' } = settings;
    // The stages of the runtime look at nothing else of a manifest.
    const manifest = { folder: project, pythonVersion: python, requiresPython: undefined } as ProjectManifest;
    return {
      manifest,
      options: { locked: false, offline: false, findLinks: [], runtime, extras: [], groups: [] },
      target: settings.target ?? { os: 'linux', arch: process.arch === 'arm64' ? 'arm64' : 'amd64', libc: 'gnu' },
      uv: { path: process.env['FLAVOR_UV'] ?? 'uv', version: '' },
      scratch,
      environment: { ...environment, FLAVOR_CACHE: join(this.folder, 'cache') },
      reporter: {
        signal: new AbortController().signal,
        emit: (event: ProgressEvent) => {
          if (event.type === 'warning') this.warnings.push(event.message);
        },
      },
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
