// flavor_runtime: what a packaged program asks about its own package, and who has it.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPathFiles } from '../../dist/python/path-lines.js';
import { addRuntimeModule } from '../../dist/python/runtime-module.js';
import { Machine, users } from './packaged.js';

describe.each(users)('started by $name', (user) => {
  it('a packed program finds its package, its files and its slots', async () => {
    using machine = new Machine(user);
    const result = await machine.python(`
      import flavor_runtime, json, os, pathlib, sys
      import iniconfig, probe
      slot = flavor_runtime.slot
      print(json.dumps({
          "packaged": flavor_runtime.is_packaged(),
          "package": str(flavor_runtime.package_path()),
          "workenv": str(flavor_runtime.workenv()) == sys.prefix,
          "resource": os.path.samefile(flavor_runtime.resource("bin/python"), sys.executable),
          "dependencies": str(slot("dependencies") / "site-packages") == str(pathlib.Path(iniconfig.__file__).parents[1]),
          "application": str(slot(2)) == str(pathlib.Path(probe.__file__).parents[1]),
          "absolute": all(slot(number).is_absolute() for number in range(3)),
          "typed": (pathlib.Path(flavor_runtime.__file__).parent / "py.typed").exists(),
      }))
    `);
    expect(result.stderr).toBe('');
    expect(JSON.parse(String(result.stdout))).toEqual({
      packaged: true,
      package: machine.package,
      workenv: true,
      resource: true,
      dependencies: true,
      application: true,
      absolute: true,
      typed: true,
    });
  });
});

it('the package is asked once in a process, and again when somebody emptied the cache', async () => {
  using machine = new Machine();
  const result = await machine.python(`
    import flavor_runtime, os, pathlib, shutil
    asked = []
    real = flavor_runtime._launcher
    flavor_runtime._launcher = lambda *arguments: asked.append(arguments) or real(*arguments)
    places = [flavor_runtime.slot("dependencies") for _ in range(3)]
    shutil.rmtree(places[0])
    os.unlink(str(places[0]) + ".record")
    places.append(flavor_runtime.slot("dependencies"))
    print(len(asked), len(set(places)), (places[0] / "site-packages" / "iniconfig").is_dir())
  `);
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('2 1 True');
});

it('what it refuses names the reason', async () => {
  using machine = new Machine();
  const result = await machine.python(
    `
    import flavor_runtime, os, stat, sys
    def refusal(kind, ask, *arguments):
        try:
            ask(*arguments)
        except kind as error:
            return error
        raise AssertionError(arguments)
    error = refusal(flavor_runtime.SlotError, flavor_runtime.slot, "nope")
    assert "nope" in str(error) and "dependencies" in str(error), error
    assert (error.code, error.exit_code) == ("ERR_LAUNCH_ARGUMENTS", 105), vars(error)
    refusal(flavor_runtime.SlotError, flavor_runtime.slot, "--json")
    for path in ["/etc/passwd", "../x", "bin/../../x", "", "."]:
        refusal(ValueError, flavor_runtime.resource, path)
    refusal(FileNotFoundError, flavor_runtime.resource, "no/such/file")

    # Another version of the package in the place of this one.
    other = sys.argv[1]
    with open(other, "w") as file:
        file.write('#!/bin/sh\\necho \\'{"name": "probe", "version": "9", "path": "/"}\\'\\n')
    os.chmod(other, 0o755)
    os.environ["FLAVOR_PACKAGE"] = other
    assert "replaced" in str(refusal(flavor_runtime.SlotError, flavor_runtime.slot, "runtime"))
    os.environ["FLAVOR_PACKAGE"] = "/no/such/package"
    assert "/no/such/package" in str(refusal(flavor_runtime.SlotError, flavor_runtime.slot, "runtime"))
    del os.environ["FLAVOR_PACKAGE"]
    refusal(flavor_runtime.NotPackagedError, flavor_runtime.slot, "runtime")
    print("done")
  `,
    [join(machine.root, 'other')],
  );
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('done');
});

it('an interpreter that only inherited the variables is not packaged', async () => {
  using machine = new Machine();
  const result = await machine.python(`
    import flavor_runtime, os, subprocess
    code = """if True:
        import flavor_runtime
        print(flavor_runtime.is_packaged())
        for ask in [flavor_runtime.package_path, flavor_runtime.workenv, lambda: flavor_runtime.slot(0), lambda: flavor_runtime.resource("x")]:
            try:
                ask()
                print("answered")
            except flavor_runtime.NotPackagedError:
                pass
    """
    runtime = flavor_runtime.slot("runtime") / "bin" / "python3"
    folder = os.path.dirname(os.path.dirname(flavor_runtime.__file__))
    print(subprocess.check_output([runtime, "-c", code], env={**os.environ, "PYTHONPATH": folder}, text=True))
  `);
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('False\n');
});

it('what an entry point returned is awaited, served, printed or an exit code', async () => {
  using machine = new Machine();
  const result = await machine.python(`
    import io, os, sys, threading, urllib.request
    from contextlib import redirect_stderr, redirect_stdout
    from flavor_runtime import _result

    assert [_result.finish(value) for value in (None, 0, 7, "said")] == [None, 0, 7, "said"]
    async def later(value):
        return value
    assert _result.finish(later(3)) == 3
    for value in ([1, 2], {"a": 1}, 1.5, dict, lambda: 1):
        shown = io.StringIO()
        with redirect_stdout(shown):
            assert _result.finish(value) == 0, value
        assert shown.getvalue() == "%s\\n" % (value,), value

    async def asgi(scope, receive, send):
        pass
    assert "uvicorn" in _result.finish(asgi)

    def wsgi(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]
    os.environ["PORT"] = "eight"
    try:
        _result.finish(wsgi)
        raise AssertionError
    except SystemExit as error:
        assert "PORT" in str(error)
    os.environ["PORT"] = "0"
    said, answer = io.StringIO(), []
    from wsgiref import simple_server
    class Server(simple_server.WSGIServer):
        def server_activate(self):
            super().server_activate()
            def ask():
                url = "http://127.0.0.1:%d/asked" % self.server_port
                answer.append(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url).read())
                self.shutdown()
            threading.Thread(target=ask).start()
    simple_server.WSGIServer = Server
    with redirect_stderr(said):
        assert _result.finish(wsgi) is None
    assert answer == [b"/asked"], answer
    assert "serving at http://127.0.0.1:" in said.getvalue()
    print("done")
  `);
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('done');
});

it('it never stands before a module of that name of the project or of a dependency', async () => {
  const root = mkdtempSync(join(tmpdir(), 'flavor-module-'));
  const tree = async (name: string, files: readonly string[], pathLines: readonly string[] = []) => {
    const sitePackages = join(root, name);
    mkdirSync(sitePackages);
    for (const file of files) {
      mkdirSync(join(sitePackages, file, '..'), { recursive: true });
      writeFileSync(join(sitePackages, file), '');
    }
    if (pathLines.length > 0) writeFileSync(join(sitePackages, 'added.pth'), `${pathLines.join('\n')}\n`);
    return { sitePackages, pathFiles: await readPathFiles(sitePackages) };
  };
  const cases: [readonly string[], readonly string[], boolean][] = [
    [['flavor_runtime.py'], [], false],
    [['flavor_runtime/__init__.py'], [], false],
    [['flavor_runtime/part/of_a_namespace.py'], [], false],
    [['flavor_runtime.cpython-314-x86_64-linux-gnu.so'], [], false],
    [['src/flavor_runtime.py'], ['import os', 'src'], false],
    [['src/flavor_runtime.py'], [], true],
    [['flavor_runtime-1.0.dist-info/METADATA', 'flavor_runtime_more.py'], ['import flavor_runtime'], true],
  ];
  for (const [index, [files, lines, added]] of cases.entries()) {
    for (const which of ['application', 'dependencies']) {
      const first = await tree(`${which}-${index}`, files, lines);
      const other = await tree(`other-${which}-${index}`, []);
      const [application, dependencies] = which === 'application' ? [first, other] : [other, first];
      const before = readdirSync(dependencies.sitePackages);
      expect(await addRuntimeModule(application, dependencies), files.join()).toBe(added);
      expect(readdirSync(dependencies.sitePackages)).toEqual(before);
      if (added)
        expect(readdirSync(join(application.sitePackages, 'flavor_runtime'))).toEqual([
          '__init__.py',
          '_result.py',
          'py.typed',
        ]);
    }
  }
  rmSync(root, { recursive: true });
});
