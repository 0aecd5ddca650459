// Each promise of the guide about creating packages (A01–A97, counted in the reference of the original's behaviour; G01 and
// on: what else the guide and the page of the original say) has a test by name, or it is said why it has none.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const here = dirname(fileURLToPath(import.meta.url));
const tests = dirname(here);
const promise = z.string().min(10);
const reason = z.string().min(10);

/** A promise with its tests (`file › part of the title`), one that comes with an issue, or one that nothing can prove. */
const Promises = z.record(
  z.string().regex(/^[AG]\d\d$/),
  z.union([
    z.strictObject({ promise, tests: z.array(z.string().includes(' › ')).min(1) }),
    z.strictObject({ promise, issue: z.int(), reason }),
    z.strictObject({ promise, reason }),
  ]),
);
const promises = Promises.parse(JSON.parse(readFileSync(join(here, 'promises.json'), 'utf8')));

/** Titles of the tests of a file: functions in Rust and Go; elsewhere the first text of a call, or of a row of `each`. */
function titlesOf(file: string): string[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  if (file.endsWith('.rs')) return [...text.matchAll(/#\[test\]\s+fn (\w+)/g)].map(([, name = '']) => name);
  if (file.endsWith('.go')) return [...text.matchAll(/^func (Test\w+)\(/gm)].map(([, name = '']) => name);
  const first =
    /(?:\b(?:test|it|onNewest)(?:\.\w+)*\(|\)\(|^\s*\[)\s*(?:'((?:[^'\\]|\\.)+)'|"((?:[^"\\]|\\.)+)"|`((?:[^`\\]|\\.)+)`)/gm;
  return [...text.matchAll(first)].map(([, single, double, back]) => single ?? double ?? back ?? '');
}

/** Tests that are not where they are said to be. */
function missing(all: typeof promises): string[] {
  return Object.entries(all).flatMap(([id, entry]) =>
    'tests' in entry
      ? entry.tests
          .filter((named) => {
            const [file = '', title = ''] = named.split(' › ');
            return title.length < 3 || !titlesOf(join(tests, file)).some((one) => one.includes(title));
          })
          .map((named) => `${id}: ${named}`)
      : [],
  );
}

describe('the promises of the guide', () => {
  test('are all there, A01 to A97', () => {
    const ids = Object.keys(promises).filter((id) => id.startsWith('A'));
    expect(ids).toEqual(Array.from({ length: 97 }, (_, index) => `A${String(index + 1).padStart(2, '0')}`));
  });

  test('have tests that exist', () => {
    expect(missing(promises)).toEqual([]);
  });

  test('are not believed where the named test is none', () => {
    const wrong = ['cli/errors.spec.ts › no such test as this', 'promises/none.spec.ts › are all there'];
    expect(
      missing({ A01: { promise: 'a promise', tests: [...wrong, 'promises/promises.spec.ts › are all there'] } }),
    ).toEqual(wrong.map((named) => `A01: ${named}`));
  });
});

test('the pages that the guide refers to are sections of the README', () => {
  const readme = readFileSync(join(tests, '..', 'README.md'), 'utf8');
  const sections = [...readme.matchAll(/^#{2,3} (.+)$/gm)].map(([, title]) => title);
  const wanted = ['Manifest', 'How Python starts', 'Who signs', 'Security', 'As a library', 'Error codes'];
  expect(sections).toEqual(expect.arrayContaining(wanted));
});
