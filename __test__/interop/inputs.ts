// What goes into the packages of these tests: a script, a tree in several wrappings, a text. Made by Node alone, so that
// neither side's archiver stands model for itself.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { end, member } from '../fetch/ustar.mjs';

/** A program that tells how it was started. */
export const SCRIPT = `#!/bin/sh
echo "workenv=$FLAVOR_WORKENV"
echo "greeting=$GREETING"
echo "note=$(cat "$FLAVOR_WORKENV/note.txt")"
echo "data=$(cat "$FLAVOR_WORKENV/share/data.txt")"
for argument in "$@"; do echo "argument=$argument"; done
exit 7
`;
/** At least 16 bytes when compressed: the Go launcher of 0.0.1026 needed that. */
export const NOTE = 'a note that both sides can read\n';
/** Stands where a launcher does, in packages that nobody starts. */
export const STUB = '#!/bin/sh\n# Not a launcher: for packages that are only read.\nexit 99\n';

/** A regular file of a tree. */
export interface TreeFile {
  readonly mode: number;
  readonly content: Buffer<ArrayBuffer>;
}

/** Files by path; folders are what their paths say. */
export type Tree = ReadonlyMap<string, TreeFile>;

const LONG = `share/${'long-folder-name/'.repeat(7)}file.txt`;
export const TREE: Tree = new Map([
  ['bin/tool', { mode: 0o755, content: Buffer.from('#!/bin/sh\nexit 0\n') }],
  ['share/data.txt', { mode: 0o644, content: Buffer.from('data of the tree\n') }],
  ['share/empty', { mode: 0o644, content: Buffer.alloc(0) }],
  ['share/grüße.txt', { mode: 0o644, content: Buffer.from('not ASCII: ß\n') }],
  ['share/whole-block', { mode: 0o644, content: Buffer.alloc(512, 'b') }],
  ['share/large', { mode: 0o644, content: Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) % 251)) }],
  [LONG, { mode: 0o644, content: Buffer.from('a name of more than a hundred bytes\n') }],
]);

/** The tree as a tar stream with its folders. */
export function tarOf(tree: Tree): Buffer {
  const folders = new Set<string>();
  for (const path of tree.keys()) {
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) folders.add(path.slice(0, at));
  }
  const members = [
    ...[...folders].map((name) => ({ name, type: 'directory' as const, mode: 0o755 })),
    ...[...tree].map(([name, { mode, content }]) => ({ name, type: 'file' as const, mode, content })),
  ];
  members.sort((a, b) => (a.name < b.name ? -1 : 1));
  return Buffer.concat([...members.map((one) => member(one)), end()]);
}

/** Writes all inputs below a folder, under the names that the manifests use. */
export function writeInputs(folder: string): void {
  const write = (path: string, content: string | Uint8Array, mode = 0o644) => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  };
  const tar = tarOf(TREE);
  const half = NOTE.length / 2;
  write('app.sh', SCRIPT, 0o755);
  write('stub.sh', STUB, 0o755);
  write('empty', '');
  write('note.txt', NOTE);
  write('note.txt.gz', gzipSync(NOTE));
  write('two-members.gz', Buffer.concat([gzipSync(NOTE.slice(0, half)), gzipSync(NOTE.slice(half))]));
  write('tree.tar', tar);
  write('tree.tar.gz', gzipSync(tar));
  for (const [path, { mode, content }] of TREE) write(join('tree', path), content, mode);
}
