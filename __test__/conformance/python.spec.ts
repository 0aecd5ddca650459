// It is the real environment: what works in a virtual environment works in the package.

import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { Machine, treeDigest, users } from './packaged.js';

describe.each(users)('started by $name', (user) => {
  it('sys.executable is a Python with pip, the distributions and their versions', async () => {
    using machine = new Machine(user);
    const result = await machine.python(
      `
      import importlib.metadata, json, subprocess, sys
      pip = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, text=True)
      child = subprocess.run([sys.executable, "-c", "import probe, iniconfig, sys; print(sys.prefix)"], capture_output=True, text=True)
      print(json.dumps({
          "pip": [pip.returncode, pip.stdout], "child": [child.returncode, child.stdout.strip()], "prefix": sys.prefix,
          "versions": [importlib.metadata.version("probe"), importlib.metadata.version("iniconfig")],
      }))
      `,
    );
    expect(result.stderr).toBe('');
    const answer = JSON.parse(String(result.stdout));
    expect(answer.pip[0]).toBe(0);
    expect(answer.pip[1]).toMatch(/^pip \d+/);
    expect(answer.child).toEqual([0, answer.prefix]);
    expect(answer.versions).toEqual(['1.2.3', '2.0.0']);
  });

  it('multiprocessing starts children by every method', async () => {
    using machine = new Machine(user);
    const result = await machine.python(`
      import multiprocessing, iniconfig
      from importlib.metadata import version
      if __name__ == "__main__":
          for method in ["spawn", "forkserver", "fork"]:
              with multiprocessing.get_context(method).Pool(2) as pool:
                  print(method, pool.map(len, ["a", "bb"]), pool.apply(version, ("probe",)))
    `);
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe(['spawn', 'forkserver', 'fork'].map((method) => `${method} [1, 2] 1.2.3`).join('\n'));
  });

  it('a nested virtual environment works and has pip of its own', async () => {
    using machine = new Machine(user);
    const result = await machine.python(
      `
      import subprocess, sys
      subprocess.run([sys.executable, "-m", "venv", sys.argv[1]], check=True)
      python = sys.argv[1] + "/bin/python"
      print(subprocess.check_output([python, "-c", "import sys; print(sys.prefix)"], text=True).strip())
      print(subprocess.check_output([python, "-m", "pip", "--version"], text=True).split(" (")[0].split(" from ")[1])
      `,
      [join(machine.root, 'nested')],
    );
    expect(result.stderr).toBe('');
    const nested = join(machine.root, 'nested');
    const [prefix, pip] = String(result.stdout).split('\n');
    expect(prefix).toBe(nested);
    expect(pip?.startsWith(nested)).toBe(true);
  });

  it('a folder of a dependency can be copied, edited and removed by the program', async () => {
    using machine = new Machine(user);
    const result = await machine.python(
      `
      import pathlib, shutil, sys, iniconfig
      copy = pathlib.Path(sys.argv[1])
      shutil.copytree(pathlib.Path(iniconfig.__file__).parent, copy)
      (copy / "__init__.py").write_text("edited")
      assert (copy / "__init__.py").read_text() == "edited"
      shutil.rmtree(copy)
      print(copy.exists())
      `,
      [join(machine.root, 'copy')],
    );
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe('False');
  });

  it('the cache can be removed by its owner, and the next start makes it anew', async () => {
    using machine = new Machine(user);
    await machine.report();
    const cache = join(machine.home, '.cache');
    const removed = await machine.start(['-rf', cache], { file: '/bin/rm' });
    expect(removed.exitCode).toBe(0);
    expect(existsSync(cache)).toBe(false);
    await machine.report();
  });

  it('pip replaces a packaged distribution for this package and changes no byte of any slot', async () => {
    using machine = new Machine(user);
    await machine.report();
    const before = treeDigest(machine.slots);
    const wheels = join(machine.root, 'wheels');
    mkdirSync(wheels);
    for (const name of readdirSync(inject('wheels')).filter((wheel) => wheel.startsWith('iniconfig-2.1'))) {
      cpSync(join(inject('wheels'), name), join(wheels, name));
    }
    const result = await machine.python(
      `
      import subprocess, sys
      subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check",
                      "--root-user-action", "ignore", "--find-links", sys.argv[1], "--upgrade", "iniconfig"], check=True)
      code = "import importlib.metadata, iniconfig; print(importlib.metadata.version('iniconfig'), iniconfig.__file__)"
      print(subprocess.check_output([sys.executable, "-c", code], text=True).strip())
      `,
      [wheels],
    );
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toMatch(/^2\.1\.0 .*\/v1\/envs\/probe-1\.2\.3-[0-9a-f]{16}\//);
    const again = await machine.python('import importlib.metadata\nprint(importlib.metadata.version("iniconfig"))');
    expect(again.stdout).toBe('2.1.0');
    expect(treeDigest(machine.slots)).toBe(before);
    rmSync(wheels, { recursive: true });
  });
});
