// One call packs a project for every platform that the mirror has interpreters for. What does not run here is looked
// at: nothing of another platform is started.

import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, test } from 'vitest';
import { hostTarget, type Target, type TargetName, targetName, targetOf } from '../../dist/platform.js';
import { machineOf } from '../../dist/python/executable-head.js';
import { ensureForeignMirror, foreignMetadataFile, metadataFile } from '../fetch/mirror.mjs';
import { ensureForeignWheels, foreignWheelsDirectory, wheelsDirectory } from '../fetch/wheels.mjs';
import { Workshop } from './command.js';

/** Nothing but a reason is kept of a failure: what is for other platforms comes from registries, which may be out of reach. */
const absence = await Promise.all([ensureForeignMirror(), ensureForeignWheels()]).then(
  () => '',
  (error: unknown) => ` (skipped: ${error instanceof Error ? error.message : String(error)})`,
);
const TIMEOUT = 900_000;
const HOST = targetName(hostTarget());

interface Expected {
  /** Ending of the extension module of the one distribution that is not pure. */
  readonly module: string;
  /** Tag of its wheel. */
  readonly tag: RegExp;
  readonly floor: Readonly<Record<string, string>>;
  readonly interpreter: string;
  readonly scripts: readonly string[];
}

const UNIX = { interpreter: 'bin/python3.14', scripts: ['bin/sample', 'scripts/sample'] };
const EXPECTED: Readonly<Partial<Record<TargetName, Expected>>> = {
  linux_amd64: { ...UNIX, module: 'x86_64-linux-gnu.so', tag: /manylinux_2_17_x86_64/, floor: { glibc: '2.17' } },
  linux_arm64: { ...UNIX, module: 'aarch64-linux-gnu.so', tag: /manylinux_2_17_aarch64/, floor: { glibc: '2.17' } },
  darwin_amd64: { ...UNIX, module: 'darwin.so', tag: /macosx_10_15_x86_64/, floor: { macos: '10.15' } },
  darwin_arm64: { ...UNIX, module: 'darwin.so', tag: /macosx_11_0_arm64/, floor: { macos: '11.0' } },
  windows_amd64: {
    module: 'win_amd64.pyd',
    tag: /win_amd64/,
    floor: {},
    interpreter: 'python.exe',
    scripts: ['Scripts/sample-script.py', 'Scripts/sample.cmd', 'bin/sample.cmd'],
  },
};
const NAMES = Object.keys(EXPECTED) as TargetName[];

const workshop = new Workshop();
afterAll(() => workshop.remove());

/** The lists of both mirrors in one, as a user's list has all platforms. */
function environment(): Record<string, string> {
  const lists = [metadataFile(), foreignMetadataFile()].map((file) => JSON.parse(readFileSync(file, 'utf8')) as object);
  return {
    UV_PYTHON_DOWNLOADS_JSON_URL: workshop.write('runtimes.json', JSON.stringify(Object.assign({}, ...lists))),
    UV_FIND_LINKS: `${wheelsDirectory()},${foreignWheelsDirectory()}`,
  };
}

function project(name: string, dependencies: readonly string[], flavor = ''): string {
  workshop.write(
    `${name}/src/sample/__init__.py`,
    'import sys\n\n\ndef main():\n    import markupsafe\n    print(markupsafe.escape("<"), sys.platform)\n',
  );
  return workshop.write(
    `${name}/pyproject.toml`,
    `[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "sample"
version = "1.0"
dependencies = ${JSON.stringify(dependencies)}

[project.scripts]
sample = "sample:main"

[tool.flavor]
python_version = "3.14"
include_pip = false
${flavor}`,
  );
}

const platforms = (names: readonly string[]): string[] => names.flatMap((name) => ['--platform', name]);

interface Output {
  readonly path: string;
  readonly target: TargetName;
  readonly launcher: { readonly kind: string };
  readonly floor: unknown;
  readonly start: { readonly mode: string };
  readonly distributions: readonly string[];
}

interface Metadata {
  readonly extensions: {
    readonly 'x-flavor': {
      readonly target: Target & { readonly floor?: unknown };
      readonly launcher: { readonly kind: string };
      readonly workenv: { readonly files: { path: string }[]; readonly links: { path: string; kind: string }[] };
    };
  };
}

describe(`one call for several platforms${absence}`, () => {
  test.skipIf(absence !== '')(
    '[slow] makes a package for each platform, of the same project and version of Python, and runs none that is not for here',
    { timeout: TIMEOUT },
    async () => {
      const manifest = project('five', ['click', 'markupsafe', "iniconfig ; sys_platform == 'win32'"]);
      const args = ['pack', '-m', manifest, '-o', join(workshop.folder, 'out'), '--level', '3', '--json'];
      const ended = await workshop.flavor([...args, ...platforms(NAMES)], { env: environment() });
      expect(ended).toMatchObject({ exitCode: 0 });
      expect(ended.stderr).toContain('carry the Go launcher');
      const { outputs } = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as { outputs: Output[] };
      expect(outputs.map(({ target }) => target)).toEqual(NAMES);
      expect(readdirSync(join(workshop.folder, 'out')).sort()).toEqual(
        NAMES.map((name) => `sample-1.0-${name}.psp${name.startsWith('windows') ? '.exe' : ''}`).sort(),
      );
      for (const output of outputs) await expectPackage(output, EXPECTED[output.target] as Expected);
    },
  );

  async function expectPackage(output: Output, expected: Expected): Promise<void> {
    const { target } = output;
    const { arch, os } = targetOf(target);
    const file = output.path.replace('<folder>', workshop.folder);
    // The launcher is the head of the file.
    expect(await machineOf(file)).toEqual({ arch, os });
    expect(output.launcher.kind).toBe(target === HOST ? 'rust' : 'go');
    expect(output.floor).toEqual(expected.floor);
    expect(output.start.mode).toBe(os === 'windows' ? 'site' : 'fast');
    expect(output.distributions.includes('iniconfig==2.1.0')).toBe(os === 'windows');
    expect((await workshop.flavor(['verify', file])).exitCode).toBe(0);
    const folder = join(workshop.folder, 'content', target);
    mkdirSync(join(folder, '..'), { recursive: true });
    expect((await workshop.flavor(['extract-all', file, folder])).exitCode).toBe(0);
    const { extensions } = JSON.parse(readFileSync(join(folder, 'metadata.json'), 'utf8')) as Metadata;
    const flavor = extensions['x-flavor'];
    expect(flavor.target).toMatchObject({ os, arch });
    expect(flavor.target.floor ?? {}).toEqual(expected.floor);
    expect(flavor.launcher.kind).toBe(output.launcher.kind);
    expect(await machineOf(join(folder, '00_runtime', expected.interpreter))).toEqual({ arch, os });
    const markupsafe = join(folder, '01_dependencies/site-packages');
    const modules = readdirSync(join(markupsafe, 'markupsafe')).filter((name) => /\.(so|pyd)$/.test(name));
    expect(modules).toEqual([expect.stringContaining(expected.module)]);
    expect(readFileSync(join(markupsafe, 'markupsafe-3.0.4.dist-info/WHEEL'), 'utf8')).toMatch(expected.tag);
    expect(existsSync(join(markupsafe, 'click/__pycache__/__init__.cpython-314.pyc'))).toBe(true);
    const { files, links } = flavor.workenv;
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining([...expected.scripts]));
    expect(links.every(({ kind }) => kind === (os === 'windows' ? 'copy' : 'symlink'))).toBe(true);
    if (os === 'windows') expect(links.map(({ path }) => path)).toContain('Scripts/python.exe');
    if (target !== HOST) return;
    const home = workshop.scratch();
    const { stdout } = await execa(file, [], { env: { HOME: home, PATH: '/usr/bin:/bin' }, extendEnv: false });
    expect(stdout).toBe('&lt; linux');
  }

  test('what has no launcher, no interpreter or no wheel for a platform is told by name', {
    timeout: TIMEOUT,
  }, async () => {
    const env = absence === '' ? environment() : {};
    const manifest = project('four', ['click']);
    const packed = (...args: string[]) => workshop.flavor(['pack', '-m', manifest, ...args], { env });
    expect((await packed('--platform', 'linux_x86')).stderr).toContain('It must be one of linux_amd64, linux_arm64,');
    expect((await packed('--platform', 'darwin_arm64', '--launcher', 'rust')).stderr).toContain(
      'there is no rust launcher for darwin_arm64 in this installation [ERR_FLAVOR_LAUNCHER]',
    );
    expect((await packed('--platform', 'linux_amd64_musl')).stderr).toMatch(
      /no Python 3\.14 could be had for linux_amd64_musl: .* it has no Python 3\.14 for linux_amd64_musl \[ERR_FLAVOR_RUNTIME\]/,
    );
    const several = platforms(['linux_amd64', 'linux_arm64']);
    expect((await packed(...several, '--python-archive', 'x.tar.gz')).stderr).toContain(
      'an interpreter is for one platform, and there are 2 targets [ERR_FLAVOR_OPTION]',
    );
    expect((await packed(...several, '--check')).stderr).toContain('a check compares packages for one platform');
  });
});

describe(`a project that another platform cannot have${absence}`, () => {
  const failing = test.skipIf(absence !== '');

  failing('[slow] because it has compiled code of its own', { timeout: TIMEOUT }, async () => {
    const hook = `

[tool.hatch.build.targets.wheel.hooks.custom]
`;
    const manifest = project('extension', [], hook);
    // As a back end that has compiled something calls its wheel.
    workshop.write(
      'extension/hatch_build.py',
      `from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        build_data.update(pure_python=False, infer_tag=True)
`,
    );
    const args = ['pack', '-m', manifest, '--platform', 'darwin_arm64'];
    const ended = await workshop.flavor(args, { env: environment() });
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toMatch(
      /`sample` has compiled code, and its wheel is built for this machine, not for darwin_arm64: sample-1\.0-cp\S+\.whl \[ERR_FLAVOR_NO_WHEEL\]/,
    );
    expect(ended.stderr).toContain('with `--find-links`');
    expect(existsSync(join(workshop.folder, 'extension/dist'))).toBe(false);
  });

  failing('[slow] because a dependency has no wheel for it', { timeout: TIMEOUT }, async () => {
    const ended = await workshop.flavor(['pack', '-m', project('ruff', ['ruff']), '--platform', 'darwin_arm64'], {
      env: environment(),
    });
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toMatch(/`ruff` has no wheel for darwin_arm64 \[ERR_FLAVOR_NO_WHEEL\]/);
    expect(ended.stderr).toContain('hint: choose a version of it that has one, or build a wheel on darwin_arm64');
  });

  failing('[slow] because a dependency is too new for the floor', { timeout: TIMEOUT }, async () => {
    const manifest = project('floor', ['numpy'], '[tool.flavor.floor]\nglibc = "2.17"\n');
    const ended = await workshop.flavor(['pack', '-m', manifest, '--platform', 'linux_amd64'], { env: environment() });
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toMatch(/`numpy` has no wheel for linux_amd64 with glibc 2\.17 \[ERR_FLAVOR_NO_WHEEL\]/);
  });
});
