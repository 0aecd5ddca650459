// `npm run lint`: every linter, one after another; a failing one does not hide the others.

import path from 'node:path';
import { run } from './steps.mjs';

const tool = (name) => path.join('node_modules', name);
const node = process.execPath;
const LINTERS = [
  ['cargo fmt', 'cargo', ['fmt', '--all', '--check']],
  ['cargo clippy', 'cargo', ['clippy', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings']],
  ['biome', node, [tool('@biomejs/biome/bin/biome'), 'ci']],
  ['tsc', node, [tool('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json']],
  ['tsc, tests', node, [tool('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.test.json']],
  ['error tables', 'cargo', ['xtask', 'errors', '--check']],
  ['vectors', 'cargo', ['xtask', 'vectors', '--check']],
];

const failed = [];
for (const [label, program, args] of LINTERS) {
  const { code } = await run(label, program, args);
  if (code !== 0) failed.push(label);
}
console.log(failed.length === 0 ? 'lint: clean' : `lint: failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
