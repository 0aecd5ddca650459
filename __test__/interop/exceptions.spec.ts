// Where the original accepts what nobody should: each finding is a row of exceptions.json with the reason, and both
// directions are asserted. When a release of the original begins to refuse, a test here fails and the row changes.
// Judged by exit codes of its verify, and by what its launchers run.

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verify } from '../../dist/index.js';
import { ATTACKS } from './attacks.js';
import { makeGolden, THREE_SLOTS } from './golden.js';
import { type Answer, absence, type Family, Original, versions } from './original.js';
import { assembled, composed } from './our-packages.js';

interface Exception {
  readonly attack: string;
  /** Why the original accepts it. */
  readonly reason: string;
  /** Whether somebody has to sign: then the author is the attacker. */
  readonly needsKey: boolean;
  /** Whether the original's verify accepts it. */
  readonly verifies: boolean;
  /** Which of its launchers start such a package. */
  readonly starts: readonly Family[];
  /** Our refusal of a package of ours. */
  readonly ours: string;
  /** Our refusal of a package of the original's; without it, `notForeign` says why there is none. */
  readonly foreign?: string;
  readonly notForeign?: string;
}

const exceptions = JSON.parse(readFileSync(new URL('exceptions.json', import.meta.url), 'utf8')) as Exception[];
const detected = exceptions.filter(({ foreign }) => foreign !== undefined);
/** Changes to what a foreign signature does not cover and our readers do not use either. */
const UNCOVERED = ['launcher-changed', 'launcher-grown', 'permissions-changed', 'gap-filled', 'slot-added'];
const folder = mkdtempSync(join(tmpdir(), 'flavor-interop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes the attacked form of a package; returns its path. */
function attacked(base: string, attack: string): string {
  const original = readFileSync(base);
  const changed = ATTACKS[attack]?.(original) ?? original;
  expect(changed.equals(original), `${attack} changes nothing`).toBe(false);
  const file = base.replace(/\.psp$/, `-${attack}.psp`);
  writeFileSync(file, changed);
  chmodSync(file, 0o755);
  return file;
}

/** Attacked forms of one package, and what each release's verify says about them. */
class Bench {
  private readonly answers = new Map<string, ReadonlyMap<string, Answer>>();
  private files: ReadonlyMap<string, string> = new Map();

  async prepare(base: string, attacks: readonly string[]): Promise<void> {
    this.files = new Map(attacks.map((attack) => [attack, attacked(base, attack)]));
    const commands = [...this.files.values()].map((file) => ['verify', file]);
    for (const version of versions) {
      const answers = await new Original(version).flavor(...commands);
      this.answers.set(version, new Map(attacks.map((attack, at) => [attack, answers[at] as Answer])));
    }
  }

  async ours(attack: string) {
    return verify(this.files.get(attack) ?? '');
  }

  theirs(version: string, attack: string): Answer | undefined {
    return this.answers.get(version)?.get(attack);
  }
}

describe.skipIf(absence)(`against the original${absence ? ` (skipped: ${absence})` : ''}`, () => {
  const ours = new Bench();
  const foreign = new Bench();
  beforeAll(async () => {
    const golden = (await makeGolden(folder)).find(({ builder }) => builder === `the Rust builder of ${versions[0]}`);
    await ours.prepare(
      await composed(folder),
      exceptions.map(({ attack }) => attack),
    );
    await foreign.prepare(golden?.file ?? '', [...detected.map(({ attack }) => attack), ...UNCOVERED]);
  });

  it('every attack is a row of exceptions.json, once, with a reason', () => {
    expect(exceptions.map(({ attack }) => attack).sort()).toEqual(Object.keys(ATTACKS).sort());
    for (const { reason, foreign, notForeign } of exceptions) {
      expect(reason).not.toBe('');
      expect(foreign === undefined).toBe(notForeign !== undefined);
    }
  });

  describe.each(exceptions.map((row) => [row.attack, row] as const))('%s', (attack, row) => {
    it('is refused by ours on a package of ours', async () => {
      expect((await ours.ours(attack)).failure?.code).toBe(row.ours);
    });

    it.each(versions)(`${row.verifies ? 'passes' : 'is refused by'} verify of %s on a package of ours`, (version) => {
      expect(ours.theirs(version, attack)).toMatchObject({ exit: row.verifies ? 0 : 1 });
    });
  });

  describe.each(detected.map((row) => [row.attack, row] as const))('%s', (attack, row) => {
    it('is refused by ours on a package of theirs', async () => {
      expect((await foreign.ours(attack)).failure?.code).toBe(row.foreign);
    });

    it.each(versions)(`${row.verifies ? 'passes' : 'is refused by'} verify of %s on a package of theirs`, (version) => {
      expect(foreign.theirs(version, attack)).toMatchObject({ exit: row.verifies ? 0 : 1 });
    });
  });

  it.each(UNCOVERED)(
    '%s on a package of theirs passes, and ours says what the signature does not cover',
    async (attack) => {
      const { ok, checks } = await foreign.ours(attack);
      expect(ok).toBe(true);
      const details = checks.map(({ detail }) => detail).join('\n');
      expect(details).toMatch(/launcher, slot table and gaps are not covered/);
    },
  );

  const launchers = versions.flatMap((version) =>
    (['rust', 'go'] as const).map((family) => [version, family] as const),
  );
  it.each(launchers)(
    '%s, its %s launcher starts what exceptions.json says, and ours refuses it all [slow]',
    async (version, family) => {
      const original = new Original(version);
      const base = await assembled(folder, `${version}-${family}`, THREE_SLOTS, original.launcher(family));
      for (const { attack, starts, ours } of exceptions) {
        const file = attacked(base, attack);
        const { stdout } = await original.start(file, [], mkdtempSync(join(folder, 'home-')));
        expect(stdout.includes('greeting=hello'), attack).toBe(starts.includes(family));
        expect((await verify(file)).failure?.code, attack).toBe(ours);
      }
    },
  );

  it.each(versions)(
    '%s: one signed text is one program to its Rust launcher and another one to its Go launcher',
    async (version) => {
      const original = new Original(version);
      const said: string[] = [];
      for (const family of ['rust', 'go'] as const) {
        const base = await assembled(
          folder,
          `two-programs-${version}-${family}`,
          THREE_SLOTS,
          original.launcher(family),
        );
        const { stdout } = await original.start(
          attacked(base, 'key-in-other-case'),
          [],
          mkdtempSync(join(folder, 'home-')),
        );
        said.push(stdout.includes('from elsewhere') ? 'Execution' : 'execution');
      }
      expect(said).toEqual(['execution', 'Execution']);
    },
  );
});
