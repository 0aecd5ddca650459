// `--strip` on real wheels: what it says, and that the package works and tells the truth about itself.

import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manifest, Workshop } from './command.js';

/** Imports the compiled part of both dependencies, and compares every file with its RECORD. */
const MODULE = `
import base64, hashlib, importlib.metadata, psutil
from markupsafe import _speedups

def main():
    compared = 0
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or ():
            if file.hash is None:
                continue
            content = file.locate().read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            assert (digest, len(content)) == (file.hash.value, file.size), file
            compared += 1
    print(compared > 50, psutil.Process().pid > 0, _speedups._escape_inner("<"))
`;

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('[slow] --strip', () => {
  const workshop = new Workshop();
  const pack = async (...more: string[]) => {
    const { stderr, stdout } = await workshop.flavor(['pack', '--json', '--level', '3', ...more]);
    const lines = stdout.trim().split('\n');
    expect(stderr).toBe('');
    return { events: lines, output: JSON.parse(lines.at(-1) ?? '').outputs[0] };
  };
  let whole: Awaited<ReturnType<typeof pack>>;
  let stripped: Awaited<ReturnType<typeof pack>>;

  beforeAll(async () => {
    workshop.write('pyproject.toml', manifest({ project: 'dependencies = ["markupsafe", "psutil"]' }));
    workshop.write('sample.py', MODULE);
    whole = await pack('-o', 'whole.psp');
    stripped = await pack('-o', 'stripped.psp', '--strip');
  });
  afterAll(() => workshop.remove());

  test('takes symbols out of the binaries of distributions, and says how much', () => {
    expect(whole.output.stripped).toBeUndefined();
    const { bytes, files } = stripped.output.stripped;
    expect(files).toBe(2);
    expect(bytes).toBeGreaterThan(100_000);
    const detail = stripped.events.find((line) => line.includes('"strip"') && line.includes('"done"')) ?? '{}';
    expect(JSON.parse(detail).detail).toBe(`${(bytes / 1e6).toFixed(1)} MB of 2 files`);
    expect(stripped.output.size_bytes).toBeLessThan(whole.output.size_bytes);
  });

  test('leaves a program that works, and RECORDs that tell the truth', async () => {
    const env = { FLAVOR_CACHE: join(workshop.folder, 'store') };
    const { stdout } = await execa(join(workshop.folder, 'stripped.psp'), [], { env, extendEnv: false });
    expect(stdout).toBe('True True &lt;');
  });

  test('gives the same package again, by the manifest and from the build cache too', async () => {
    const flavor = 'entry_point = "sample:main"\n[tool.flavor.build]\nstrip = true';
    workshop.write('pyproject.toml', manifest({ project: 'dependencies = ["markupsafe", "psutil"]', flavor }));
    const again = await pack('-o', 'again.psp');
    expect(again.output.stripped).toEqual(stripped.output.stripped);
    const slots = async (file: string) => {
      const { stdout } = await workshop.flavor(['inspect', '--json', file]);
      return JSON.parse(stdout).slots.map(({ sha256 }: { sha256: string }) => sha256);
    };
    // The application's own RECORD names its sources.
    expect((await slots('again.psp')).slice(0, 2)).toEqual((await slots('stripped.psp')).slice(0, 2));
  });
});
