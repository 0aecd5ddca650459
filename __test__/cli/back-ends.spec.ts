// A project of each build back end, packed as its author would: from its folder, with what the back end reads by itself
// (a version out of a module, dependencies of a table of its own, a data file, C code). The project of hatchling, and
// what a package of any project has in common, is in projects.spec.ts.

import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root, Workshop } from './command.js';

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
});
afterEach(() => workshop.remove());

interface How {
  readonly options?: readonly string[];
  readonly env?: Record<string, string>;
}

/** Packs a fixture and starts the package, which finds nothing of this machine; what it prints. */
async function printed(fixture: string, file: string, { options = [], env = {} }: How = {}): Promise<string> {
  const project = join(workshop.folder, fixture);
  cpSync(join(root, '__test__/fixtures', fixture), project, { recursive: true });
  const packed = await workshop.flavor(['pack', '--cwd', project, '--level', '3', ...options], { env });
  // A warning would name files that tell about this machine.
  expect(packed.stderr).not.toMatch(/error|warning: (?!the runtime is a copy)/i);
  expect(packed.exitCode).toBe(0);
  const cache = join(workshop.folder, 'store');
  const started = await execa(join(project, 'dist', file), [], { env: { FLAVOR_CACHE: cache }, extendEnv: false });
  expect(started.stderr).toBe('');
  return started.stdout;
}

test('[slow] flit: version and description out of the module', async () => {
  expect(await printed('hello-flit', 'hello-flit-1.4.0.psp')).toBe('1.4.0 hello from flit iniconfig');
});

test('[slow] poetry-core: dependencies out of its own table', async () => {
  expect(await printed('hello-poetry', 'hello-poetry-2.1.0.psp')).toBe('2.1.0 hello from poetry iniconfig');
});

test('[slow] pdm-backend: version out of a file', async () => {
  expect(await printed('hello-pdm', 'hello-pdm-3.2.0.psp')).toBe('3.2.0 hello from pdm iniconfig');
});

const local = localPython();
test.skipIf(local.absence !== undefined)(
  `[slow] setuptools with a module in C: compiled with the headers of the packaged interpreter${local.absence ?? ''}`,
  async () => {
    const headers = join(workshop.folder, 'headers');
    // Interpreters of uv's are those of the mirror, which have no headers. The compiler writes what it reads into a file.
    const env = { UV_PYTHON_INSTALL_DIR: join(workshop.folder, 'none'), DEPENDENCIES_OUTPUT: headers };
    const options = ['--runtime', 'local', '--python', local.version];
    expect(await printed('hello-extension', 'hello-extension-0.9.0.psp', { options, env })).toBe(
      `0.9.0 hello from a C extension iniconfig 5 ${local.version}`,
    );
    const read = readFileSync(headers, 'utf8').split(/\s+/);
    const python = read.filter((path) => path.endsWith('/Python.h'));
    expect(python).toHaveLength(1);
    // The scratch folder of the build, where the interpreter was copied to, and which the compiled module does not name.
    expect(python[0]).toContain(`${workshop.scratch()}/`);
    const out = join(workshop.folder, 'out');
    const file = join(workshop.folder, 'hello-extension/dist/hello-extension-0.9.0.psp');
    expect((await workshop.flavor(['extract-all', '-q', file, out])).exitCode).toBe(0);
    const module = readdirSync(out, { recursive: true, encoding: 'utf8' }).find((path) => /_count\.\S*so$/.test(path));
    const compiled = readFileSync(join(out, module ?? ''), 'latin1');
    expect(compiled).toContain('/build');
    expect(compiled).not.toContain(workshop.folder);
  },
);

/** The Python on PATH, if it can be copied and this machine can compile for it; else why not. */
function localPython(): { readonly version: string; readonly absence?: string } {
  const script = `
import os, shutil, site, sys, sysconfig
headers = os.path.join(sysconfig.get_path("include"), "Python.h")
compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
print("%d.%d.%d" % sys.version_info[:3], os.path.exists(headers) and bool(shutil.which(compiler)), site.__file__)
`;
  try {
    const answer = execFileSync('python3', ['-I', '-S', '-c', script], { encoding: 'utf8' }).trim();
    const [version = '', compiles = '', file = ''] = answer.split(' ');
    if (!/^3\.1[1-4]\./.test(version) || readFileSync(file, 'utf8').includes('dist-packages')) throw new Error(version);
    if (compiles === 'True') return { version };
    return { version, absence: ' (skipped: no headers or no C compiler for the Python on PATH)' };
  } catch {
    return { version: '', absence: ' (skipped: no interpreter on PATH that can be copied)' };
  }
}
