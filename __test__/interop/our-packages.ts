// Packages of ours for the original to look at, made by the library's `assemble`, which is what `flavor assemble` calls. Sources are those of `writeInputs`.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble } from '../../dist/index.js';
import { SEED } from './original.js';

/** A plain package made from a manifest of the original's native builders. */
export async function assembled(folder: string, name: string, manifest: object, launcher: string): Promise<string> {
  const file = join(folder, `${name}.json`);
  const output = join(folder, `${name}.psp`);
  writeFileSync(file, JSON.stringify(manifest));
  await assemble({ manifest: file, output, launcher, key: { source: 'seed', seed: SEED }, cwd: folder, level: 3 });
  return output;
}

/** A package as `flavor pack` lays them out: shared and private slots of `tar.zst`, and commands. */
export async function composed(folder: string): Promise<string> {
  mkdirSync(join(folder, 'application'), { recursive: true });
  writeFileSync(join(folder, 'application', 'main.sh'), '#!/bin/sh\n');
  const slot = (position: number, id: string, source: string) => ({
    slot: position,
    id,
    source,
    target: '{workenv}',
    operations: 'tar.zst',
    purpose: id,
    lifecycle: 'runtime',
    permissions: '0755',
  });
  const plan = {
    format: 'PSPF/2025',
    package: { name: 'composed', version: '1.0.0' },
    execution: { command: '/bin/sh {workenv}/application/main.sh', env: { GREETING: 'hello' } },
    slots: [slot(0, 'runtime', 'tree'), slot(1, 'application', 'application')],
    extensions: {
      'x-flavor': {
        schema: 1,
        target: { os: 'linux', arch: 'amd64', libc: 'gnu' },
        launcher: { kind: 'rust', version: '0.1.0' },
        slots: [
          { role: 'runtime', share: true },
          { role: 'application', share: false },
        ],
        workenv: { unpack: [{ slot: 1, into: 'application' }], links: [], files: [], path: [] },
        commands: { composed: { argv: ['/bin/sh', '{workenv}/application/main.sh'] } },
        default: 'composed',
      },
    },
  };
  return assembled(folder, 'composed', plan, 'stub.sh');
}
