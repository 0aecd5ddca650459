// One manifest, two builders, one launcher: what the original's launcher does with a package of ours is what it does with the
// package that its own builder makes. Asked with everything that a manifest can say and that both families understand.

import { createHash } from 'node:crypto';
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { THREE_SLOTS } from './golden.js';
import { writeInputs } from './inputs.js';
import { absence, type Family, Original, versions } from './original.js';
import { assembled } from './our-packages.js';

const folder = mkdtempSync(join(tmpdir(), 'flavor-interop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Says everything about its start that must not depend on who built the package. */
const REPORT = `#!/bin/sh
for name in GREETING SETTING NEW OLD SECRET KEEP_ME FROM_WORKENV FLAVOR_WORKENV FLAVOR_COMMAND_NAME; do
  eval "echo \\"$name=\\$$name\\""
done
echo "path=$PATH"
echo "directory=$(pwd)"
for argument in "$@"; do echo "argument=$argument"; done
exit 5
`;
const ENVIRONMENT = { OLD: 'renamed', SECRET: 'not for the program', KEEP_ME: 'kept' };

/** Commands by the rules of both launchers: programs of the host, no quoting, right once per file and once for all. */
function manifestFor(family: Family) {
  const slots = THREE_SLOTS.slots.map((slot) => (slot.id === 'script' ? { ...slot, source: 'report.sh' } : slot));
  return {
    ...THREE_SLOTS,
    slots,
    setup_commands: [
      { type: 'execute', command: 'mkdir -p {workenv}/made' },
      { type: 'write_file', path: '{workenv}/metadata/written', content: 'for {package_name} {version}' },
      {
        type: 'enumerate_and_execute',
        command: 'chmod 0600',
        enumerate: { path: '{workenv}/share', pattern: '*.txt' },
      },
    ],
    cache_validation: { check_file: '{workenv}/metadata/written', expected_content: 'for golden 1.2.3' },
    runtime: {
      env: { unset: ['SECRET'], pass: ['KEEP_ME'], map: { OLD: 'NEW' }, set: { SETTING: 'from the manifest' } },
    },
    // The Go builder leaves it out, so that there is nothing to compare with.
    ...(family === 'rust'
      ? { workenv: { directories: [{ path: '{workenv}/var', mode: '0750' }], env: { FROM_WORKENV: '{workenv}/var' } } }
      : {}),
  };
}

/** Paths, modes and digests below a folder. */
function listing(root: string, below = ''): string[] {
  const lines: string[] = [];
  for (const name of readdirSync(join(root, below)).sort()) {
    const path = join(below, name);
    const stat = lstatSync(join(root, path));
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isDirectory()) lines.push(`${path}/ ${mode}`, ...listing(root, path));
    else
      lines.push(
        `${path} ${mode} ${createHash('sha256')
          .update(readFileSync(join(root, path)))
          .digest('hex')}`,
      );
  }
  return lines;
}

/** Starts a package twice on a machine of its own; everything it says, with the machine's folder as `<home>`. */
async function behaviour(file: string) {
  const home = mkdtempSync(join(folder, 'home-'));
  const program = join(home, 'app.psp');
  cpSync(file, program);
  const starts = [];
  for (const args of [
    ['first', 'start'],
    ['second', ' start '],
  ]) {
    const result = await execa(program, args, {
      env: { HOME: home, PATH: '/usr/bin:/bin', FLAVOR_LOG_LEVEL: 'error', ...ENVIRONMENT },
      extendEnv: false,
      reject: false,
      cwd: home,
      stdin: 'ignore',
    });
    starts.push({ exit: result.exitCode, stdout: result.stdout.replaceAll(home, '<home>') });
  }
  return { starts, workenv: listing(join(home, '.cache', 'flavor', 'workenv', 'app')) };
}

describe.skipIf(absence)(`under the original${absence ? ` (skipped: ${absence})` : ''}`, () => {
  beforeAll(() => {
    writeInputs(folder);
    writeFileSync(join(folder, 'report.sh'), REPORT);
  });

  const cases = versions.flatMap((version) => (['rust', 'go'] as const).map((family) => ({ version, family })));
  it.each(cases)('$version, its $family launcher does with our package what it does with its own', async (one) => {
    const { version, family } = one;
    const original = new Original(version);
    const name = `${version}-${family}`;
    mkdirSync(join(folder, name));
    const manifest = join(folder, name, 'manifest.json');
    writeFileSync(manifest, JSON.stringify(manifestFor(family)));
    const theirs = join(folder, name, 'theirs.psp');
    await original.build(family, folder, manifest, original.launcher(family), theirs);
    const ours = await assembled(folder, `${name}-ours`, manifestFor(family), original.launcher(family));
    const expected = await behaviour(theirs);
    expect(expected.starts.map(({ exit }) => exit)).toEqual([5, 5]);
    expect(expected.starts[0]?.stdout).toContain('SETTING=from the manifest\nNEW=renamed\nOLD=\nSECRET=\nKEEP_ME=kept');
    expect(expected.workenv.join('\n')).toContain('metadata/written');
    expect(await behaviour(ours)).toEqual(expected);
  });
});
