// The numbered rules of LAUNCH.md and STORE.md, as the documents have them, and where else than in a case a rule is proven.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
const DOCUMENTS = { LAUNCH: 'launchers/LAUNCH.md', STORE: 'crates/flavor-store/STORE.md' } as const;
/** The security rules that concern store or launcher. */
const SECURITY = Array.from({ length: 23 }, (_, number) => `S${number + 1}`);
/** The checklist of the original's behaviour, as far as it concerns what happens on the user's machine. */
const BEHAVIOUR = Array.from({ length: 102 - 61 + 1 }, (_, number) => `B${number + 61}`);

/** Every rule that needs a proof. */
export function allRules(): string[] {
  const numbered = Object.entries(DOCUMENTS).flatMap(([name, path]) =>
    numbersOf(readFileSync(join(root, path), 'utf8')).map((number) => `${name} ${number}`),
  );
  return [...numbered, ...SECURITY, ...BEHAVIOUR];
}

/** Numbers at the beginnings of paragraphs. In a section without any, the steps of its list are its rules. */
export function numbersOf(document: string): string[] {
  return document.split(/^## /m).flatMap((section) => {
    const number = /^(\d+)\. /.exec(section)?.[1];
    const rules = [...section.matchAll(/^(\d+\.\d+) /gm)].map((found) => found[1] ?? '');
    if (rules.length > 0 || number === undefined) return rules;
    const steps = section
      .split('\n')
      .slice(1)
      .join('\n')
      .matchAll(/^(\d+)\. /gm);
    return [...steps].map((step) => `${number}.${step[1]}`);
  });
}

/** The implementations: what one of them proves says nothing about the other. */
const Kind = z.enum(['rust', 'go']);
type Kind = z.infer<typeof Kind>;

/**
 * A proof that is no case: a test by its file and name, or a reason why launchers have nothing to do with it, or why there
 * is no test of one of them.
 */
const Elsewhere = z.record(
  z.string(),
  z
    .array(
      z.union([
        z.strictObject({ file: z.string(), test: z.string() }),
        z.strictObject({ reason: z.string().min(10), kind: Kind.optional() }),
      ]),
    )
    .min(1),
);
export type Proofs = z.infer<typeof Elsewhere>;

/** The proofs of `cases/elsewhere.json`. */
export function proofs(): Proofs {
  return Elsewhere.parse(JSON.parse(readFileSync(new URL('../cases/elsewhere.json', import.meta.url), 'utf8')));
}

/** Named tests that are not where they are said to be. */
export function missingTests(all: Proofs): string[] {
  return Object.entries(all).flatMap(([rule, list]) =>
    list.flatMap((proof) => {
      if ('reason' in proof) return [];
      const path = join(root, proof.file);
      const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
      const kind = kindOf(proof.file);
      const name = kind === undefined ? proof.test : `${kind === 'rust' ? 'fn' : 'func'} ${proof.test}(`;
      return text.includes(name) ? [] : [`${rule}: ${proof.file} has no test ${proof.test}`];
    }),
  );
}

/** Whose test a file holds; those of the suite run against every launcher. */
function kindOf(file: string): Kind | undefined {
  if (file.endsWith('.rs')) return 'rust';
  return file.endsWith('_test.go') ? 'go' : undefined;
}

/** Rules that a test of one implementation proves, and nothing is said of another one. */
export function provenOnce(all: Proofs): string[] {
  return Object.entries(all).flatMap(([rule, list]) => {
    const tested = list.flatMap((proof) => ('file' in proof ? (kindOf(proof.file) ?? []) : []));
    const excused = list.flatMap((proof) => ('reason' in proof ? (proof.kind ?? []) : []));
    if (tested.length === 0) return [];
    return Kind.options.filter((kind) => ![...tested, ...excused].includes(kind)).map((kind) => `${rule}: ${kind}`);
  });
}
