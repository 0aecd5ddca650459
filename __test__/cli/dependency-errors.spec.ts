// What is said when a dependency cannot be had: exit code, message and hint in one snapshot. Nothing is left behind.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ended, Workshop } from './command.js';
import { PackageIndex } from './package-index.js';
import { type TinyProject, writeSdist, writeTiny, writeWheel } from './tiny-projects.js';

let workshop: Workshop;
let links: string;
beforeEach(() => {
  workshop = new Workshop();
  links = join(workshop.folder, 'links');
  mkdirSync(links);
});
afterEach(() => workshop.remove());

/** Packs a project that depends on what the folder `links` holds, without pip. */
async function pack(
  tiny: Partial<TinyProject> & { flavor?: string },
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Ended> {
  const { flavor = '', more = '', ...rest } = tiny;
  writeTiny(workshop.folder, {
    name: 'sample',
    ...rest,
    more: `${more}\n[tool.flavor]\nentry_point = "sample:main"\ninclude_pip = false\n${flavor}`,
  });
  const ended = await workshop.flavor(['pack', '-q', '--level', '3', ...args], {
    env: { UV_FIND_LINKS: links, UV_CACHE_DIR: join(workshop.folder, 'uv'), ...env },
  });
  expect(readdirSync(workshop.folder)).not.toContain('dist');
  expect(readdirSync(workshop.scratch())).toEqual([]);
  return { ...ended, stderr: ended.stderr.replaceAll(/\b(linux|darwin|windows)_(amd64|arm64)(_musl)?\b/g, '<target>') };
}

function pylock(packages: string): void {
  writeFileSync(join(workshop.folder, 'pylock.toml'), `lock-version = "1.0"\ncreated-by = "a test"\n\n${packages}`);
}

const ZEROS = '0'.repeat(64);

describe('resolving', () => {
  test('versions that no index has are told with the requirement', async () => {
    writeWheel(links, { name: 'tool', version: '1.0' });
    expect(await pack({ dependencies: ['tool>=2'] })).toMatchSnapshot();
  });

  test('requirements that exclude each other are told', async () => {
    writeWheel(links, { name: 'tool', version: '1.0' });
    writeWheel(links, { name: 'tool', version: '2.0' });
    writeWheel(links, { name: 'other', dependencies: ['tool<2'] });
    expect(await pack({ dependencies: ['tool>=2', 'other'] })).toMatchSnapshot();
  });

  test('an unknown name is told', async () => {
    expect(await pack({ dependencies: ['no-such-tool'] })).toMatchSnapshot();
  });

  test('a requirement that is none is told', async () => {
    expect(await pack({ flavor: '[tool.flavor.build]\nextra_packages = ["tool =>"]' })).toMatchSnapshot();
  });

  test('an extra that the project does not have is told with those that it has', async () => {
    const project = '[project.optional-dependencies]\ncolours = []';
    expect(await pack({ project }, ['--extra', 'colors'])).toMatchSnapshot();
  });

  test('a dependency group that the project does not have is told', async () => {
    expect(await pack({}, ['--group', 'docs'])).toMatchSnapshot();
  });

  test('a local project that does not exist is told with its path', async () => {
    expect(await pack({ flavor: '[tool.flavor.build]\ndependencies = ["nowhere"]' })).toMatchSnapshot();
  });
});

describe('digests', () => {
  test('a locked file that has another digest is refused with both', async () => {
    writeWheel(links, { name: 'tool' });
    pylock(
      `[[packages]]\nname = "tool"\nversion = "1.0"\nwheels = [{ path = "links/tool-1.0-py3-none-any.whl", hashes = { sha256 = "${ZEROS}" } }]\n`,
    );
    const ended = await pack({ dependencies: ['tool'] });
    expect(ended).toMatchSnapshot();
  });

  test('requirements whose digest no file has are refused', async () => {
    writeWheel(links, { name: 'tool' });
    workshop.write('requirements.txt', `tool==1.0 --hash=sha256:${ZEROS}\n`);
    const flavor = '[tool.flavor.build]\nrequirements = ["requirements.txt"]';
    expect(await pack({ dependencies: ['tool'], flavor })).toMatchSnapshot();
  });

  test('a requirement without a digest among others with one is refused, also an indirect one', async () => {
    writeWheel(links, { name: 'base' });
    const digest = writeWheel(links, { name: 'tool', dependencies: ['base'] });
    workshop.write('requirements.txt', `tool==1.0 \\\n    --hash=sha256:${digest}\n`);
    const flavor = '[tool.flavor.build]\nrequirements = ["requirements.txt"]';
    expect(await pack({ dependencies: ['tool'], flavor })).toMatchSnapshot();
  });
});

describe('lock files', () => {
  test('`--locked` without one is refused', async () => {
    expect(await pack({}, ['--locked'])).toMatchSnapshot();
  });

  test('one that the manifest names and that is not there is told', async () => {
    expect(await pack({ flavor: '[tool.flavor.build]\nlock = "uv"' })).toMatchSnapshot();
  });

  test('a pylock.toml that is malformed is told', async () => {
    workshop.write('pylock.toml', 'lock-version = "9.0"\n');
    expect(await pack({})).toMatchSnapshot();
  });

  test('a pylock.toml without what the project requires is outdated', async () => {
    const digest = writeWheel(links, { name: 'tool', version: '1.0' });
    pylock(
      `[[packages]]\nname = "tool"\nversion = "1.0"\nwheels = [{ path = "links/tool-1.0-py3-none-any.whl", hashes = { sha256 = "${digest}" } }]\n`,
    );
    expect(await pack({ dependencies: ['tool>=2', 'other'] })).toMatchSnapshot();
  });

  test('an outdated uv.lock is an error with `--locked`', async () => {
    workshop.write(
      'uv.lock',
      'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n[[package]]\nname = "sample"\nversion = "1.0"\nsource = { editable = "." }\n',
    );
    writeWheel(links, { name: 'tool' });
    expect(await pack({ dependencies: ['tool'] }, ['--locked'])).toMatchSnapshot();
  });
});

describe('source distributions', () => {
  test('one that does not build is told with the end of what its back end said', async () => {
    writeSdist(links, { name: 'broken', backend: 'raise SystemExit("no compiler here")' });
    expect(await pack({ dependencies: ['broken'] })).toMatchSnapshot();
  });

  test('one that may not be built is refused by name and target', async () => {
    writeSdist(links, { name: 'tool' });
    expect(await pack({ dependencies: ['tool'] }, [], { UV_NO_BUILD: '1' })).toMatchSnapshot();
  });

  test('a locked distribution with wheels of other platforms only is refused by name and target', async () => {
    const digest = writeWheel(links, { name: 'tool' }, 'cp314-cp314-win_amd64');
    pylock(
      `[[packages]]\nname = "tool"\nversion = "1.0"\nwheels = [{ path = "links/tool-1.0-cp314-cp314-win_amd64.whl", hashes = { sha256 = "${digest}" } }]\n`,
    );
    expect(await pack({ dependencies: ['tool'] })).toMatchSnapshot();
  });

  test('a local project that does not build is told', async () => {
    writeTiny(join(workshop.folder, 'broken'), { name: 'broken', backend: 'raise SystemExit("no compiler here")' });
    const flavor = '[tool.flavor.build]\ndependencies = ["broken"]';
    expect(await pack({ flavor })).toMatchSnapshot();
  });
});

describe('the network', () => {
  const online = { UV_NO_INDEX: '', UV_HTTP_RETRIES: '0' };

  test('with `--offline` what is not cached is told', async () => {
    expect(await pack({ dependencies: ['tool'] }, ['--offline'], online)).toMatchSnapshot();
  });

  test('an index that does not answer is told with its address, without the password', async () => {
    const index = await PackageIndex.start(links);
    const { host } = index;
    await index.stop();
    const env = { ...online, UV_DEFAULT_INDEX: `http://me:hunter2@${host}/simple/` };
    const ended = await pack({ dependencies: ['tool'] }, ['--verbose'], env);
    expect([ended.exitCode, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toContain(`the package index cannot be reached: http://${host}/simple/tool/`);
    expect(ended.stderr).toContain('[ERR_FLAVOR_INDEX]');
    expect(ended.stderr).not.toContain('hunter2');
  });

  test('an index that wants other credentials is told', async () => {
    writeWheel(links, { name: 'tool' });
    const index = await PackageIndex.start(links, 'me:right');
    const env = { ...online, UV_FIND_LINKS: '', UV_DEFAULT_INDEX: `http://me:wrong@${index.host}/simple/` };
    const ended = await pack({ dependencies: ['tool'] }, ['--verbose'], env);
    await index.stop();
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain('the package index refuses the credentials');
    expect(ended.stderr).not.toContain('wrong');
  });
});
