// Renews wheels.json: resolves the roots below for each Python of the mirror with uv, then picks one wheel
// per distribution and Python. Run by hand, with the network, after `npm run setup`.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inOrder, pinsFor } from './resolution.mjs';

/** What the demo imports, what builds it and the fixtures, and what tests install into running packages. */
const ROOTS = [
  ['click', 'rich', 'httpx', 'pydantic'],
  ['hatchling'],
  ['setuptools', 'wheel', 'editables'],
  ['flit-core', 'pdm-backend', 'poetry-core'],
  ['pip'],
  ['iniconfig==2.1.0'],
  ['iniconfig==2.0.0'],
  ['flask', 'gunicorn'],
  // The guide about creating packages (promises/guide.spec.ts).
  ['flask', 'requests', 'sqlalchemy'],
  // What real distributions do to an environment (conformance/python-environments.spec.ts).
  ['zope.event==5.0', 'zope.deprecation==5.0', 'zope.interface', 'sphinxcontrib-jsmath==1.0.1'],
  ['coverage', 'ruff', 'alembic', 'jupyter-core', 'joblib'],
  ['django', 'gunicorn', 'uvicorn', 'celery'],
];

/** Large ones, for the newest Python of the mirror only. */
const LARGE_ROOTS = [['numpy', 'pandas', 'scikit-learn'], ['ipykernel']];

const pins = JSON.parse(readFileSync(path.join(import.meta.dirname, 'pins.json'), 'utf8'));
const pythons = pins.runtimes.map(({ python }) => python.split('.').slice(0, 2).map(Number));
const chosen = new Map();
for (const [index, python] of pythons.entries()) {
  for (const roots of index === 0 ? [...ROOTS, ...LARGE_ROOTS] : ROOTS) {
    for (const pin of await pinsFor(roots, python)) chosen.set(pin.filename, pin);
  }
}
// wheelFile() of wheels.mjs takes the first of several versions.
const sorted = inOrder(chosen.values());
const file = path.join(import.meta.dirname, 'wheels.json');
writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
console.log(`${sorted.length} wheels pinned in ${path.relative(process.cwd(), file)}`);
