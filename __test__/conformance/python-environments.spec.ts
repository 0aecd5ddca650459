// Each numbered point of what real projects do to an environment (python-environments.md), with real distributions on
// both interpreters. Points 2, 4 and 5 without servers stand in python-start.spec.ts, 8 also in python.spec.ts.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Packed, packProject, RUN } from '../python/packed.js';
import { Machine, treeDigest } from './packaged.js';

const FILES = {
  'src/many/__init__.py': RUN,
  'src/many/coloured.py': 'import no_such_colours\n\ndef main():\n    return 0\n',
  'src/many/bad.py': 'this does not compile\n',
  'src/many/web.py': `
import json, os, sys

def answer():
    import site
    state = [sys.prefix, callable(exit), site.ENABLE_USER_SITE, os.getppid(), os.getpid()]
    return json.dumps(state).encode()

async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer()})

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [answer()]
`,
  'src/many/settings.py': `
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "not a secret"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
USE_TZ = True
`,
  'src/many/tasks.py': `
import os, sys
from celery import Celery
folder = os.environ["QUEUE"]
app = Celery("many", broker="filesystem://")
app.conf.broker_transport_options = {name: folder for name in ("data_folder_in", "data_folder_out", "control_folder")}
app.conf.broker_connection_retry_on_startup = True

@app.task
def note(path):
    from billiard import current_process
    with open(path + ".new", "w") as file:
        file.write("%s %s %s" % (sys.prefix, callable(exit), current_process().name))
    os.rename(path + ".new", path)
`,
};

const WHEELS = [
  {
    name: 'flavortest_made',
    files: {
      'made/__init__.py': '',
      'made/templates/setup.py': 'class {{ name }}:\n',
      'flavortest_made-1.0.data/scripts/made-plain': '#!python\nimport sys, made\nprint(sys.prefix, sys.argv[1:])\n',
      'flavortest_made-1.0.data/scripts/made-shell': '#!/bin/sh\necho shell "$@"\n',
      'flavortest_made-1.0.data/data/share/jupyter/kernels/made/kernel.json':
        '{"argv": ["made"], "display_name": "Made"}',
      'flavortest_made-1.0.data/data/etc/made.conf': 'made = yes\n',
      'flavortest_made-1.0.data/headers/made.h': '#define MADE 1\n',
    },
  },
];

/** A port that nobody listens on now. */
async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Asks until somebody answers. */
async function answerOf(port: number): Promise<unknown> {
  for (;;) {
    try {
      return await (await fetch(`http://127.0.0.1:${port}/`)).json();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 100));
}

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

describe.each(['3.14', '3.11'])('with Python %s [slow]', (python) => {
  // What the interpreter has no part in (modes and times of files, scripts, folders, PATH, certificates) is tried with one.
  const isNewest = python === '3.14';
  const onNewest: (title: string, test: () => unknown) => void = isNewest ? it : () => undefined;
  let packed: Packed;
  let machine: Machine;
  let w: string;
  beforeAll(async () => {
    packed = await packProject({
      name: 'many',
      python,
      files: FILES,
      dependencies: [
        ...['setuptools', 'coverage', 'zope.event', 'zope.deprecation', 'zope.interface', 'sphinxcontrib-jsmath'],
        ...['uvicorn', 'gunicorn', 'celery'],
        ...(isNewest ? ['ruff', 'alembic', 'ipykernel', 'django', 'certifi', 'flavortest_made'] : []),
      ],
      scripts: { many: 'many:main', 'many-coloured': 'many.coloured:main [colours]' },
      wheels: WHEELS,
      toml: [
        '[tool.flavor.commands]',
        'serve = ["uvicorn", "many.web:asgi", "--host", "127.0.0.1"]',
        'wsgi = ["gunicorn", "many.web:wsgi"]',
        'work = ["celery", "-A", "many.tasks", "worker", "-P", "prefork", "-c", "1", "-l", "WARNING"]',
        ...(isNewest
          ? [
              'plain = ["made-plain", "first"]',
              'check = { argv = ["ruff", "--version"], env = { RUFF_CACHE_DIR = "{workenv}/ruff" } }',
            ]
          : []),
      ].join('\n'),
    });
    machine = new Machine(undefined, 'many.psp', packed.package);
    w = String((await machine.python('import sys\nprint(sys.prefix)')).stdout);
  });
  afterAll(() => {
    machine?.[Symbol.dispose]();
    packed?.[Symbol.dispose]();
  });

  it('a command of an extra that is not packed is a warning, where another one is the default', () => {
    expect(packed.warnings).toContain('command `many-coloured` does not work without `--extra colours`');
  });

  const command = (name: string, args: readonly string[] = [], env: Record<string, string> = {}) =>
    machine.start(args, { env: { FLAVOR_COMMAND: name, ...env } });

  onNewest('1: package files can be copied and edited, and generators leave files that can be edited', async () => {
    const folder = join(machine.root, 'migrations');
    const result = await machine.python(
      `
      import pathlib, shutil, subprocess, sys, alembic
      copy = pathlib.Path(sys.argv[1] + "-copy")
      shutil.copytree(pathlib.Path(alembic.__file__).parent / "templates", copy)
      for file in copy.rglob("*.mako"): file.write_text("edited")
      shutil.rmtree(copy)
      subprocess.run(["alembic", "init", sys.argv[1]], check=True, stdout=subprocess.DEVNULL)
      (pathlib.Path(sys.argv[1]) / "env.py").write_text("edited")
      `,
      [folder],
      { cwd: machine.root },
    );
    expect(result.stderr).toBe('');
    expect(readFileSync(join(folder, 'env.py'), 'utf8')).toBe('edited');
  });

  it('2: with variables that make every pyc miss, nothing is written into slots', async () => {
    const before = treeDigest(machine.slots);
    const env = { PYTHONOPTIMIZE: '1', PYTHONPYCACHEPREFIX: join(machine.root, 'pycs') };
    const result = await machine.python('import celery.bin.celery, uvicorn.main\nprint(__debug__)', [], { env });
    expect(result.stdout).toBe('True');
    expect(exists(join(machine.root, 'pycs'))).toBe(false);
    expect(treeDigest(machine.slots)).toBe(before);
  });

  onNewest(
    '3: files have the time of their unpacking, so that they can be zipped and caches see an upgrade',
    async () => {
      const result = await machine.python(`
      import io, os, time, zipfile, made, many
      for module in (made, many):
          zipfile.ZipFile(io.BytesIO(), "w").write(module.__file__)
          print(abs(time.time() - os.stat(module.__file__).st_mtime) < 86400)
    `);
      expect(result.stderr).toBe('');
      expect(result.stdout).toBe('True\nTrue');
    },
  );

  it('4: namespaces of two distributions meet without their .pth lines', async () => {
    expect(packed.result.start.mode).toBe('fast');
    const result = await machine.python(
      [
        'import importlib.util, zope.event, zope.deprecation, zope.interface',
        'from zope.interface import Interface, _zope_interface_coptimizations, implementer',
        'class Told(Interface): pass',
        'implementer(Told)(type("Teller", (), {}))',
        'print(len(list(zope.__path__)), importlib.util.find_spec("sphinxcontrib.jsmath") is not None)',
      ].join('\n'),
    );
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe('1 True');
  });

  it('5: the workers of uvicorn are the environment', async () => {
    const port = await freePort();
    const server = command('serve', ['--port', String(port), '--workers', '2', '--log-level', 'warning']);
    const [prefix, ...state] = (await answerOf(port)) as unknown[];
    expect([prefix, state[0], state[1]]).toEqual([w, true, false]);
    expect(state[2]).toBe(server.pid);
    server.kill('SIGTERM');
    await server;
  });

  it('5: uvicorn reloads', async () => {
    const port = await freePort();
    const folder = join(machine.root, 'watched');
    mkdirSync(folder);
    writeFileSync(join(folder, 'watched.py'), '');
    const args = ['--port', String(port), '--reload', '--reload-dir', folder, '--log-level', 'warning'];
    const server = command('serve', args);
    const [prefix, , , , first] = (await answerOf(port)) as unknown[];
    expect(prefix).toBe(w);
    // It may answer before it has looked at the files for the first time, and takes what it finds then for unchanged.
    const touch = (seconds: number): void => utimesSync(join(folder, 'watched.py'), seconds, seconds);
    let now = first;
    for (let round = 0; now === first; round += 1) {
      if (round % 20 === 0) touch(Math.floor(Date.now() / 1000) + round);
      await new Promise((resolve) => setTimeout(resolve, 100));
      [, , , , now] = (await answerOf(port)) as unknown[];
    }
    server.kill('SIGINT');
    expect(String((await server).stderr)).not.toContain('Traceback');
  });

  it('5: gunicorn forks its workers, and celery its pool', async () => {
    const port = await freePort();
    const server = command('wsgi', ['-w', '2', '-b', `127.0.0.1:${port}`]);
    const [prefix, hasExit, userSite, parent] = (await answerOf(port)) as unknown[];
    expect([prefix, hasExit, userSite, parent]).toEqual([w, true, false, server.pid]);
    server.kill('SIGTERM');
    await server;

    const queue = join(machine.root, 'queue');
    mkdirSync(queue);
    const note = join(machine.root, 'note');
    const worker = command('work', [], { QUEUE: queue, C_FORCE_ROOT: '1' });
    const sent = await machine.python('import sys\nfrom many.tasks import note\nnote.delay(sys.argv[1])', [note], {
      env: { QUEUE: queue },
    });
    expect(sent.stderr).toBe('');
    await until(() => exists(note));
    worker.kill('SIGTERM');
    await worker;
    expect(readFileSync(note, 'utf8')).toMatch(new RegExp(`^${w} True ForkPoolWorker-1$`));
  });

  onNewest('6: plain scripts, programs and shell scripts of wheels run by name, by path and as commands', async () => {
    const names = await machine.python(
      `
      import shutil, subprocess
      for command in (["made-plain", "a b"], ["made-shell", "a b"], ["ruff", "--version"]):
          print(subprocess.check_output(command, text=True).strip())
      print(shutil.which("python3"), shutil.which("ruff"))
    `,
      [],
      { env: { PATH: '/nonexistent' } },
    );
    expect(names.stderr).toBe('');
    const [plain, shell, ruff, found] = String(names.stdout).split('\n');
    expect(plain).toBe(`${w} ['a b']`);
    expect(shell).toBe('shell a b');
    expect(ruff).toMatch(/^ruff \d/);
    expect(found).toBe(`None ${w}/scripts/ruff`);
    for (const folder of ['bin', 'scripts']) {
      const direct = await machine.start(['x'], {
        file: join(w, folder, 'made-plain'),
        env: { PATH: '/nonexistent' },
      });
      expect(direct.stdout).toBe(`${w} ['x']`);
      const cli = await machine.start(['--version'], {
        file: join(w, folder, 'uvicorn'),
        env: { PATH: '/nonexistent' },
      });
      expect(cli.stdout).toMatch(/^Running uvicorn/);
    }
    expect((await command('plain', ['second'])).stdout).toBe(`${w} ['first', 'second']`);
    expect((await command('check')).stdout).toBe(ruff);
  });

  onNewest('6: share, etc and include of wheels are below sys.prefix and cannot be imported', async () => {
    const result = await machine.python(`
      import importlib.metadata, importlib.util, json, pathlib, subprocess, sys, sysconfig
      data = pathlib.Path(sysconfig.get_path("data"))
      print(json.loads((data / "share/jupyter/kernels/made/kernel.json").read_text())["display_name"])
      print((data / "etc/made.conf").read_text().strip(), len(list((data / "include").rglob("made.h"))))
      print([name for name in ("share", "etc", "include", "bin") if importlib.util.find_spec(name)])
      paths = json.loads(subprocess.check_output(["jupyter", "--paths", "--json"], text=True))
      print(str(data / "share/jupyter") in paths["data"])
      files = importlib.metadata.files("flavortest_made") + importlib.metadata.files("many")
      print([str(file) for file in files if not file.locate().exists()])
      import base64, hashlib
      for file in files:
          if file.hash:
              digest = hashlib.new(file.hash.mode, file.locate().read_bytes()).digest()
              assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value, file
              assert file.size == file.locate().stat().st_size, file
      print(sorted(file.name for file in files if file.parent.name == "bin"))
    `);
    expect(result.stderr).toBe('');
    expect(String(result.stdout).split('\n')).toEqual([
      'Made',
      'made = yes 1',
      '[]',
      'True',
      '[]',
      "['made-plain', 'made-shell', 'many', 'many-coloured']",
    ]);
  });

  onNewest('6: a Jupyter kernel is found by its specification and runs in the environment', async () => {
    const result = await machine.python(`
      import sys
      from jupyter_client.manager import start_new_kernel

      manager, client = start_new_kernel(kernel_name="python3")
      try:
          print(manager.kernel_spec.resource_dir == sys.prefix + "/share/jupyter/kernels/python3")
          code = "import sys, many; print([sys.prefix, sys.executable, callable(exit), many.__name__])"
          reply = client.execute_interactive(code, store_history=False, allow_stdin=False)
          print(reply["content"]["status"])
      finally:
          client.stop_channels()
          manager.shutdown_kernel(now=True)
    `);
    expect(String(result.stdout).split('\n')).toEqual(['True', `['${w}', '${w}/bin/python', True, 'many']`, 'ok']);
  });

  it('8: a nested environment works, as tox and pre-commit make them', async () => {
    const nested = join(machine.root, `nested ${python}`);
    const result = await machine.python(
      `
      import subprocess, sys
      subprocess.run([sys.executable, "-m", "venv", "--without-pip", sys.argv[1]], check=True)
      print(subprocess.check_output([sys.argv[1] + "/bin/python", "-c", "import sys; print(sys.prefix)"], text=True))
      `,
      [nested],
    );
    expect(result.stderr).toBe('');
    expect(String(result.stdout).trim()).toBe(nested);
  });

  onNewest('9: no python and no pip of ours stands before the user’s', async () => {
    const result = await machine.python(`
      import os, shutil
      first = os.environ["PATH"].split(":")[0]
      print(first, [n for n in os.listdir(first) if n.startswith(("python", "pip"))], shutil.which("pip", path=first))
    `);
    expect(result.stdout).toBe(`${w}/scripts [] None`);
  });

  onNewest('10: the application lies where it was installed: Django keeps its database in BASE_DIR', async () => {
    const result = await machine.python(
      `
      import django
      from django.core.management import call_command
      django.setup()
      call_command("migrate", verbosity=0)
      from django.conf import settings
      from django.contrib.auth.models import User
      User.objects.create_user("somebody")
      print(settings.BASE_DIR, User.objects.count())
      `,
      [],
      { env: { DJANGO_SETTINGS_MODULE: 'many.settings' } },
    );
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe(`${w}/lib/python${python}/site-packages 1`);
  });

  onNewest(
    '11: where the interpreter’s own places for certificate authorities are missing, a usual one is used',
    async () => {
      const places = [
        '/etc/pki/tls/certs/ca-bundle.crt',
        '/etc/ssl/certs/ca-certificates.crt',
        '/etc/ssl/ca-bundle.pem',
      ];
      const folder = mkdtempSync(join(tmpdir(), 'flavor-ca-'));
      writeFileSync(join(folder, '4042bcee.0'), '');
      const state = (folderOfCas: string) => `
      import _ssl, os
      _ssl.get_default_verify_paths = lambda: ("SSL_CERT_FILE", "/nonexistent", "SSL_CERT_DIR", "${folderOfCas}")
      import ssl
      print(os.environ.get("SSL_CERT_FILE"), hasattr(ssl, "_flavor_certificates"))
    `;
      const first = places.find(exists) ?? 'None';
      expect((await machine.python(state('/nonexistent'))).stdout).toBe(`${first} False`);
      expect((await machine.python(state('/'))).stdout).toBe(`${first} False`);
      expect((await machine.python(state(folder))).stdout).toBe('None False');
      const own = { SSL_CERT_FILE: '/my/own.pem' };
      expect((await machine.python(state('/nonexistent'), [], { env: own })).stdout).toBe('/my/own.pem False');
      const folderOnly = { SSL_CERT_DIR: '/my/own' };
      expect((await machine.python(state('/nonexistent'), [], { env: folderOnly })).stdout).toBe('None False');
      rmSync(folder, { recursive: true });
    },
  );

  onNewest('13: a template that does not compile is counted, a file of the project is a warning', () => {
    expect(packed.stages['bytecode']).toMatch(/^\d+ modules, [1-9]\d* do not compile$/);
    expect(packed.warnings.filter((message) => message.includes('does not compile'))).toEqual([
      expect.stringMatching(/^a file of the project does not compile: many\/bad\.py: SyntaxError/),
    ]);
  });
});
