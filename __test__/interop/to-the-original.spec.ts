// Our packages under the original: its verify, inspect and extract read them, and its launchers start them. Asked of what
// it can decode: raw, tar, gzip and tar.gz. What it only stores (zstd) it verifies and inspects.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { THREE_SLOTS } from './golden.js';
import { NOTE, SCRIPT, TREE, type Tree, writeInputs } from './inputs.js';
import { absence, type Family, Original, SEED, type TarMember, versions } from './original.js';
import { assembled, composed } from './our-packages.js';
import { flavorIn } from './ours.js';
import { chain, parts, text } from './package-file.js';

const folder = mkdtempSync(join(tmpdir(), 'flavor-interop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const families: readonly Family[] = ['rust', 'go'];

/** What each slot of the readable package gives after decompression. */
type Expected = { readonly file: string } | { readonly tree: Tree };
const SLOTS: readonly { id: string; source: string; target: string; operations: string; gives: Expected }[] = [
  { id: 'script', source: 'app.sh', target: 'app.sh', operations: 'raw', gives: { file: SCRIPT } },
  { id: 'folder', source: 'tree', target: '{workenv}', operations: 'tgz', gives: { tree: TREE } },
  { id: 'ready-tgz', source: 'tree.tar.gz', target: '{workenv}', operations: 'tar.gz', gives: { tree: TREE } },
  { id: 'bare-tar', source: 'tree', target: '{workenv}', operations: 'tar', gives: { tree: TREE } },
  { id: 'note', source: 'note.txt', target: 'note.txt', operations: 'gzip', gives: { file: NOTE } },
  { id: 'ready-gzip', source: 'note.txt.gz', target: 'again.txt', operations: 'gzip', gives: { file: NOTE } },
  { id: 'two-members', source: 'two-members.gz', target: 'two.txt', operations: 'gzip', gives: { file: NOTE } },
];
const TEXT: Readonly<Record<string, string>> = { 'tar|gzip': 'tar.gz' };

interface TheirInspection {
  readonly format_version: string;
  readonly size: number;
  readonly launcher_size: number;
  readonly package_metadata: { readonly name: string; readonly version: string };
  readonly slots: readonly { readonly name: string; readonly size: number; readonly operations: string }[];
}

function files(members: readonly TarMember[] | undefined) {
  const regular = (members ?? []).filter(({ kind }) => kind === 'file');
  return new Map(regular.map(({ path, mode, sha256 }) => [path, { mode, sha256 }]));
}

function filesOf(tree: Tree) {
  const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
  return new Map([...tree].map(([path, { mode, content }]) => [path, { mode, sha256: sha256(content) }]));
}

describe.skipIf(absence)(`under the original${absence ? ` (skipped: ${absence})` : ''}`, () => {
  let readable: string;
  let framed: string;
  beforeAll(async () => {
    writeInputs(folder);
    const slots = SLOTS.map(({ gives: _, ...slot }) => ({ ...slot, purpose: 'data', lifecycle: 'runtime' }));
    readable = await assembled(folder, 'readable', { ...THREE_SLOTS, slots }, join(folder, 'stub.sh'));
    framed = await composed(folder);
  });

  describe.each(versions)('%s', (version) => {
    const original = new Original(version);

    it('verifies a package with raw, tar, gzip and tar.gz slots, and one with tar.zst slots', async () => {
      const answers = await original.flavor(['verify', readable], ['verify', framed]);
      expect(answers.map(({ exit, output }) => (exit === 0 ? 0 : output))).toEqual([0, 0]);
    });

    it('inspects both', async () => {
      const paths = [readable, framed];
      const answers = await original.flavor(...paths.map((path) => ['inspect', '--json', path]));
      for (const [at, { exit, output }] of answers.entries()) {
        expect(exit, output).toBe(0);
        const bytes = readFileSync(paths[at] ?? '');
        const found = parts(bytes);
        const report = JSON.parse(output) as TheirInspection;
        const { package: package_, slots } = JSON.parse(text(found)) as {
          package: { name: string; version: string };
          slots: { id: string }[];
        };
        expect(report).toMatchObject({ size: bytes.length, launcher_size: found.launcher.length });
        expect(report.package_metadata).toMatchObject({ name: package_.name, version: package_.version });
        expect(report.slots.map(({ name, size }) => [name, size])).toEqual(
          slots.map(({ id }, slot) => [id, found.slots[slot]?.stored.length]),
        );
        const chains = found.slots.map(({ descriptor }) => chain(descriptor));
        if (at === 0) expect(report.slots.map(({ operations }) => operations)).toEqual(chains.map((c) => TEXT[c] ?? c));
      }
    });

    it('extracts every slot: files byte for byte, trees as tar streams that Python reads alike', async () => {
      const out = join(folder, `extracted-${version}`);
      mkdirSync(out);
      const targets = SLOTS.map(({ id }) => join(out, id));
      const commands = targets.map((target, slot) => ['extract', readable, String(slot), target]);
      for (const { exit, output } of await original.flavor(...commands)) expect(exit, output).toBe(0);
      const trees = SLOTS.flatMap(({ id, gives }) =>
        'tree' in gives ? [{ path: join(out, id), tree: gives.tree }] : [],
      );
      const members = await original.untar(...trees.map(({ path }) => path));
      for (const [at, { path, tree }] of trees.entries()) expect(files(members[at]), path).toEqual(filesOf(tree));
      for (const { id, gives } of SLOTS) {
        if ('file' in gives) expect(readFileSync(join(out, id), 'utf8'), id).toBe(gives.file);
      }
    });

    describe.each(families)('with its %s launcher at the head', (family) => {
      it('starts the first and the second time, with arguments and exit code', async () => {
        const launcher = original.launcher(family);
        const file = await assembled(folder, `run-${version}-${family}`, THREE_SLOTS, launcher);
        expect(parts(readFileSync(file)).launcher.equals(readFileSync(launcher))).toBe(true);
        const home = mkdtempSync(join(folder, 'home-'));
        for (const start of ['first', 'second']) {
          const result = await original.start(file, ['plain', 'with two blanks', '', '--help'], home);
          expect(result.exitCode, `${start} start: ${result.stderr}`).toBe(7);
          const lines = result.stdout.split('\n');
          expect(lines[0]).toMatch(/^workenv=./);
          expect(lines.slice(1), start).toEqual([
            'greeting=hello',
            `note=${NOTE.trim()}`,
            'data=data of the tree',
            ...['plain', 'with two blanks', '', '--help'].map((argument) => `argument=${argument}`),
          ]);
        }
      });

      it('starts packages with empty slots, none, 130, one for itself, names beyond ASCII [slow]', async () => {
        const launcher = original.launcher(family);
        const started = [];
        for (const [name, manifest] of Object.entries(EDGES)) {
          const file = await assembled(folder, `edge-${name}-${version}-${family}`, manifest, launcher);
          const home = mkdtempSync(join(folder, 'home-'));
          const { stdout } = await original.start(file, [], home);
          const { exitCode } = await original.startAsTool(file, ['verify'], home);
          started.push({ name, ran: stdout.includes('greeting=hello'), verifies: exitCode === 0 });
        }
        expect(started).toEqual(Object.keys(EDGES).map((name) => ({ name, ran: true, verifies: true })));
        const edges = Object.keys(EDGES).map((name) => join(folder, `edge-${name}-${version}-${family}.psp`));
        const answers = await original.flavor(...edges.map((file) => ['verify', file]));
        expect(answers.map(({ exit }) => exit)).toEqual(edges.map(() => 0));
      });

      it('starts nothing of a package whose slots it cannot decode', async () => {
        const slots = THREE_SLOTS.slots.map((slot) => ({ ...slot, ...ZSTD[slot.id] }));
        const launcher = original.launcher(family);
        const file = await assembled(folder, `zstd-${version}-${family}`, { ...THREE_SLOTS, slots }, launcher);
        const result = await original.start(file, [], mkdtempSync(join(folder, 'home-')));
        expect(result.exitCode).not.toBe(0);
        expect(result.stdout).not.toContain('workenv=');
      });
    });
  });

  it('flavor assemble takes the manifest and the options of its builder, and makes the same program', async () => {
    const [version = ''] = versions;
    const original = new Original(version);
    const manifest = join(folder, 'same.json');
    writeFileSync(manifest, JSON.stringify(THREE_SLOTS));
    const theirs = join(folder, 'same-theirs.psp');
    await original.build('rust', folder, manifest, 'stub.sh', theirs);
    const ours = join(folder, 'same-ours.psp');
    const args = ['--manifest', manifest, '--output', ours, '--launcher-bin', 'stub.sh', '--key-seed', SEED];
    const ended = await flavorIn(folder, {}, 'assemble', ...args);
    expect(ended.exit, ended.stderr).toBe(0);
    const [a, b] = [theirs, ours].map((path) => {
      const found = parts(readFileSync(path));
      const {
        package: { name, version },
        execution,
      } = JSON.parse(text(found));
      const { command, env } = execution;
      return { name, version, command, env, stored: found.slots.map(({ stored }) => stored.toString('base64')) };
    });
    expect(b).toEqual(a);
  });
});

function oneMore(...slots: readonly { id: string; source: string; target: string; operations: string }[]) {
  const more = slots.map((slot) => ({ ...slot, purpose: 'data', lifecycle: 'runtime' }));
  return { ...THREE_SLOTS, slots: [...THREE_SLOTS.slots, ...more] };
}

const EDGES = {
  'empty-file': oneMore({ id: 'empty', source: 'empty', target: 'empty', operations: 'raw' }),
  'empty-gzip': oneMore({ id: 'empty', source: 'empty', target: 'empty', operations: 'gzip' }),
  'no-slots': { ...THREE_SLOTS, slots: [], execution: { command: '/bin/echo greeting=hello', primary_slot: 0 } },
  'many-slots': oneMore(
    ...Array.from({ length: 130 }, (_, at) => ({
      id: `note-${at}`,
      source: 'note.txt',
      target: `many/${at}.txt`,
      operations: at % 2 === 0 ? 'raw' : 'gzip',
    })),
  ),
  itself: oneMore({ id: 'itself', source: '$SELF', target: 'itself', operations: 'raw' }),
  'beyond-ascii': oneMore({ id: 'grüße', source: 'note.txt', target: 'grüße/ß.txt', operations: 'gzip' }),
};

/** The same slots under zstd, which the original's launchers lack. */
const ZSTD: Readonly<Record<string, object>> = {
  tree: { source: 'tree', operations: 'tar.zst' },
  note: { source: 'note.txt', operations: 'zstd' },
};
