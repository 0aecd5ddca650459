// Renews oracle.json: the original's releases that the interop suite asks, with everything they need to run.
// Run by hand, with the network, after `npm run setup`.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { ORACLE_PYTHON, ORACLE_VERSIONS } from './oracle.mjs';
import { inOrder, pinsFor } from './resolution.mjs';

const python = ORACLE_PYTHON.split('.').map(Number);
const chosen = new Map();
for (const version of ORACLE_VERSIONS) {
  for (const pin of await pinsFor([`flavorpack==${version}`], python)) {
    const oracles = [chosen.get(pin.filename)?.oracles, version].filter(Boolean).join(' ');
    chosen.set(pin.filename, { ...pin, oracles });
  }
}
const sorted = inOrder(chosen.values());
const file = path.join(import.meta.dirname, 'oracle.json');
writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
console.log(`${sorted.length} wheels pinned in ${path.relative(process.cwd(), file)}`);
