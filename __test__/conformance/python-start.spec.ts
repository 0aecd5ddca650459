// The fast start (design §4, python-environments.md 2, 4, 5): a program cannot tell it from the ordinary one, which is
// what `W/bin/python W/bin/command` gives. The package has setuptools, coverage, a namespace of zope and a `.pth` file
// with a folder, so that nothing here is true only because nobody asked anything of `site`.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Packed, packProject, RUN } from '../python/packed.js';
import { Machine } from './packaged.js';

/** Everything that a program can see of its interpreter, but for which modules happen to be loaded. */
const STATE = `
import builtins, json, sys
shown = lambda value: {str(k): shown(v) for k, v in value.items()} if isinstance(value, dict) else repr(value).split(" at 0x")[0]
main = sys.modules["__main__"]
made = [getattr(builtins, name) for name in ("exit", "quit", "copyright", "credits", "license", "help")]
answer = {"made": [[repr(one), type(one).__name__, type(one).__module__, shown(vars(one))] for one in made]}
hidden = {"modules", "path_importer_cache", "meta_path", "path_hooks", "stdlib_module_names"}
answer["sys"] = {n: shown(getattr(sys, n)) for n in dir(sys) if n not in hidden and not callable(getattr(sys, n))}
answer["hook"] = sys.__interactivehook__.__name__
answer["finders"] = len(sys.meta_path)
answer["flags"] = [list(sys.flags), dir(sys.flags), sys.flags.no_site, sys.flags.n_fields, repr(sys.flags)]
answer["builtins"] = {n: repr(v) for n, v in vars(builtins).items() if not n.startswith("_")}
answer["main"] = {n: shown(v) for n, v in vars(main).items() if n not in ("__builtins__", "__doc__")}
answer["loader"] = [type(main.__loader__).__name__, main.__loader__.name, main.__loader__.path]
import os, site, subprocess, sysconfig
answer["site"] = {n: shown(v) for n, v in vars(site).items() if n != "__builtins__" and not callable(v)}
answer["spec"] = [repr(site.__spec__), type(site).__name__, sys.modules["site"] is site]
answer["arguments"] = subprocess._args_from_interpreter_flags()
answer["paths"] = [sysconfig.get_paths(), sysconfig.get_config_vars("prefix", "base", "platbase")]
answer["environment"] = {n: v for n, v in os.environ.items() if n != "LC_CTYPE"}
import distutils, found_by_pth, zope.event
answer["imports"] = [distutils.__file__, found_by_pth.__file__, zope.event.__file__, shown(sys.meta_path[0])]
print(json.dumps(answer, sort_keys=True))
`;

/** What is left to do when the interpreter ends needs the names of its module. */
const LAST = `
class Last:
    def __del__(self):
        print("last", sys is not None)
`;

const CHILDREN = `
import concurrent.futures, json, multiprocessing, sys

def state(_):
    import iniconfig, site
    return [sys.prefix, callable(exit), site.ENABLE_USER_SITE, sys.flags.no_site, iniconfig.__name__]

def run():
    for method in sys.argv[1:]:
        context = multiprocessing.get_context(method)
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            print(json.dumps(pool.submit(state, 0).result()))
`;

describe.each(['3.14', '3.11'])('with Python %s [slow]', (python) => {
  let packed: Packed;
  /** One for all tests but that which changes the work environment: a first start unpacks the interpreter. */
  let machine: Machine;
  beforeAll(async () => {
    packed = await packProject({
      name: 'begin',
      python,
      files: { 'src/begin/__init__.py': `${RUN}${LAST}`, 'src/begin/pool.py': CHILDREN },
      dependencies: ['iniconfig==2.0.0', 'setuptools', 'coverage', 'zope.event', 'joblib', 'flavortest_made'],
      scripts: { begin: 'begin:main', 'begin-pool': 'begin.pool:run' },
      wheels: [{ name: 'flavortest_made', files: { 'made.pth': 'made_inside\n', 'made_inside/found_by_pth.py': '' } }],
    });
    machine = machineOf();
  });
  afterAll(() => {
    machine?.[Symbol.dispose]();
    packed?.[Symbol.dispose]();
  });

  const machineOf = (): Machine => new Machine(undefined, 'begin.psp', packed.package);

  /** Writes a script that the program can run. */
  function scriptIn(on: Machine, text: string): string {
    const file = join(on.root, 'script.py');
    writeFileSync(file, text);
    return file;
  }

  /** The environment of the program. */
  async function environmentOf(on: Machine, env: Record<string, string> = {}): Promise<Record<string, string>> {
    const result = await on.python('import json, os\nprint(json.dumps(dict(os.environ)))', [], { env });
    const { LC_CTYPE: _, ...environment } = JSON.parse(String(result.stdout)) as Record<string, string>;
    return environment;
  }

  /** Runs a script as the package does and as its work environment's interpreter does without the launcher. */
  async function both(text: string, env: Record<string, string> = {}) {
    const file = scriptIn(machine, text);
    const environment = await environmentOf(machine, env);
    const w = environment['FLAVOR_WORKENV'] ?? '';
    const args = ['run', file, 'a b', '-x'];
    const fast = await machine.start(args, { env });
    const ordinary = await machine.start(['-s', '-P', join(w, 'bin/begin'), ...args], {
      file: join(w, 'bin/python'),
      env: environment,
      extendEnv: false,
    });
    return { fast, ordinary, w };
  }

  it('a package whose .pth lines are all understood starts fast, and says so', () => {
    expect(packed.result.start).toEqual({ mode: 'fast' });
    expect(packed.stages['start']).toBe('fast');
  });

  it('sys, builtins, site, __main__, finders and the environment are those of an ordinary start', async () => {
    const { fast, ordinary } = await both(STATE);
    expect([fast.stderr, ordinary.stderr]).toEqual(['', '']);
    const [left, right] = [fast, ordinary].map(({ stdout }) => JSON.parse(String(stdout)));
    expect(left).toEqual(right);
    expect(left.imports[0]).toContain('/setuptools/_distutils/');
  });

  it('a traceback shows the script with its lines', async () => {
    const { fast, ordinary, w } = await both('raise ValueError("here")');
    expect(fast.stderr).toBe(ordinary.stderr);
    expect(String(fast.stderr)).toContain(`File "${w}/bin/begin", line 8, in <module>\n    sys.exit(main())`);
  });

  it('PYTHON variables of containers work, and harmful ones are gone (python-environments.md 2)', async () => {
    const text =
      'import faulthandler, hashlib, os, sys, warnings\nbreakpoint()\nprint(sys.stdout.encoding, sys.stdout.write_through, sys.flags.dev_mode, faulthandler.is_enabled(), hash("a"), sys.warnoptions, sys.flags.optimize, sorted(n for n in os.environ if n.startswith("PYTHON")))';
    const { fast, ordinary } = await both(text, {
      PYTHONUNBUFFERED: '1',
      PYTHONDEVMODE: '1',
      PYTHONWARNINGS: 'ignore',
      PYTHONFAULTHANDLER: '1',
      PYTHONHASHSEED: '7',
      PYTHONIOENCODING: 'latin-1',
      PYTHONBREAKPOINT: '0',
      PYTHONPATH: '/nonexistent',
      PYTHONHOME: '/nonexistent',
      PYTHONPLATLIBDIR: 'nonexistent',
      PYTHONEXECUTABLE: '/nonexistent',
      PYTHONPYCACHEPREFIX: '/nonexistent',
      PYTHONOPTIMIZE: '1',
    });
    expect(fast.exitCode).toBe(0);
    expect(fast.stdout).toBe(ordinary.stdout);
    expect(fast.stdout).toMatch(/^iso8859-1 True True True -?\d+ \['default', 'ignore'\] 0 \[/);
    expect(fast.stdout).not.toMatch(/PYTHON(PATH|HOME|PLATLIBDIR|EXECUTABLE|PYCACHEPREFIX|OPTIMIZE)/);
  });

  it('a .pth file, a sitecustomize or a coverage variable that comes later has its effect', async () => {
    using machine = machineOf();
    const environment = await environmentOf(machine);
    const site = join(environment['FLAVOR_WORKENV'] ?? '', 'lib', `python${python}`, 'site-packages');
    const file = scriptIn(
      machine,
      'import sys\nprint([getattr(sys, n, None) for n in ("by_pth", "by_custom")], sys.prefix)',
    );
    const plain = await machine.start(['run', file]);
    expect(plain.stdout).toBe(`[None, None] ${environment['FLAVOR_WORKENV']}`);
    writeFileSync(join(site, 'late.pth'), 'import sys; sys.by_pth = 1\n');
    mkdirSync(join(site, 'sitecustomize'));
    writeFileSync(join(site, 'sitecustomize', '__init__.py'), 'import sys; sys.by_custom = 2\n');
    expect((await machine.start(['run', file])).stdout).toBe(`[1, 2] ${environment['FLAVOR_WORKENV']}`);
    const state = scriptIn(machine, STATE);
    expect(JSON.parse(String((await machine.start(['run', state])).stdout)).arguments).not.toContain('-S');
  });

  it('coverage measures the program when its variable asks for it', async () => {
    const config = join(machine.root, 'coveragerc');
    writeFileSync(config, `[run]\ndata_file = ${join(machine.root, 'measured')}\nparallel = true\n`);
    const file = scriptIn(machine, 'import sys\nprint("coverage" in sys.modules)');
    expect((await machine.start(['run', file])).stdout).toBe('False');
    const measured = await machine.start(['run', file], { env: { COVERAGE_PROCESS_START: config } });
    expect(measured.stdout).toBe('True');
  });

  it('SETUPTOOLS_USE_DISTUTILS=stdlib is obeyed as in an ordinary start', async () => {
    const text =
      'try:\n    import distutils\n    print(distutils.__file__)\nexcept ImportError as error:\n    print(error)';
    const { fast, ordinary } = await both(text, { SETUPTOOLS_USE_DISTUTILS: 'stdlib' });
    expect(fast.stdout).toBe(ordinary.stdout);
    expect(fast.stdout).not.toContain('setuptools');
  });

  it('children of multiprocessing are the same environment (python-environments.md 5)', async () => {
    const w = (await environmentOf(machine))['FLAVOR_WORKENV'];
    const result = await machine.start(['spawn', 'forkserver', 'fork'], { env: { FLAVOR_COMMAND: 'begin-pool' } });
    expect(result.stderr).toBe('');
    const line = JSON.stringify([w, true, false, 0, 'iniconfig']).replaceAll(',', ', ');
    expect(String(result.stdout).split('\n')).toEqual([line, line, line]);
  });

  it('the workers and the tracker of joblib find their modules', async () => {
    const file = scriptIn(
      machine,
      'import joblib\nprint(joblib.Parallel(n_jobs=2)(joblib.delayed(len)("ab" * n) for n in range(3)))',
    );
    const result = await machine.start(['run', file]);
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe('[0, 2, 4]');
  });

  it('a program executes itself again by sys.argv and by sys.orig_argv (python-environments.md 5)', async () => {
    const file = scriptIn(
      machine,
      [
        'import os, sys',
        'again = os.environ.pop("AGAIN", "")',
        'print(sys.argv[1:], sys.orig_argv[1:3], flush=True)',
        'program = sys.modules["__main__"].__file__',
        'if again == "argv": os.execv(sys.executable, [sys.executable, program, "run", *sys.argv])',
        'if again == "orig": os.execv(sys.executable, sys.orig_argv)',
      ].join('\n'),
    );
    for (const again of ['argv', 'orig']) {
      const result = await machine.start(['run', file, 'x y'], { env: { AGAIN: again } });
      expect(result.stderr).toBe('');
      const [first, second] = String(result.stdout).split('\n');
      expect(first).toBe("['x y'] ['-s', '-P']");
      expect(second?.startsWith("['x y']")).toBe(true);
    }
  });

  it('modules end as they do after an ordinary start', async () => {
    const { fast, ordinary } = await both('import begin\nbegin.last = begin.Last()');
    expect(fast.stdout).toBe('last True');
    expect(ordinary.stdout).toBe(fast.stdout);
  });

  it('exit, help and the hook of the prompt do what site makes them do', async () => {
    const text =
      'import sys\nsys.__interactivehook__()\nprint("rlcompleter" in sys.modules, "__interactivehook__" in vars(sys))\nhelp("len")\nexit(3)';
    const { fast, ordinary } = await both(text);
    expect([fast.exitCode, ordinary.exitCode]).toEqual([3, 3]);
    expect(fast.stdout).toBe(ordinary.stdout);
    expect(fast.stdout).toContain('Return the number of items');
  });
});

describe('what the manifest says of the start [slow]', () => {
  it('isolated, optimize and flags reach the program, its scripts and its children, in the fast start; trim is obeyed', async () => {
    const state =
      'import json, sys\ndef main():\n    print(json.dumps([sys.flags.isolated, sys.flags.optimize, sys.flags.utf8_mode, sys.flags.no_site, __debug__, hasattr(sys, "__interactivehook__"), __spec__.cached[-10:], sys.orig_argv[1:5]]))\n';
    using packed = await packProject({
      name: 'strict',
      python: '3.14',
      files: { 'src/strict/__init__.py': state },
      scripts: { strict: 'strict:main' },
      toml: '[tool.flavor.python]\nisolated = true\noptimize = 1\nflags = ["-X", "utf8"]\ntrim = { tests = false, drop = ["LICENSE*"] }\n[tool.flavor.execution]\npath = "full"',
    });
    using machine = new Machine(undefined, 'strict.psp', packed.package);
    expect(packed.result.start).toEqual({ mode: 'fast' });
    const trimmed = Object.keys(packed.result.outputs[0]?.runtime.trimmed ?? {});
    expect(trimmed).toContain('libpython');
    expect(trimmed).not.toContain('tests');
    const expected = [1, 1, 1, 0, false, false, '.opt-1.pyc', ['-I', '-O', '-X', 'utf8']];
    const fast = await machine.start();
    expect(JSON.parse(String(fast.stdout))).toEqual(expected);
    const [environment] = readdirSync(join(machine.slots, '..', 'envs')).filter((name) => !name.includes('.about'));
    const script = join(machine.slots, '..', 'envs', environment ?? '', 'bin', 'strict');
    expect(JSON.parse(String((await machine.start([], { file: script })).stdout))).toEqual(expected);
  });

  it('a line of code keeps the ordinary start, is named in the report, and runs where its file lies', async () => {
    const line = "import sys; sys.by_line = sys._getframe(1).f_locals['sitedir']";
    using packed = await packProject({
      name: 'lines',
      python: '3.14',
      files: { 'src/lines/__init__.py': RUN },
      scripts: { lines: 'lines:main' },
      dependencies: ['flavortest_coded', 'setuptools', 'zope.event'],
      wheels: [{ name: 'flavortest_coded', files: { 'coded.pth': `${line}\ninner\n`, 'inner/inside.py': '' } }],
    });
    const reason = 'coded.pth runs code at each start';
    expect(packed.result.start).toEqual({ mode: 'site', reason });
    expect(packed.stages['start']).toBe(`ordinary, as ${reason}`);
    using machine = new Machine(undefined, 'lines.psp', packed.package);
    const result = await machine.python(
      'import distutils, inside, sys, zope.event\nprint(sys.by_line in sys.path, sys.by_line.startswith(sys.base_prefix[:-64]), sys.flags.no_site)',
    );
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe('True True 0');
  });
});
