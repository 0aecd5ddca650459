// What gets into the dependencies slot, from every kind of source, and what must not. Most cases end when the slot is
// staged: a listener that throws cancels the build there.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, posix } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type PackOptions, type ProgressEvent, pack } from '../../dist/index.js';
import { childEnvironment } from '../../dist/python/environment.js';
import { root } from './command.js';
import { PackageIndex } from './package-index.js';
import { SampleWorkshop } from './sample-workshop.js';
import { writeSdist, writeTiny, writeWheel } from './tiny-projects.js';

let workshop: SampleWorkshop;
let links: string;
let env: Record<string, string>;
beforeEach(() => {
  workshop = new SampleWorkshop();
  ({ links, env } = workshop);
});
afterEach(() => workshop.remove());

interface Distribution {
  readonly name: string;
  readonly version: string;
  readonly kind: string;
  readonly sha256?: string;
  readonly commit?: string;
}

interface Staged {
  readonly distributions: readonly Distribution[];
  readonly warnings: readonly string[];
  /** Files of the slot. */
  readonly files: readonly string[];
}

/** Builds until the dependencies are staged, looks at them, and cancels. */
async function staged(options: PackOptions = {}, look: (slot: string) => void = () => undefined): Promise<Staged> {
  const warnings: string[] = [];
  let result: Staged | undefined;
  const reached = new Error('far enough');
  const onProgress = (event: ProgressEvent): void => {
    if (event.type === 'warning') warnings.push(event.message);
    if (event.type !== 'stage' || event.stage !== 'dependencies' || event.state !== 'done') return;
    const [scratch = ''] = readdirSync(workshop.scratch());
    const slot = join(workshop.scratch(), scratch, 'slots/dependencies');
    const record = JSON.parse(readFileSync(join(slot, '_flavor/resolution.json'), 'utf8')) as Staged;
    look(slot);
    result = { distributions: record.distributions, warnings, files: filesOf(slot) };
    throw reached;
  };
  const former = process.env['TMPDIR'];
  process.env['TMPDIR'] = workshop.scratch();
  try {
    await expect(
      pack({ manifest: workshop.project, environment: { ...process.env, ...env }, ...options, onProgress }),
    ).rejects.toBe(reached);
  } finally {
    if (former === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = former;
  }
  if (result === undefined) throw new Error('the dependencies were not staged');
  return result;
}

/** Paths of the files below a folder, sorted. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

const named = ({ distributions }: Staged): string[] => distributions.map(({ name, version }) => `${name}==${version}`);

async function git(...args: string[]): Promise<string> {
  const identity = ['-c', 'user.name=nobody', '-c', 'user.email=nobody@example.org', '-c', 'init.defaultBranch=main'];
  return (await execa('git', [...identity, ...args], { env: { GIT_CONFIG_GLOBAL: '/dev/null' } })).stdout;
}

async function uvLock(folder: string): Promise<void> {
  await execa(process.env['FLAVOR_UV'] ?? 'uv', ['lock', '--no-index', '--find-links', links], { cwd: folder, env });
}

describe('without a lock', () => {
  test('what was chosen is recorded with digests, markers are obeyed, and no note of uv is left', async () => {
    const sha256 = writeWheel(links, { name: 'tool', version: '1.2' });
    writeWheel(links, { name: 'windows-only' });
    workshop.sample({ dependencies: ['tool', "windows-only; sys_platform == 'win32'"] });
    const result = await staged();
    expect(result.distributions).toEqual([{ name: 'tool', version: '1.2', kind: 'wheel', sha256 }]);
    expect(result.files).toEqual([
      '_flavor/resolution.json',
      ...['INSTALLER', 'METADATA', 'RECORD', 'REQUESTED', 'WHEEL'].map(
        (name) => `site-packages/tool-1.2.dist-info/${name}`,
      ),
      'site-packages/tool.py',
    ]);
  });

  test('extras, groups and extra packages are added; groups of development are not', async () => {
    for (const name of ['base', 'colour', 'docs', 'linter', 'more']) writeWheel(links, { name });
    workshop.sample({
      dependencies: ['base'],
      project: '[project.optional-dependencies]\ncolours = ["colour"]\nall = ["sample[colours]"]',
      more: '[dependency-groups]\ndev = ["linter"]\ndocs = ["docs"]',
      flavor: '[tool.flavor.build]\nextra_packages = ["more"]\nextras = ["all"]',
    });
    expect(named(await staged({ groups: ['docs'] }))).toEqual(['base==1.0', 'colour==1.0', 'docs==1.0', 'more==1.0']);
  });

  test('requirements that only the back end knows are asked from the wheel, those of extras too', async () => {
    for (const name of ['base', 'colour']) writeWheel(links, { name });
    const backend = `import os
with open("pyproject.toml") as file: text = file.read()
text = text.replace('dynamic = ["dependencies", "optional-dependencies"]', 'dependencies = ["base"]\\noptional-dependencies = {colours = ["colour"]}')
with open("pyproject.toml", "w") as file: file.write(text)
`;
    workshop.sample({ backend });
    const file = join(workshop.project, 'pyproject.toml');
    const text = readFileSync(file, 'utf8').replace(
      'dependencies = []',
      'dynamic = ["dependencies", "optional-dependencies"]',
    );
    workshop.write('sample/pyproject.toml', text);
    expect(named(await staged({ extras: ['colours'] }))).toEqual(['base==1.0', 'colour==1.0']);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  test('local projects of the manifest are built and bring what they depend on; their folders stay as they were', async () => {
    writeWheel(links, { name: 'base' });
    writeTiny(join(workshop.folder, 'libs/one'), {
      name: 'one',
      dependencies: ['two', 'base'],
      more: '[tool.uv.sources]\ntwo = { path = "../two", editable = true }',
    });
    writeTiny(join(workshop.folder, 'libs/two'), { name: 'two', version: '2.0' });
    workshop.sample({ flavor: '[tool.flavor.build]\ndependencies = ["../libs/one"]' });
    const before = [...filesOf(join(workshop.folder, 'libs')), ...filesOf(workshop.project)];
    const result = await staged();
    expect(result.distributions.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'base wheel',
      'one local',
      'two local',
    ]);
    expect(result.files).toContain('site-packages/two.py');
    expect([...filesOf(join(workshop.folder, 'libs')), ...filesOf(workshop.project)]).toEqual(before);
  });

  test('source distributions are built and named; so are git repositories, by their commit', async () => {
    const sha256 = writeSdist(links, { name: 'from-source', version: '3.1' });
    const repository = writeTiny(join(workshop.folder, 'repository'), { name: 'from-git', version: '4.0' });
    await git('init', '--quiet', repository);
    await git('-C', repository, 'add', '.');
    await git('-C', repository, 'commit', '--quiet', '--message', 'all');
    const commit = await git('-C', repository, 'rev-parse', 'HEAD');
    workshop.sample({
      dependencies: ['from-source', 'from-git'],
      more: `[tool.uv.sources]\nfrom-git = { git = "file://${repository}" }`,
    });
    const result = await staged();
    expect(result.distributions).toEqual([
      { name: 'from-git', version: '4.0', kind: 'git', commit },
      { name: 'from-source', version: '3.1', kind: 'sdist', sha256 },
    ]);
  });

  test('files are copies: nothing of the slot is linked to the cache of uv', async () => {
    writeWheel(links, { name: 'tool' });
    workshop.sample({ dependencies: ['tool'] });
    await staged({}, (slot) => {
      const linked = filesOf(slot).filter((file) => statSync(join(slot, file)).nlink > 1);
      expect(linked).toEqual([]);
      expect(filesOf(env['UV_CACHE_DIR'] ?? '').some((file) => file.endsWith('tool.py'))).toBe(true);
    });
  });
});

describe('with a lock', () => {
  test('uv.lock decides, for a member of a workspace with siblings, paths, git and extras', async () => {
    writeWheel(links, { name: 'tool', version: '1.0' });
    const repository = writeTiny(join(workshop.folder, 'repository'), { name: 'from-git' });
    await git('init', '--quiet', repository);
    await git('-C', repository, 'add', '.');
    await git('-C', repository, 'commit', '--quiet', '--message', 'all');
    const top = join(workshop.folder, 'workspace');
    workshop.project = join(top, 'apps/sample');
    workshop.write('workspace/pyproject.toml', '[tool.uv.workspace]\nmembers = ["apps/*", "libs/*"]\n');
    writeTiny(join(top, 'libs/sibling'), { name: 'sibling', dependencies: ['tool'] });
    writeTiny(join(workshop.folder, 'aside'), { name: 'aside' });
    workshop.sample({
      dependencies: ['sibling', 'aside'],
      project: '[project.optional-dependencies]\nmore = ["from-git"]',
      more: `[tool.uv.sources]
sibling = { workspace = true }
aside = { path = "../../../aside" }
from-git = { git = "file://${repository}" }`,
    });
    await uvLock(top);
    writeWheel(links, { name: 'tool', version: '2.0' });
    const before = filesOf(workshop.folder).filter((file) => /^(workspace|aside|repository)\//.test(file));
    const result = await staged({ extras: ['more'], locked: true });
    expect(result.warnings).toEqual([]);
    expect(result.distributions.map(({ name, version, kind }) => `${name} ${version} ${kind}`)).toEqual([
      'aside 1.0 local',
      'from-git 1.0 git',
      'sibling 1.0 local',
      'tool 1.0 wheel',
    ]);
    const after = filesOf(workshop.folder).filter((file) => /^(workspace|aside|repository)\//.test(file));
    expect(after).toEqual(before);
  });

  test('an outdated uv.lock is renewed for the package only, with a warning; what fits stays', async () => {
    writeWheel(links, { name: 'tool', version: '1.0' });
    writeWheel(links, { name: 'other' });
    workshop.sample({ dependencies: ['tool'] });
    await uvLock(workshop.project);
    writeWheel(links, { name: 'tool', version: '2.0' });
    workshop.sample({ dependencies: ['tool', 'other'] });
    const before = readFileSync(join(workshop.project, 'uv.lock'), 'utf8');
    const result = await staged();
    expect(named(result)).toEqual(['other==1.0', 'tool==1.0']);
    expect(result.warnings).toEqual([expect.stringContaining('uv.lock does not fit the project any more')]);
    expect(readFileSync(join(workshop.project, 'uv.lock'), 'utf8')).toBe(before);
  });

  test('requirements files with digests decide, and nothing else is installed', async () => {
    const one = writeWheel(links, { name: 'tool', version: '1.0', dependencies: ['base'] });
    const base = writeWheel(links, { name: 'base' });
    writeWheel(links, { name: 'tool', version: '2.0' });
    workshop.write('sample/base.txt', `base==1.0 --hash=sha256:${base}\n`);
    workshop.write('sample/requirements.txt', `# made by hand\n-r base.txt\ntool==1.0 \\\n  --hash=sha256:${one}\n`);
    workshop.sample({ dependencies: ['tool'], flavor: '[tool.flavor.build]\nrequirements = ["requirements.txt"]' });
    expect(named(await staged({ locked: true }))).toEqual(['base==1.0', 'tool==1.0']);
  });

  test('what the manifest adds obeys the versions of the lock', async () => {
    const sha256 = writeWheel(links, { name: 'base', version: '1.0' });
    writeWheel(links, { name: 'base', version: '2.0' });
    writeWheel(links, { name: 'extra', dependencies: ['base'] });
    workshop.write(
      'sample/pylock.toml',
      `lock-version = "1.0"\ncreated-by = "a test"\n\n[[packages]]\nname = "base"\nversion = "1.0"\nwheels = [{ path = "../links/base-1.0-py3-none-any.whl", hashes = { sha256 = "${sha256}" } }]\n`,
    );
    workshop.sample({ dependencies: ['base'], flavor: '[tool.flavor.build]\nextra_packages = ["extra"]' });
    expect(named(await staged())).toEqual(['base==1.0', 'extra==1.0']);
  });
});

describe('a finished package', () => {
  test('[slow] holds no password of an index, no path, user or host name of the machine, and true RECORD files', async () => {
    writeSdist(links, { name: 'from-source', module: 'class Broken(Exception):\n    pass\n' });
    writeWheel(links, { name: 'tool', dependencies: ['from-source'] });
    writeTiny(join(workshop.folder, 'lib'), { name: 'lib', project: '[project.scripts]\nlib-tool = "lib:main"' });
    workshop.sample({
      dependencies: ['tool', 'lib'],
      more: '[tool.uv.sources]\nlib = { path = "../lib" }',
      project: '[project.scripts]\nsample = "sample:main"',
    });
    const index = await PackageIndex.start(links, 'author:correct-horse');
    const home = join(workshop.folder, 'home-of-the-author');
    mkdirSync(home);
    const packed = await workshop.flavor(['pack', '-v', '-m', workshop.project, '-o', 'out.psp', '--level', '3'], {
      env: {
        ...env,
        HOME: home,
        USER: 'author-of-this',
        LOGNAME: 'author-of-this',
        UV_NO_INDEX: '',
        UV_FIND_LINKS: '',
        UV_INDEX_URL: `http://author:correct-horse@${index.host}/simple/`,
      },
    });
    const { host } = index;
    await index.stop();
    expect(packed.exitCode).toBe(0);
    expect(packed.stderr).toContain('warning: from-source==1.0 was built from its source distribution');
    expect(index.served).toContain('/files/tool-1.0-py3-none-any.whl');
    expect((await workshop.flavor(['extract-all', '-q', 'out.psp', 'out'])).exitCode).toBe(0);
    const out = join(workshop.folder, 'out');
    const traces = ['correct-horse', host, workshop.folder, root, 'author-of-this', 'home-of-the-author'];
    if (hostname().length > 5) traces.push(hostname());
    const found = filesOf(out).flatMap((file) => {
      const content = readFileSync(join(out, file));
      return traces.filter((trace) => content.includes(trace)).map((trace) => `${file}: ${trace}`);
    });
    expect(found).toEqual([]);
    const notes = filesOf(out).filter((file) => /(direct_url|uv_cache|uv_build)\.json$|packages\/\.lock$/.test(file));
    expect(notes).toEqual([]);
    for (const file of filesOf(out).filter((path) => /\.dist-info\/RECORD$/.test(path))) {
      expect(untrueLines(out, file)).toEqual([]);
    }
  });

  test('of an index that pip is told of holds its password neither', async () => {
    writeWheel(links, { name: 'tool' });
    workshop.sample({ dependencies: ['tool'] });
    const index = await PackageIndex.start(links, 'author:correct-horse');
    const address = `http://author:correct-horse@${index.host}/simple/`;
    const environment = { ...process.env, ...env, UV_NO_INDEX: '', UV_FIND_LINKS: '', PIP_INDEX_URL: address };
    const { files } = await staged({ environment }, (slot) => {
      for (const file of filesOf(slot)) expect(readFileSync(join(slot, file), 'utf8')).not.toContain('correct-horse');
    });
    await index.stop();
    expect(files).toContain('site-packages/tool.py');
    expect(index.served).toContain('/files/tool-1.0-py3-none-any.whl');
  });
});

test('s25_credentials_of_an_index_reach_uv_and_no_other_child', () => {
  const secret = {
    UV_DEFAULT_INDEX: 'https://me:x@host/',
    UV_INDEX_URL: 'https://me:x@host/',
    UV_INDEX_PRIVATE_PASSWORD: 'x',
    PIP_INDEX_URL: 'https://me:x@host/',
    PIP_EXTRA_INDEX_URL: 'https://me:x@host/',
  };
  const rest = { UV_FIND_LINKS: 'wheels', PATH: '/bin' };
  expect(childEnvironment({ ...secret, ...rest })).toEqual(rest);
  expect(childEnvironment({ ...secret, ...rest }, {}, true)).toEqual({ ...secret, ...rest });
});

/** Lines of a RECORD that name what is not there or has another digest or size; the work environment makes the commands. */
function untrueLines(out: string, record: string): string[] {
  const sitePackages = posix.dirname(posix.dirname(record));
  return readFileSync(join(out, record), 'utf8')
    .split('\n')
    .filter((line) => {
      const [, path = '', digest, size] = /^(.+),([^,]*),([^,]*)$/.exec(line) ?? [];
      if (path === '' || (digest === '' && posix.basename(posix.dirname(path)) === 'bin')) return false;
      let content: Buffer;
      try {
        content = readFileSync(join(out, sitePackages, path));
      } catch {
        return true;
      }
      const actual = `sha256=${createHash('sha256').update(content).digest('base64url')}`;
      return (digest !== '' && digest !== actual) || (size !== '' && Number(size) !== content.length);
    });
}
