// `flavor pack --check`: two builds, compared byte by byte.

import { existsSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { manifest, Workshop, withoutSharedBuildCache } from './command.js';
import { writeTiny } from './tiny-projects.js';

withoutSharedBuildCache();

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
});
afterEach(() => workshop.remove());

/** A build back end of the project's own that writes each expression's value into a module of the wheel. */
function backEnd(expressions: Readonly<Record<string, string>>): string {
  const modules = Object.entries(expressions).map(
    ([name, expression]) =>
      `    "${name}.py": "WRITTEN = " + repr(${expression}) + "\\n\\ndef main():\\n    return 0\\n",`,
  );
  return `import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "sample-1.0.0-py3-none-any.whl"
    files = {
${modules.join('\n')}
        "sample-1.0.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: sample\\nVersion: 1.0.0\\n",
        "sample-1.0.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: sample\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{path},,\\n" for path in [*files, "sample-1.0.0.dist-info/RECORD"])
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in {**files, "sample-1.0.0.dist-info/RECORD": record}.items():
            wheel.writestr(path, text)
    return name
`;
}

function project(expressions: Readonly<Record<string, string>>, flavor = 'entry_point = "sample:main"'): void {
  const text = manifest({ flavor }).replace(
    /requires = .*\nbuild-backend = .*/,
    'requires = []\nbuild-backend = "own"\nbackend-path = ["."]',
  );
  workshop.write('project/pyproject.toml', text);
  workshop.write('project/own.py', backEnd(expressions));
}

const check = () => workshop.flavor(['pack', '--check', '-q', '--level', '3', '--cwd', `${workshop.folder}/project`]);

describe('flavor pack --check', () => {
  test('[slow] says that both builds gave the same package, with a project from another folder in it, and writes nothing', async () => {
    writeTiny(`${workshop.folder}/lib`, { name: 'lib' });
    project({ sample: '"the same"' }, 'entry_point = "lib:main"\n[tool.flavor.build]\ndependencies = ["../lib"]');
    const ended = await check();
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^repeatable: two builds gave the same package \([\d.]+ MB, \w+\)\n$/);
    expect(readdirSync(`${workshop.folder}/project`).sort()).toEqual(['own.py', 'pyproject.toml']);
    expect(readdirSync(workshop.scratch())).toEqual([]);
    // What was kept would hide what differs.
    expect(existsSync(`${workshop.folder}/cache/build`)).toBe(false);
  });

  test('[slow] names the files that hold the folder of the build, the file mode mask and the language', async () => {
    project({
      sample: '"the same"',
      folder: 'os.getcwd()',
      mask: 'oct(os.umask(0))',
      language: 'os.environ["LC_ALL"]',
    });
    const ended = await check();
    expect(ended.exitCode).toBe(1);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).toMatch(/^flavor: error: two builds of the same project differ: /);
    for (const name of ['folder', 'mask', 'language']) {
      expect(ended.stderr).toMatch(new RegExp(`application/${name}\\.py differs at byte \\d+`));
    }
    expect(ended.stderr).not.toContain('sample.py');
    expect(ended.stderr).toContain('[ERR_FLAVOR_REPEAT]');
    expect(readdirSync(workshop.scratch())).toEqual([]);
  });

  test('cannot be combined with an output or a key', async () => {
    project({ sample: '0' });
    expect(await workshop.flavor(['pack', '--check', '-o', 'x.psp'])).toMatchSnapshot();
  });
});
