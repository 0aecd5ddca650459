// The order in which the test files run: those that last longest first, so that in the end no worker waits for one that
// the other began last. By itself vitest begins with the largest files, where it does not remember an earlier run.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of more than about a minute on two cores, the longest first. All others follow, the largest first. */
const LONGEST = [
  'conformance/python-start',
  'conformance/cases',
  'conformance/python-environments',
  'cli/smoke',
  'cli/seeds',
  'cli/build-cache',
  'cli/dependencies',
  'cli/projects',
  'cli/dependency-errors',
  'conformance/store',
  'cli/repeatable',
  'cli/cache',
  'cli/slots-and-hooks',
  'conformance/program',
  'cli/launchers',
  'cli/runtime',
  'cli/errors',
].map((name) => `/__test__/${name}.spec.ts`);

/** How far in front a file belongs. */
function place({ moduleId }: TestSpecification): number {
  const at = LONGEST.findIndex((end) => moduleId.endsWith(end));
  return at === -1 ? LONGEST.length : at;
}

/** Sorts as the first lines say. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((one, other) => place(one) - place(other));
  }
}
