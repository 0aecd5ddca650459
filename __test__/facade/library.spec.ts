// The library as programs use it: one copy of everything for `import` and `require`, errors with fields, and
// cancellation that leaves nothing.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';

const entry = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const library = createRequire(import.meta.url)(entry) as typeof import('../../dist/index.js');
const { FlavorError, assemble, extract, extractAll, isFlavorError, inspect, pack, verify } = library;
const project = fileURLToPath(new URL('../fixtures/no-dependencies', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flavor-facade-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test('import and require see the same exports and the same error class', async () => {
  const script = `
    const required = require(${JSON.stringify(entry)});
    import(${JSON.stringify(entry)}).then((imported) => {
      const names = Object.keys(required).filter((name) => name !== '__esModule').sort();
      const same = names.every((name) => required[name] === imported[name]);
      console.log(JSON.stringify({ names, same }));
    });`;
  const { stdout, stderr } = await execa(process.execPath, ['-e', script]);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({
    names: [
      'FlavorError',
      'assemble',
      'checkRepeatable',
      'extract',
      'extractAll',
      'generateKeys',
      'inspect',
      'installedLaunchers',
      'isFlavorError',
      'lock',
      'pack',
      'size',
      'sizePage',
      'verify',
    ],
    same: true,
  });
});

test('a failure of the addon is a FlavorError with code, hints and path', async () => {
  const path = join(folder, 'no.psp');
  const error = await rejection(inspect(path));
  expect(error).toBeInstanceOf(FlavorError);
  expect(isFlavorError(error)).toBe(true);
  expect(error).toMatchObject({ name: 'FlavorError', code: 'ERR_FLAVOR_NOT_FOUND', path });
  expect((error as InstanceType<typeof FlavorError>).stack).toContain('inspect');
});

test('a file that is no package is a result of verify, or an error of inspect', async () => {
  const path = join(folder, 'note.txt');
  writeFileSync(path, 'not a package');
  expect(await rejection(inspect(path))).toMatchObject({ code: 'ERR_PSPF_NOT_A_PACKAGE' });
  const found = await verify(path).catch((error: unknown) => ({ ok: false, failure: error }));
  expect(found).toMatchObject({ ok: false, failure: { code: 'ERR_PSPF_NOT_A_PACKAGE' } });
});

/** A package of one file, by the assembler, with a launcher of filler. */
async function smallPackage(content: string): Promise<string> {
  writeFileSync(join(folder, 'data.txt'), content);
  writeFileSync(join(folder, 'launcher'), 'filler');
  const slot = { slot: 0, id: 'data', source: 'data.txt', target: 'data.txt', operations: 'gzip' };
  const plan = { package: { name: 'small', version: '1' }, execution: { command: 'x' }, slots: [slot] };
  writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan));
  const options = { manifest: 'plan.json', launcher: 'launcher', output: 'small.psp', cwd: folder } as const;
  const { path, slots } = await assemble({ ...options, key: { source: 'seed', seed: 'of this test' } });
  expect(slots).toMatchObject([{ id: 'data', members: 1 }]);
  return path;
}

test('assemble, inspect, verify, extract and extractAll go together', async () => {
  const path = await smallPackage('hello');
  const { slots, index } = await inspect(path);
  expect(slots).toMatchObject([{ id: 'data', operations: 'gzip', unpackedBytes: 5, members: 1, frames: [] }]);
  expect(index.find(({ name }) => name === 'slot_count')?.value).toBe('1');
  const { ok, coverage, foreign } = await verify(path, { deep: true });
  expect([ok, foreign, coverage.every(({ coveredBy }) => coveredBy !== undefined)]).toEqual([true, false, true]);
  const output = join(folder, 'out/data');
  expect(await extract(path, { slot: 0, output })).toEqual({
    ...{ index: 0, id: 'data', path: output, kind: 'file', bytes: 5, members: 1, signed: true },
  });
  const all = await extractAll(path, { folder: 'all', cwd: folder, raw: true });
  expect(all.slots.map(({ kind }) => kind)).toEqual(['stored']);
  expect(readdirSync(all.folder)).toEqual(['00_data.gz', 'metadata.json']);
});

test('a failed or cancelled extraction leaves nothing', async () => {
  const path = await smallPackage('hello');
  const before = readdirSync(folder);
  expect(await rejection(extract(path, { slot: 'other', output: join(folder, 'new/x') }))).toMatchObject({
    code: 'ERR_FLAVOR_OPTION',
  });
  const stop = AbortSignal.abort(new Error('enough'));
  expect(await rejection(extractAll(path, { folder: join(folder, 'new/x'), signal: stop }))).toMatchObject({
    code: 'ERR_FLAVOR_ABORTED',
  });
  expect(readdirSync(folder)).toEqual(before);
});

test('an aborted signal stops pack before it begins', async () => {
  const reason = new Error('enough');
  const error = await rejection(pack({ manifest: project, signal: AbortSignal.abort(reason) }));
  expect(error).toMatchObject({ code: 'ERR_FLAVOR_ABORTED', cause: reason });
});

test('[slow] a signal aborted during the assembly leaves no file', async () => {
  const stop = new AbortController();
  const error = await rejection(
    pack({
      manifest: project,
      output: join(folder, 'out/app.psp'),
      signal: stop.signal,
      level: 19,
      onProgress: (event) => {
        if (event.type === 'bytes') stop.abort();
      },
    }),
  );
  expect(error).toMatchObject({ code: 'ERR_FLAVOR_ABORTED' });
  expect(readdirSync(folder)).toEqual([]);
});

test('a progress callback that throws stops pack, which rejects with that very error', async () => {
  const thrown = new Error('from the callback');
  const error = await rejection(
    pack({
      manifest: project,
      output: join(folder, 'app.psp'),
      onProgress: () => {
        throw thrown;
      },
    }),
  );
  expect(error).toBe(thrown);
  expect(existsSync(join(folder, 'app.psp'))).toBe(false);
});

test('[slow] children get no key material', async () => {
  const output = join(folder, 'app.psp');
  const back = join(folder, 'project');
  const { cpSync } = await import('node:fs');
  cpSync(project, back, { recursive: true });
  const seen = join(folder, 'environment.txt');
  writeFileSync(
    join(back, 'backend.py'),
    `import os\nwith open(${JSON.stringify(seen)}, "w") as f:\n    f.write(repr(dict(os.environ)))\nfrom hatchling.build import *\n`,
  );
  const { readFileSync } = await import('node:fs');
  const manifest = readFileSync(join(back, 'pyproject.toml'), 'utf8').replace(
    /build-backend = .*/,
    'build-backend = "backend"\nbackend-path = ["."]',
  );
  writeFileSync(join(back, 'pyproject.toml'), manifest);
  const secrets = { FLAVOR_SEED: 'secret-one', FLAVOR_KEY_SEED: 'secret-two', FLAVOR_SIGNING_KEY: 'secret-three' };
  await pack({
    manifest: back,
    output,
    level: 3,
    key: { source: 'seed', seed: 'secret-four' },
    environment: { ...process.env, ...secrets },
  });
  expect(readFileSync(seen, 'utf8')).not.toContain('secret-');
  expect(readdirSync(back).sort()).toEqual([...readdirSync(project), 'backend.py'].sort());
});
