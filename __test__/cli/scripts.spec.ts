// Scripts with inline metadata, packed without a project: they run as `python SCRIPT` would run them.

import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkRepeatable, pack } from '../../dist/index.js';
import { type Ended, root } from './command.js';
import { SampleWorkshop } from './sample-workshop.js';
import { writeTiny, writeWheel } from './tiny-projects.js';

const fixture = join(root, '__test__/fixtures/script/probe-it.py');

let workshop: SampleWorkshop;
let script: string;
beforeEach(() => {
  workshop = new SampleWorkshop();
  writeWheel(workshop.links, { name: 'tool' });
  script = join(workshop.folder, 'a folder', 'probe-it.py');
  workshop.write('a folder/notes.txt', 'not packed');
  cpSync(fixture, script);
});
afterEach(() => workshop.remove());

function flavor(...args: string[]): Promise<Ended> {
  return workshop.flavor(args, { env: workshop.env });
}

/** Packs the script; the path of the package. */
async function packed(...args: string[]): Promise<string> {
  const ended = await flavor('pack', script, '--quiet', '--level', '3', ...args);
  expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
  return join(workshop.folder, 'a folder/dist/probe-it-1.2.psp');
}

function edit(text: string, by: string): void {
  const before = readFileSync(script, 'utf8');
  expect(before).toContain(text);
  writeFileSync(script, before.replace(text, by));
}

function start(file: string, args: readonly string[] = [], env: Record<string, string> = {}) {
  return execa(file, args, {
    env: { HOME: workshop.folder, FLAVOR_CACHE: workshop.env['FLAVOR_CACHE'], ...env },
    extendEnv: false,
    reject: false,
  });
}

/** Interpreter and script as they lie in the work environment of the only package. */
function inEnvironment(): { readonly python: string; readonly file: string } {
  const environments = join(workshop.folder, 'cache/v1/envs');
  const [name = ''] = readdirSync(environments).filter((entry) => entry.startsWith('probe-it'));
  const environment = join(environments, name);
  return {
    python: join(environment, 'bin/python'),
    file: join(environment, 'lib/python3.14/site-packages/probe-it.py'),
  };
}

describe('a script', () => {
  test('[slow] runs as `python SCRIPT` does, fast and with the ordinary start, and is the only thing that is packed', async () => {
    const output = await packed();
    expect(readdirSync(join(workshop.folder, 'a folder')).sort()).toEqual(['dist', 'notes.txt', 'probe-it.py']);
    const fast = await start(output, ['a', 'b c']);
    expect(fast.stderr).toBe('');
    const seen = JSON.parse(fast.stdout) as Record<string, unknown>;
    expect(seen).toMatchObject({
      name: '__main__',
      file: 'probe-it.py',
      doc: 'What a',
      argv: [true, 'a', 'b c'],
      first: true,
      spec: true,
      flags: [0, false],
      tool: '1.0',
      annotations: { number: 'int', return: 'str' },
      children: [['__mp_main__'], ['__mp_main__'], ['__main__']],
    });
    const { python, file } = inEnvironment();
    const plain = await execa(python, ['-s', file, 'a', 'b c'], { env: { HOME: workshop.folder }, extendEnv: false });
    expect(seen).toEqual(JSON.parse(plain.stdout));
    expect(readFileSync(file)).toEqual(readFileSync(fixture));
    expect(existsSync(join(file, '../notes.txt'))).toBe(false);

    edit('# include_pip = false', '# include_pip = false\n# python = { start = "site" }');
    const ordinary = await start(await packed(), ['a', 'b c']);
    expect(JSON.parse(ordinary.stdout)).toEqual(seen);
  });

  test('[slow] has tracebacks with its lines, and none of ours', async () => {
    const output = await packed();
    const failed = await start(output, ['fail']);
    const { python, file } = inEnvironment();
    const plain = await execa(python, ['-s', file, 'fail'], { env: { HOME: '/' }, extendEnv: false, reject: false });
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain('line 35, in fail\n    raise RuntimeError("as wished")');
    expect(failed.stderr).toBe(plain.stderr);
  });

  test('[slow] leaves its folder out of sys.path where Python is told to', async () => {
    const output = await packed();
    const seen = JSON.parse((await start(output, [], { PYTHONSAFEPATH: '1' })).stdout) as Record<string, unknown>;
    expect(seen).toMatchObject({ first: false, flags: [0, true] });
    edit('# include_pip = false', '# include_pip = false\n# isolated = true');
    const isolated = JSON.parse((await start(await packed())).stdout) as Record<string, unknown>;
    expect(isolated).toMatchObject({ first: false, flags: [0, true], tool: '1.0' });
  });

  test('[slow] needs no block and no ending, and is told that it is packed without dependencies', async () => {
    const file = workshop.write('greet', '#!/usr/bin/env python3\nimport sys\nprint("hello", *sys.argv[1:])\n');
    const settings = workshop.write('settings.toml', '[tool.flavor]\ninclude_pip = false\nversion = "7"\n');
    const ended = await flavor('pack', file, '-m', settings, '--level', '3');
    expect(ended.stderr).toContain(
      'warning: greet has no `# /// script` block, so it is packed without dependencies\n',
    );
    expect((await start(join(workshop.folder, 'dist/greet-7.psp'), ['you'])).stdout).toBe('hello you');
  });

  test('[slow] has sources and constraints of `[tool.uv]` in its block, and a slot that lies beside it', async () => {
    writeTiny(join(workshop.folder, 'a folder/local'), { name: 'local', module: 'version = "of a folder"\n' });
    writeWheel(workshop.links, { name: 'local', version: '9.0', module: 'version = "of the index"\n' });
    writeWheel(workshop.links, { name: 'tool', version: '2.0' });
    edit(
      '# dependencies = ["tool"]\n#\n# [tool.flavor]\n',
      [
        '# dependencies = ["tool", "local"]',
        '# [tool.uv]',
        '# constraint-dependencies = ["tool<2"]',
        '# sources = { local = { path = "local" } }',
        '# [tool.flavor]',
        '# slots = [{ id = "notes", source = "notes.txt" }]',
        '',
      ].join('\n'),
    );
    edit(
      '    main()\n',
      '    import local\n    print(local.version, tool.version, open(os.environ["FLAVOR_SLOT_NOTES"]).read())\n',
    );
    const before = readdirSync(join(workshop.folder, 'a folder/local'));
    const output = await packed();
    expect((await start(output)).stdout).toBe('of a folder 1.0 not packed');
    expect(readdirSync(join(workshop.folder, 'a folder/local'))).toEqual(before);
  });

  test('[slow] is built the same twice from copies of what it needs and of nothing else in its folder', async () => {
    edit('# include_pip = false', '# include_pip = false\n# slots = [{ id = "notes", source = "notes.txt" }]');
    symlinkSync('/nowhere', join(workshop.folder, 'a folder/dangling'));
    const environment = { ...process.env, ...workshop.env };
    const checked = await checkRepeatable({ input: script, level: 3, environment });
    expect(checked.sizeBytes).toBeGreaterThan(1_000_000);
  });

  test('[slow] obeys its lock file, that of `flavor lock` or that of `uv lock --script`', async () => {
    const said = await flavor('lock', script, '--quiet');
    expect(said.stdout).toBe('a folder/pylock.probe-it.toml (1 distribution from a resolution), written\n');
    writeWheel(workshop.links, { name: 'tool', version: '2.0' });
    const options = { input: script, level: 3 as const, environment: { ...process.env, ...workshop.env } };
    expect(await pack(options)).toMatchObject({
      resolution: { lock: 'pylock', files: ['pylock.probe-it.toml'] },
      distributions: ['tool==1.0'],
    });
    const uv = process.env['FLAVOR_UV'] ?? 'uv';
    await execa(uv, ['lock', '--no-index', '--script', script], { env: { ...workshop.env, UV_OFFLINE: '1' } });
    expect(await pack(options)).toMatchObject({
      resolution: { lock: 'uv', files: ['probe-it.py.lock'] },
      distributions: ['tool==2.0'],
    });
    edit('dependencies = ["tool"]', 'dependencies = ["tool<2"]');
    const refused = await flavor('pack', script, '--quiet', '--locked');
    expect(refused).toMatchSnapshot();
  });

  test('[slow] is not packed if what it imports is not there, does not work, or cannot be compiled', async () => {
    const attempts: [string, string][] = [
      ['import tool', 'import requests'],
      ['import requests', 'import notes'],
      ['import notes', 'from tool import nothing'],
      ['from tool import nothing', 'import tool\nif True print()'],
    ];
    workshop.write('a folder/notes.py', '');
    for (const [text, by] of attempts) {
      edit(text, by);
      const ended = await flavor('pack', script, '--quiet');
      const stderr = ended.stderr.replaceAll(/\([^()]*\/site-packages\//g, '(<site-packages>/');
      expect({ ...ended, stderr }).toMatchSnapshot(by);
    }
    expect(existsSync(join(workshop.folder, 'a folder/dist'))).toBe(false);
  });
});
