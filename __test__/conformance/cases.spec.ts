// Runs the cases of `cases/*.json` against every launcher. Everything that is special to a case stands in its file; see
// cases/README.md.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type User, users } from './packaged.js';
import { carryOut, wishesOf } from './suite/carry-out.js';
import { type Launcher, launchers } from './suite/launchers.js';
import { type Case, CaseFile } from './suite/schema.js';
import { openSuite, SETTLED_MS, type Suite } from './suite/suite.js';

const folder = fileURLToPath(new URL('cases', import.meta.url));
const isRoot = process.getuid?.() === 0;
function read<Form>(path: string, form: { parse(value: unknown): Form }): Form {
  try {
    return form.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new Error(`${basename(path)} is no file of cases: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

const subjects = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && name !== 'recipes.json' && name !== 'elsewhere.json')
  .sort()
  .map((name) => ({ name: name.replace('.json', ''), ...read(join(folder, name), CaseFile) }));

/** Those of this session who can run a case. Only root can give files to others. */
function usersOf(one: Case): User[] {
  const { users: wanted } = one;
  if (!isRoot && /"owner":"(root|other)"/.test(JSON.stringify(one))) return [];
  if (wanted === 'root') return users.filter(() => isRoot).slice(0, 1);
  if (wanted === 'unprivileged') return isRoot ? users.slice(1) : [...users];
  return [...users];
}

const shown = ({ name, slow }: Case, user: User) =>
  `${name}${users.length > 1 ? ` (${user.name})` : ''}${slow ? ' [slow]' : ''}`;

describe.each(launchers())('$name', (launcher: Launcher) => {
  let suite: Suite | undefined;
  beforeAll(async () => {
    suite = await openSuite(launcher);
    // Made before they are needed, so that all are older than two seconds then. One that cannot be made fails its cases.
    for (const wish of subjects.flatMap(({ cases }) => cases.flatMap(wishesOf))) {
      await suite.packages.make(wish).catch(() => {});
    }
    await sleep(SETTLED_MS);
  });
  afterAll(() => suite?.close());

  for (const subject of subjects) {
    describe.concurrent(subject.name, () => {
      for (const one of subject.cases) {
        for (const user of usersOf(one)) {
          it(shown(one, user), async () => {
            if (suite === undefined) throw new Error('the suite is not ready');
            await carryOut(suite, one, user);
          });
        }
        if (usersOf(one).length === 0) it.skip(`${one.name} (needs root)`);
      }
    });
  }
});
