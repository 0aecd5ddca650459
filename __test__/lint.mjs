// `npm run lint`: every linter, one after another; a failing one does not hide the others.

import path from 'node:path';
import { ROOT, run } from './steps.mjs';

const tool = (name) => path.join('node_modules', name);
const node = process.execPath;
const cwd = path.join(ROOT, 'launchers', 'go');
/** What ships is built without cgo. */
const env = { CGO_ENABLED: '0', GOTOOLCHAIN: 'local' };
const LINTERS = [
  ['cargo fmt', 'cargo', ['fmt', '--all', '--check']],
  ['cargo clippy', 'cargo', ['clippy', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings']],
  // It names the files that are not formatted, and ends well all the same.
  ['gofmt', 'gofmt', ['-l', '.'], { cwd, keep: true, silent: true }],
  ...['linux', 'darwin', 'windows'].flatMap((os) =>
    ['amd64', 'arm64'].flatMap((arch) => {
      const options = { cwd, env: { ...env, GOOS: os, GOARCH: arch } };
      return [
        [`go vet, ${os} ${arch}`, 'go', ['vet', './...'], options],
        [`go build, ${os} ${arch}`, 'go', ['build', './...'], options],
      ];
    }),
  ),
  ['staticcheck', 'go', ['tool', '-modfile=tools.mod', 'staticcheck', './...'], { cwd, env }],
  ['biome', node, [tool('@biomejs/biome/bin/biome'), 'ci']],
  ['tsc', node, [tool('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json']],
  ['tsc, tests', node, [tool('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.test.json']],
  ['manifest table and schema', node, [path.join('__test__', 'manifest-docs.mjs'), '--check']],
  ['error tables', 'cargo', ['xtask', 'errors', '--check']],
  ['vectors', 'cargo', ['xtask', 'vectors', '--check']],
];

const failed = [];
for (const [label, program, args, options = {}] of LINTERS) {
  const { code, output } = await run(label, program, args, options);
  if (code !== 0 || (options.silent && output !== '')) failed.push(label);
}
console.log(failed.length === 0 ? 'lint: clean' : `lint: failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
