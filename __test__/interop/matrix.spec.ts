// Every builder under every launcher: what one writes, each starts, and what is wrong with it, each refuses with the same
// code. What the original's `test-all-combinations` asked of its own programs, and more: starts that meet or are killed, and
// packages of the original under our launchers. What a launcher does in detail is the conformance suite's subject.

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { users } from '../conformance/packaged.js';
import { addon, program } from '../conformance/suite/builders.js';
import { carryOut, walk } from '../conformance/suite/carry-out.js';
import { launchers } from '../conformance/suite/launchers.js';
import { Machine } from '../conformance/suite/machine.js';
import { edited, factsOf } from '../conformance/suite/packages.js';
import type { Edit, Expectation, PackageWish, Start, Step } from '../conformance/suite/schema.js';
import { openSuite, SETTLED_MS, type Suite } from '../conformance/suite/suite.js';
import { type Golden, makeStartable } from './golden.js';
import { NOTE } from './inputs.js';
import { absence, versions } from './original.js';

/** Whoever has the fewest rights: what root may is the conformance suite's subject. */
const user = users.at(-1) ?? { name: 'the user' };
/** Bytes of an ELF header that nobody reads, so that an altered launcher still starts. */
const UNUSED_BYTE_OF_THE_LAUNCHER = 9;

const NOTHING_ANYWHERE: Expectation['files'] = {
  '<v1>/slots/*': 'absent',
  '<v1>/envs/*': 'absent',
  '<v1>/receipts/*': 'absent',
  '<v1>/tmp/*': 'absent',
};
const NOTHING_BELIEVED: Expectation['files'] = {
  '<v1>/slots/*': 'absent',
  '<env>': 'absent',
  '<env>.record': 'absent',
  '<v1>/receipts/*': 'absent',
  '<v1>/tmp/*': 'absent',
};

/** One column of the matrix. */
interface Cell {
  readonly name: string;
  readonly package?: PackageWish;
  readonly steps: readonly Step[];
}

/** The file started, and the file given to a launcher that executes no byte of it. */
const through: Start = { tool: true, file: '<launcher>', args: ['run', '<package>'] };
const eitherWay = (expect: Expectation): Step[] => [
  { start: {}, expect },
  { start: through, expect },
];

const altered = (where: string, edit: Edit, expect: Expectation): Cell => ({
  name: `altered in the ${where}`,
  package: { recipe: 'demo', edits: [edit] },
  steps: eitherWay(expect),
});
const truncated = (where: string, length: number, steps: (expect: Expectation) => Step[]): Cell => ({
  name: `truncated ${where}`,
  package: { recipe: 'demo', edits: [{ truncate: length }] },
  steps: steps({ exit: 102, error: 'ERR_PSPF_NOT_A_PACKAGE', files: NOTHING_ANYWHERE }),
});

/** Killed while it waits for a lock, so that it always ends at the same place; what it left is found old enough to go. */
const killed = (where: string, lock: string, left: Expectation['files']): Cell => ({
  name: `killed ${where}, and started again`,
  steps: [
    {
      do: [{ file: `<v1>/locks/${lock}`, content: '', mode: '0600' }],
      start: { waiting: `<v1>/locks/${lock}`, signal: 'KILL' },
      expect: {
        signal: 'KILL',
        stdout: '',
        files: { '<v1>/tmp/*': { count: 1 }, '<env>': 'absent', '<v1>/receipts/*': 'absent', ...left },
      },
    },
    {
      do: [{ touch: '<v1>/tmp/*', time: '2021-01-01T00:00:00Z' }],
      start: { args: ['again', '--do=exit:6'] },
      expect: { path: 'cold', exit: 6, report: { argv: ['<slot:0>/bin/probe', 'again', '--do=exit:6'] }, files: WHOLE },
    },
    { start: {}, expect: { path: 'warm' } },
  ],
});

/** What a start leaves, and nothing else. */
const WHOLE: Expectation['files'] = {
  '<v1>/slots/*': { count: 2 },
  '<slot:0>/lib/plain': { text: 'plain\n' },
  '<slot:0>.record': { sealed: true },
  '<env>/share/data/greeting': { text: 'hello\n' },
  '<env>/etc/demo.conf': { text: 'home = <env>\nruntime = <slot:0>\n' },
  '<env>.record': { sealed: true },
  '<v1>/receipts/*': { count: 1 },
  '<receipt>': { sealed: true },
  '<v1>/tmp/*': 'absent',
};

const CELLS: readonly Cell[] = [
  {
    name: 'run',
    steps: [
      {
        start: { args: ['plain', 'two words', '', '--help', '--do=exit:7'] },
        expect: {
          path: 'cold',
          exit: 7,
          report: {
            argv: ['<slot:0>/bin/probe', 'plain', 'two words', '', '--help', '--do=exit:7'],
            environment: { FLAVOR_WORKENV: '<env>', FLAVOR_PACKAGE: '<package>', FLAVOR_VERSION: '1.0' },
          },
          files: WHOLE,
        },
      },
    ],
  },
  {
    name: 'second run',
    steps: [
      { start: {}, expect: { path: 'cold' } },
      {
        do: [{ remember: '<v1>', as: 'store' }],
        start: { args: ['x', '--do=exit:8'] },
        expect: {
          path: 'warm',
          exit: 8,
          report: { argv: ['<slot:0>/bin/probe', 'x', '--do=exit:8'] },
          files: { '<v1>': { untouched: 'store' } },
        },
      },
    ],
  },
  altered(
    'launcher',
    { at: UNUSED_BYTE_OF_THE_LAUNCHER, xor: '01', repair: true },
    { exit: 107, error: 'ERR_PSPF_LAUNCHER_DIGEST', files: NOTHING_ANYWHERE },
  ),
  altered(
    'metadata',
    { at: 'metadata+40', xor: '01', repair: true },
    { exit: 107, error: 'ERR_PSPF_SIGNATURE', files: NOTHING_ANYWHERE },
  ),
  altered(
    'shared slot',
    { at: 'slot:0+20', xor: '01' },
    { exit: 103, error: 'ERR_PSPF_SLOT_DIGEST', files: NOTHING_BELIEVED },
  ),
  altered(
    'shared slot, with every checksum that needs no key repaired',
    { at: 'slot:0+20', xor: '01', repair: true },
    { exit: 102, error: 'ERR_PSPF_RENDERING', files: NOTHING_ANYWHERE },
  ),
  altered(
    'private slot',
    { at: 'slot:1+20', xor: '01' },
    {
      exit: 103,
      error: 'ERR_PSPF_SLOT_DIGEST',
      files: { '<env>': 'absent', '<env>.record': 'absent', '<v1>/receipts/*': 'absent', '<v1>/tmp/*': 'absent' },
    },
  ),
  {
    name: 'altered after it was warm',
    package: { recipe: 'demo', own: true },
    steps: [
      { do: [{ settle: '<package>' }], start: {}, expect: { path: 'cold' } },
      { start: {}, expect: { path: 'warm' } },
      {
        do: [{ edit: '<package>', edits: [{ at: 'slot:1+20', xor: '01' }] }],
        start: {},
        expect: { exit: 103, error: 'ERR_PSPF_SLOT_DIGEST' },
      },
      { start: through, expect: { exit: 103, error: 'ERR_PSPF_SLOT_DIGEST' } },
    ],
  },
  truncated('by one byte', -1, eitherWay),
  truncated('before its trailer', -8200, eitherWay),
  truncated('in a slot', -9000, eitherWay),
  // What is left is no program: only a launcher of its own can say so.
  truncated('in its launcher', 4096, (expect) => [{ start: through, expect }]),
  {
    name: 'two at once',
    steps: [
      {
        start: { times: 2, args: ['x', '--do=exit:5'] },
        expect: { exit: 5, report: { argv: ['<slot:0>/bin/probe', 'x', '--do=exit:5'] }, files: WHOLE },
      },
      {
        do: [{ remember: '<slot:0>', as: 'slot' }],
        start: { env: { FLAVOR_VALIDATION: 'full' } },
        expect: { files: { '<slot:0>': { untouched: 'slot' } } },
      },
      { start: { times: 2 }, expect: { path: 'warm' } },
    ],
  },
  killed('before it unpacks', 'slot-<key:0>', { '<v1>/slots/*': 'absent' }),
  killed('between its slots', 'env-<envname>', { '<slot:0>.record': { sealed: true } }),
];

for (const builder of [addon, program('go')]) {
  for (const launcher of launchers()) {
    describe.concurrent(`${builder.name} × ${launcher.name}`, () => {
      let suite: Suite | undefined;
      beforeAll(async () => {
        suite = openSuite(launcher, builder);
        for (const { package: wish = 'demo' } of CELLS) await suite.packages.make(wish);
        await sleep(SETTLED_MS);
      });
      afterAll(() => suite?.close());

      for (const { name, package: wish = 'demo', steps } of CELLS) {
        it(name, async () => {
          if (suite === undefined) throw new Error('the suite is not ready');
          await carryOut(suite, { package: wish, steps: [...steps] }, user);
        });
      }
    });
  }
}

const RUN: Start = { ...through, args: ['run', '<package>', 'two words', '', '--help'] };
/** What the program of `THREE_SLOTS` says: it ends with 7, and the launcher says nothing. */
const TOLD: Expectation = {
  exit: 7,
  stderr: '',
  stdout: [
    'workenv=<env>',
    'greeting=hello',
    `note=${NOTE.trim()}`,
    'data=data of the tree',
    ...['two words', '', '--help'].map((argument) => `argument=${argument}`),
    '',
  ].join('\n'),
};
const PRIVATE: Expectation['files'] = {
  '<v1>/slots': { entries: 0 },
  '<v1>/envs': { entries: ['<envname>', '<envname>.about', '<envname>.record'] },
  '<v1>/receipts/*': { count: 1 },
  '<v1>/tmp/*': 'absent',
};
/** What the original's signature does not cover, its launcher among it, is the subject of `exceptions.spec.ts`. */
const FOREIGN_CELLS: readonly (Cell & { readonly edits?: readonly Edit[] })[] = [
  { name: 'run', steps: [{ start: RUN, expect: { ...TOLD, path: 'cold', files: PRIVATE } }] },
  {
    name: 'second run',
    steps: [
      { start: RUN, expect: { ...TOLD, path: 'cold' } },
      {
        do: [{ remember: '<v1>', as: 'store' }],
        start: RUN,
        expect: { ...TOLD, path: 'warm', files: { '<v1>': { untouched: 'store' } } },
      },
    ],
  },
  {
    name: 'altered in the metadata',
    edits: [{ at: 'metadata+40', xor: '01', repair: true }],
    steps: [{ start: RUN, expect: { exit: [102, 107], stdout: '', files: NOTHING_ANYWHERE } }],
  },
  {
    name: 'altered in a slot',
    edits: [{ at: 'slot:2+12', xor: '01', repair: true }],
    steps: [{ start: RUN, expect: { exit: 103, error: 'ERR_PSPF_SLOT_DIGEST', files: NOTHING_BELIEVED } }],
  },
  {
    name: 'truncated',
    edits: [{ truncate: -1 }],
    steps: [{ start: RUN, expect: { exit: 102, error: 'ERR_PSPF_NOT_A_PACKAGE', files: NOTHING_ANYWHERE } }],
  },
  {
    name: 'two at once',
    steps: [
      { start: { ...RUN, times: 2 }, expect: { ...TOLD, files: PRIVATE } },
      { start: { ...RUN, times: 2 }, expect: { ...TOLD, path: 'warm' } },
    ],
  },
  {
    name: 'killed before it unpacks, and started again',
    steps: [
      {
        do: [{ file: '<v1>/locks/env-<envname>', content: '', mode: '0600' }],
        start: { ...RUN, waiting: '<v1>/locks/env-<envname>', signal: 'KILL' },
        expect: { signal: 'KILL', stdout: '', files: { '<v1>/tmp/*': { count: 1 }, '<env>': 'absent' } },
      },
      {
        do: [{ touch: '<v1>/tmp/*', time: '2021-01-01T00:00:00Z' }],
        start: RUN,
        expect: { ...TOLD, path: 'cold', files: PRIVATE },
      },
      { start: RUN, expect: { ...TOLD, path: 'warm' } },
    ],
  },
];

/** The forms of one package of the original's that the cells ask for, beside it. */
function formsOf(file: string): string[] {
  const original = readFileSync(file);
  return FOREIGN_CELLS.map(({ edits = [] }, cell) => {
    const path = file.replace(/\.psp$/, `-${cell}.psp`);
    writeFileSync(path, edited(original, edits), { mode: 0o755 });
    return path;
  });
}

describe.skipIf(absence)(`packages of the original${absence ? ` (skipped: ${absence})` : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'flavor-interop-'));
  chmodSync(folder, 0o755);
  let golden: readonly Golden[] = [];
  const forms = new Map<string, readonly string[]>();
  const suites = new Map<string, Suite>();
  beforeAll(async () => {
    golden = await makeStartable(folder);
    for (const { builder, file } of golden) forms.set(builder, formsOf(file));
    for (const launcher of launchers()) suites.set(launcher.name, openSuite(launcher));
    await sleep(SETTLED_MS);
  });
  afterAll(() => {
    for (const suite of suites.values()) suite.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const builder of versions.flatMap(buildersOf)) {
    for (const launcher of launchers()) {
      describe.concurrent(`${builder} × ${launcher.name}`, () => {
        for (const [cell, { name, steps }] of FOREIGN_CELLS.entries()) {
          it(name, async () => {
            const suite = suites.get(launcher.name);
            const whole = golden.find((one) => one.builder === builder);
            const path = forms.get(builder)?.[cell];
            if (suite === undefined || whole === undefined || path === undefined) throw new Error('not ready');
            using machine = new Machine(user, suite.launcher);
            machine.install('package', { path, file: basename(path), facts: factsOf(readFileSync(whole.file)) }, false);
            await walk(suite, machine, steps);
          });
        }
      });
    }
  }
});

/** Names of the three builders of a release, as `golden.ts` has them. */
function buildersOf(version: string): string[] {
  return ['Rust', 'Go', 'Python'].map((kind) => `the ${kind} builder of ${version}`);
}
