// No interpreter can be had: what was tried, why each of it failed, and which setting helps. Each case has a list of
// runtimes of its own, and none falls back to an interpreter of this machine unless it is about that.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ended, manifest, Workshop, withoutSharedBuildCache } from './command.js';

withoutSharedBuildCache();

const isLinux = process.platform === 'linux' && process.arch === 'x64';
let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
  workshop.write('pyproject.toml', manifest());
});
afterEach(() => {
  expect(readdirSync(workshop.folder).filter((name) => name.endsWith('.psp') || name === 'dist')).toEqual([]);
  expect(readdirSync(workshop.scratch())).toEqual([]);
  workshop.remove();
});

/** One entry of a list for uv, as of a mirror. */
function entry(url: string, sha256: string | null): Record<string, unknown> {
  return {
    name: 'cpython',
    arch: { family: 'x86_64', variant: null },
    os: 'linux',
    libc: 'gnu',
    major: 3,
    minor: 14,
    patch: 6,
    prerelease: '',
    url,
    sha256,
    variant: null,
    build: '20260610',
  };
}

/** Writes a list with one entry; gives the variable that names it. */
function listOf(url: string, sha256: string | null): Record<string, string> {
  const list = JSON.stringify({ 'cpython-3.14.6-linux-x86_64-gnu': entry(url, sha256) });
  return { UV_PYTHON_DOWNLOADS_JSON_URL: workshop.write('list.json', list) };
}

function managed(env: Record<string, string>, ...options: string[]): Promise<Ended> {
  return workshop.flavor(['pack', '--runtime', 'managed', ...options], { env });
}

/** The site module of an interpreter, if it is one of Debian's. */
function debianSite(program: string): string | undefined {
  try {
    const script = 'import site; print(site.__file__)';
    const file = execFileSync(program, ['-I', '-S', '-c', script], { encoding: 'utf8' }).trim();
    return readFileSync(file, 'utf8').includes('dist-packages') ? file : undefined;
  } catch {
    return undefined;
  }
}

const ARCHIVE = 'cpython-3.14.6+20260610-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz';
const addressOf = (file: string) => pathToFileURL(file).href.replaceAll('+', '%2B');
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe.skipIf(!isLinux)('a mirror of runtimes (on Linux x64, whose entries the lists have)', () => {
  test('with another archive than its list describes ends the build, whatever else could be had', async () => {
    const archive = workshop.write(ARCHIVE, 'not what the list says');
    const ended = await workshop.flavor(['pack'], { env: listOf(addressOf(archive), sha256('something else')) });
    expect(ended).toMatchSnapshot();
  });

  test('without the archive is told by its address', async () => {
    const url = addressOf(join(workshop.folder, 'gone', ARCHIVE));
    expect(await managed(listOf(url, sha256('')))).toMatchSnapshot();
  });

  test('without a digest ends the build, whatever else could be had', async () => {
    const archive = workshop.write(ARCHIVE, 'anything');
    expect(await workshop.flavor(['pack'], { env: listOf(addressOf(archive), null) })).toMatchSnapshot();
  });

  test('with a damaged archive ends the build, although the digest is right', async () => {
    const archive = workshop.write(ARCHIVE, 'no archive');
    const ended = await managed(listOf(addressOf(archive), sha256('no archive')));
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain(
      "the archive of Python 3.14.6 is not the one of uv's download list: Invalid gzip header",
    );
  });

  test('without the version that is asked for is told', async () => {
    workshop.write('pyproject.toml', manifest({ flavor: 'entry_point = "sample:main"\npython_version = "3.13"' }));
    expect(await managed(listOf('file:///nowhere/x.tar.gz', sha256('')))).toMatchSnapshot();
  });

  test('without anything is told', async () => {
    const list = workshop.write('list.json', '{}');
    expect(await managed({ UV_PYTHON_DOWNLOADS_JSON_URL: list })).toMatchSnapshot();
  });

  test('whose list cannot be read ends the build', async () => {
    const list = join(workshop.folder, 'no-list.json');
    expect(await workshop.flavor(['pack'], { env: { UV_PYTHON_DOWNLOADS_JSON_URL: list } })).toMatchSnapshot();
  });
});

describe('what the user forbids', () => {
  const remote = 'https://mirror.invalid/cpython-3.14.6-install_only.tar.gz';

  test.skipIf(!isLinux)('is not tried: --offline', async () => {
    expect(await managed(listOf(remote, sha256('')), '--offline')).toMatchSnapshot();
  });

  test.skipIf(!isLinux)('is not tried: UV_PYTHON_DOWNLOADS=never', async () => {
    expect(await managed({ ...listOf(remote, sha256('')), UV_PYTHON_DOWNLOADS: 'never' })).toMatchSnapshot();
  });

  test('is not tried: an interpreter of this machine, where a standalone one is wanted', async () => {
    workshop.write(
      'pyproject.toml',
      manifest({ flavor: 'entry_point = "sample:main"\npython.runtime = "managed"\npython_version = "3.11"' }),
    );
    const list = workshop.write('list.json', '{}');
    const ended = await workshop.flavor(['pack'], { env: { UV_PYTHON_DOWNLOADS_JSON_URL: list } });
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).not.toContain('of this machine');
  });
});

describe('interpreters of this machine', () => {
  /** Neither on PATH nor by uv. */
  const nothingInstalled = () => {
    const empty = join(workshop.folder, 'empty');
    return { PATH: empty, UV_PYTHON_INSTALL_DIR: empty };
  };

  const debian = '/usr/bin/python3';
  const site = debianSite(debian);
  test.skipIf(site === undefined)(
    `Debian's is refused by name${site === undefined ? ` (skipped: ${debian} is not Debian's)` : ''}`,
    async () => {
      workshop.write('pyproject.toml', manifest().replace('>=3.11', '>=3.9'));
      const env = { ...nothingInstalled(), PATH: '/usr/bin' };
      const ended = await workshop.flavor(['pack', '--runtime', 'local'], { env });
      expect([ended.exitCode, ended.stdout]).toEqual([1, '']);
      expect(ended.stderr).toMatch(
        /an interpreter of this machine: 3\.\d+\.\d+ of \/usr\/bin\/python3\.\d+ is laid out by Debian \(dist-packages instead of site-packages\)/,
      );
    },
  );

  test('there is none at all: both rungs are named', async () => {
    const list = workshop.write('list.json', '{}');
    const env = { ...nothingInstalled(), UV_PYTHON_DOWNLOADS_JSON_URL: list };
    expect(await workshop.flavor(['pack'], { env })).toMatchSnapshot();
  });

  test('there is none, and nothing else is wanted', async () => {
    const ended = await workshop.flavor(['pack', '--runtime', 'local'], { env: nothingInstalled() });
    expect(ended).toMatchSnapshot();
  });
});

describe('a server that accepts and never answers', () => {
  const sockets = new Set<Socket>();
  let server: Server;
  let address: string;
  beforeEach(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    address = `http://127.0.0.1:${bound.port}`;
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    await new Promise((closed) => server.close(closed));
  });
  const quick = { UV_HTTP_TIMEOUT: '1', UV_HTTP_RETRIES: '0', NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };

  test.skipIf(!isLinux)('does not stop the build for ever when it has the archive', async () => {
    const env = { ...listOf(`${address}/${ARCHIVE}`, sha256('')), ...quick };
    const ended = await managed(env);
    expect([ended.exitCode, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toMatch(
      /could be had for linux_amd64: uv's archive of \S+: .*timed out.* \[ERR_FLAVOR_RUNTIME\]/,
    );
    expect(ended.stderr).toContain('set UV_HTTP_TIMEOUT');
    expect(sockets.size).toBeGreaterThan(0);
  });

  test('does not stop the build for ever when it has the list', async () => {
    const env = { UV_PYTHON_DOWNLOADS_JSON_URL: `${address}/list.json`, ...quick };
    const ended = await workshop.flavor(['pack', '--verbose'], { env });
    expect([ended.exitCode, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toContain('the list of runtimes in UV_PYTHON_DOWNLOADS_JSON_URL could not be read');
    expect(ended.stderr).toContain('no answer in 1 s');
    expect(sockets.size).toBeGreaterThan(0);
  });
});

describe('a runtime that the user gives', () => {
  test('as an archive with another digest is refused', async () => {
    const archive = workshop.write(ARCHIVE, 'other bytes');
    const python = `python = { archive = "${ARCHIVE}", sha256 = "${sha256('these bytes')}" }`;
    workshop.write('pyproject.toml', manifest({ flavor: `entry_point = "sample:main"\n${python}` }));
    const ended = await workshop.flavor(['pack']);
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain('SHA-256 of the runtime archive does not match');
    expect(dirname(archive)).toBe(workshop.folder);
  });

  test('as a folder that is a virtual environment is refused', async () => {
    workshop.write('venv/pyvenv.cfg', 'home = /usr/bin\n');
    expect(await workshop.flavor(['pack', '--python-archive', 'venv'])).toMatchSnapshot();
  });
});
