// What a package and the result of `pack` say about the interpreter inside.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import '../conformance/packaged.js';
import { root, Workshop, withoutSharedBuildCache } from './command.js';

withoutSharedBuildCache();

const project = join(root, '__test__/fixtures/no-dependencies');
const workshop = new Workshop();
afterAll(() => workshop.remove());

interface Output {
  readonly runtime: Record<string, unknown> & { readonly trimmed_bytes: Record<string, number> };
  readonly floor: Record<string, string>;
}

/** The one output of a `pack --json`; its last line is the result. */
function outputOf(stdout: string): Output {
  return (JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { outputs: [Output] }).outputs[0];
}

/** What the mirror's list says about a version. */
function listed(version: string): string {
  const list = JSON.parse(readFileSync(process.env['UV_PYTHON_DOWNLOADS_JSON_URL'] ?? '', 'utf8')) as Record<
    string,
    { readonly sha256: string }
  >;
  const [entry] = Object.entries(list).filter(([key]) => key.startsWith(`cpython-${version}-`));
  return entry?.[1].sha256 ?? '';
}

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('a package of Linux x64', () => {
  test('[slow] tells version, archive digest, floor and what was left out', async () => {
    const file = inject('probePackage');
    const { floor, runtime } = outputOf(inject('probeResult').stdout);
    expect(runtime).toMatchObject({ version: '3.14.6', source: 'uv-install', portable: true });
    expect(runtime['archive_sha256']).toBe(listed('3.14.6'));
    expect(floor).toEqual({ glibc: '2.17' });
    expect(runtime.trimmed_bytes).toMatchObject({ libpython: expect.any(Number), tests: expect.any(Number) });

    const inspected = await workshop.flavor(['inspect', file]);
    expect(inspected.stdout).toMatch(/^target {4}linux amd64 gnu glibc 2\.17$/m);
    expect(inspected.stdout).toMatch(/^runtime {3}Python 3\.14\.6 \(standalone, archive <sha256>\)$/m);
    expect(readFileSync(file, 'latin1')).toContain(`flavor-runtime-archive-sha256 = ${listed('3.14.6')}`);
  });

  const python = localPython();
  const absence = python === undefined ? ' (skipped: no interpreter on PATH that can be copied)' : '';
  test.skipIf(python === undefined)(
    `[slow] with a copied interpreter runs, and says that it is one${absence}`,
    async () => {
      const file = join(workshop.folder, 'local.psp');
      const options = ['-m', project, '-o', file, '--level', '3', '--runtime', 'local', '--python', python ?? ''];
      const env = { UV_PYTHON_INSTALL_DIR: join(workshop.folder, 'none') };
      const packed = await workshop.flavor(['pack', ...options, '--json'], { env });
      expect(packed.exitCode).toBe(0);
      expect(packed.stderr).toMatch(/"type":"warning",.*"the runtime is a copy of .* nobody vouches for its content/);
      const { floor, runtime } = outputOf(packed.stdout);
      expect(runtime).toMatchObject({ version: python, source: 'local', portable: false });
      expect(runtime).not.toHaveProperty('archive_sha256');
      const inspected = await workshop.flavor(['inspect', file]);
      expect(inspected.stdout).toContain(
        `runtime   Python ${python} (copied from the machine that built the package; not portable)`,
      );
      expect(inspected.stdout).toContain(`target    linux amd64 gnu glibc ${floor['glibc']}`);
      const environment = { FLAVOR_CACHE: join(workshop.folder, 'store'), PATH: '/nowhere' };
      expect(execFileSync(file, { env: environment, encoding: 'utf8' })).toMatch(/^alone/);
    },
  );
});

/** A version on PATH that is not Debian's, and that the project allows. */
function localPython(): string | undefined {
  const script = 'import sys, site; print("%d.%d.%d" % sys.version_info[:3], site.__file__)';
  try {
    const answer = execFileSync('python3', ['-I', '-S', '-c', script], { encoding: 'utf8' }).trim();
    const [version = '', file = ''] = answer.split(' ');
    const isUsable = /^3\.1[1-9]\./.test(version) && !readFileSync(file, 'utf8').includes('dist-packages');
    return isUsable ? version : undefined;
  } catch {
    return undefined;
  }
}
