// Where uv looks for distributions, as far as it comes from requirements files.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadManifest } from '../../dist/manifest/load.js';
import { indexSettings } from '../../dist/python/index-settings.js';

test('addresses of a requirements file reach uv by its environment, with the variables that they leave to it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flavor-indexes-'));
  try {
    const variable = (name: string): string => ['$', '{', name, '}'].join('');
    const lines = [
      `--index-url=https://me:${variable('INDEX_PASSWORD')}@one.invalid/simple # a comment`,
      `--extra-index-url https://two.invalid/${variable('NOWHERE')}`,
      '-f ./wheels',
    ];
    writeFileSync(join(folder, 'requirements.txt'), '-r more.txt\n');
    writeFileSync(join(folder, 'more.txt'), `${lines.join('\n')}\n`);
    const manifest = await loadManifest(folder);
    const options = { offline: false, findLinks: manifest.build.index.findLinks } as never;
    const { args, changes } = indexSettings({ environment: { INDEX_PASSWORD: 'word' }, manifest, options });
    expect(changes).toMatchObject({
      UV_DEFAULT_INDEX: 'https://me:word@one.invalid/simple',
      UV_INDEX: `https://two.invalid/${variable('NOWHERE')}`,
    });
    expect(args).toEqual(['--find-links', join(folder, 'wheels')]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
