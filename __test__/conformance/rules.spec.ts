// Every numbered rule of LAUNCH.md and STORE.md, every security rule and every line of the checklist has a case, or a named
// test elsewhere. A rule without either makes this fail, so a new rule needs a proof.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { allRules, missingTests, numbersOf, proofs, provenOnce } from './suite/rules.js';
import { CaseFile } from './suite/schema.js';

const folder = new URL('cases/', import.meta.url);
const cases = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && name !== 'recipes.json' && name !== 'elsewhere.json')
  .flatMap((name) => CaseFile.parse(JSON.parse(readFileSync(new URL(name, folder), 'utf8'))).cases);

describe('the rules of LAUNCH.md and STORE.md', () => {
  it('are found in the documents, steps of a section included', () => {
    expect(numbersOf('## 3. A\n\n3.1 x\n\n1. in 3.1\n\n## 4. B\n\n1. x\n2. y\n\n## 5. C\n\n5.1 x\n5.10 y\n')).toEqual([
      '3.1',
      '4.1',
      '4.2',
      '5.1',
      '5.10',
    ]);
    const rules = allRules();
    for (const rule of [
      'LAUNCH 1.1',
      'LAUNCH 4.11',
      'LAUNCH 15.6',
      'STORE 1.1',
      'STORE 9.7',
      'STORE 18.4',
      'S23',
      'B61',
    ]) {
      expect(rules).toContain(rule);
    }
  });

  it('each have a case or a named test elsewhere', () => {
    const known = new Set([...cases.flatMap(({ rules }) => rules), ...Object.keys(proofs())]);
    expect(allRules().filter((rule) => !known.has(rule))).toEqual([]);
  });

  it('are the only ones that cases and elsewhere.json name', () => {
    const rules = new Set(allRules());
    const named = [...cases.flatMap((one) => one.rules), ...Object.keys(proofs())];
    // Other lines of the checklist may be shown here too.
    const others = [...new Set(named)].filter((rule) => !rules.has(rule) && !/^(FORMAT|B)/.test(rule));
    expect(others).toEqual([]);
  });

  it('have proofs elsewhere that exist', () => {
    expect(missingTests(proofs())).toEqual([]);
  });

  it('that are proven elsewhere are so for each implementation, or it is said why not', () => {
    const rust = { file: 'a/b.rs', test: 'x' };
    expect(provenOnce({ 'LAUNCH 1.1': [rust] })).toEqual(['LAUNCH 1.1: go']);
    expect(provenOnce({ 'LAUNCH 1.1': [rust, { reason: 'there is none there', kind: 'go' }] })).toEqual([]);
    expect(provenOnce({ 'LAUNCH 1.1': [{ file: 'a/b_test.go', test: 'X' }] })).toEqual(['LAUNCH 1.1: rust']);
    expect(provenOnce({ 'LAUNCH 1.1': [{ file: 'a.spec.ts', test: 'x' }] })).toEqual([]);
    expect(provenOnce(proofs())).toEqual([]);
  });
});

describe('the cases', () => {
  it('are at least 150, with names of their own', () => {
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(150);
  });
});
