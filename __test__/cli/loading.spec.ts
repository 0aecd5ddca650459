// What the command line loads before a command is known: node reads each module by itself, and all that packing needs
// takes several times as long as everything else.

import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { expect, it } from 'vitest';

/** Packages that a module of `dist` imports, by itself or through others, except where an action asks for them. */
function loaded(module: URL, seen = new Set<string>(), packages = new Set<string>()): Set<string> {
  if (seen.has(module.href)) return packages;
  seen.add(module.href);
  for (const [, name = ''] of readFileSync(module, 'utf8').matchAll(
    /^(?:import|(?:import|export|\}).* from) '([^']+)';$/gm,
  )) {
    if (name.startsWith('.')) loaded(new URL(name, module), seen, packages);
    else if (!builtinModules.includes(name.replace(/^node:/, ''))) packages.add(name);
  }
  return packages;
}

it('a command line loads what packing needs only when it packs', () => {
  expect([...loaded(new URL('../../dist/cli/index.js', import.meta.url))]).toEqual(['commander']);
  expect([...loaded(new URL('../../dist/pack.js', import.meta.url))]).toEqual(expect.arrayContaining(['execa', 'zod']));
});
