/**
 * `flavor cache`: the store of unpacked packages: what is in it, what goes, and whether it is what its packages hold.
 * `workenv` and `clean` are the names that the original gave to parts of it. Nothing is asked: what a program runs from,
 * and what was used within a day, stays anyway.
 */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { type Command, Option } from 'commander';

import { buildCacheContent, pruneBuildCache } from '../../build-cache/tidying.js';
import { type CacheRemoval, inventory, prune, remove, repairCache, verifyCache } from '../../cache.js';
import { FlavorError } from '../../errors.js';
import { type ActionContext, type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT, exitCodeOf, usageError } from '../exit.js';
import { formatSize, printable } from '../output.js';
import { parseAge, parseSize } from '../quantities.js';
import {
  buildLines,
  buildObject,
  environmentObject,
  findingLines,
  findingsObject,
  infoLines,
  inventoryObject,
  listLines,
  nothingThere,
  packagesOf,
  removalLines,
  removalObject,
  totalsOf,
} from './cache-report.js';

interface StoreOptions extends CommonOptions {
  readonly store?: string;
}

interface RemoveOptions extends StoreOptions {
  readonly dryRun?: boolean;
}

interface PruneOptions extends RemoveOptions {
  readonly maxAge?: string;
  readonly olderThan?: string;
  readonly maxSize?: string;
  readonly private?: boolean;
}

/** Adds `cache` and its aliases. */
export function addCacheCommands(program: Command): void {
  const cache = program
    .command('cache')
    .alias('workenv')
    .description('list, clean, check and repair the store of unpacked packages');
  addLookers(cache);
  addPrune(cache.command('prune').alias('clean'), 'cache prune');
  addPrune(program.command('clean'), 'clean');
  addRemove(cache);
  addExaminers(cache);
}

function addLookers(cache: Command): void {
  withStore(cache.command('list').description('list the packages that are unpacked')).action(
    async (options: StoreOptions) => {
      await runAction('cache list', options, async (context) => {
        const found = await inventory({ store: storeOf(context, options) });
        // A store that is named has nothing to do with the user's builds.
        const build = options.store === undefined ? await buildCacheContent(process.env) : undefined;
        context.output.result({ ...inventoryObject(found), ...buildObject(build) }, [
          ...listLines(found),
          ...buildLines(build, 'kept for builds in'),
        ]);
        return EXIT.ok;
      });
    },
  );
  withStore(
    cache
      .command('info')
      .alias('inspect')
      .description('tell about the whole store, or about one package')
      .argument('[package]', 'name of a package or of its folder'),
  ).action(async (name: string | undefined, options: StoreOptions) => {
    await runAction('cache info', options, async (context) => {
      const found = await inventory({ store: storeOf(context, options) });
      if (name === undefined) {
        const { root, exists, places, dead } = found;
        const object = { root, exists, places, ...totalsOf(found), dead_starts: dead };
        context.output.result(object, infoLines(found));
        return EXIT.ok;
      }
      const chosen = found.environments.filter((entry) => entry.name === name || entry.folder === name);
      if (chosen.length === 0) throw nothingThere(found.root, name);
      const lines = chosen.flatMap((entry) => [
        `${entry.name ?? '?'} ${entry.version ?? '?'}`,
        `  folder    ${entry.path}`,
        `  size      ${formatSize(entry.bytes)} in ${entry.members} files`,
        `  last used ${new Date(entry.lastUsed * 1000).toISOString().slice(0, 10)}${entry.inUse ? ', in use' : ''}`,
        ...packagesOf(found, entry).map(({ path, present }) => `  package   ${path}${present ? '' : ' (gone)'}`),
        ...(entry.slots ?? []).map((key) => `  slot      ${key}`),
      ]);
      context.output.result(
        { root: found.root, environments: chosen.map((entry) => environmentObject(found, entry)) },
        lines.map(printable),
      );
      return EXIT.ok;
    });
  });
}

function addPrune(command: Command, name: string): void {
  command
    .description('remove packages that were not used for 30 days, and what nothing refers to')
    .option('--max-age <age>', 'other age: days, or 12h, 30d, 2w')
    .addOption(new Option('--older-than <days>').hideHelp())
    .option('--max-size <size>', 'then remove what was used longest ago until no more is left, such as 2GB')
    .option('--private', 'also packages of other builders, whose programs may keep files of yours in the store')
    .option('-n, --dry-run', 'only say what would go')
    .addOption(new Option('-y, --yes').hideHelp());
  withStore(command).action(async (options: PruneOptions) => {
    await runAction(name, options, async (context) => {
      const { maxSize, store, dryRun = false } = options;
      const maxAge = ageOf(options);
      const maxBytes = maxSize === undefined ? undefined : parseSize(maxSize, '--max-size');
      const limits = { maxAge, maxBytes, private: options.private, dryRun, signal: context.signal };
      const removal = await prune({ store: storeOf(context, options), ...limits });
      const build = store === undefined ? await pruneBuildCache(process.env, { dryRun, maxAge }) : undefined;
      const lines = buildLines(build, dryRun ? 'would be freed in' : 'freed in');
      report(context, removal, dryRun, { object: buildObject(build), lines });
      if (maxBytes !== undefined && removal.left > maxBytes) {
        context.output.note('the rest is in use, or was used within a day; `flavor cache remove` takes it by name');
      }
      return EXIT.ok;
    });
  });
}

/** Seconds. */
function ageOf({ maxAge, olderThan }: PruneOptions): number | undefined {
  if (maxAge === undefined) return olderThan === undefined ? undefined : parseAge(olderThan, '--older-than');
  if (olderThan === undefined) return parseAge(maxAge, '--max-age');
  throw usageError('`--max-age` and `--older-than` cannot be used together', 'they mean the same');
}

function addRemove(cache: Command): void {
  const command = cache
    .command('remove')
    .description('remove packages from the store; a program that runs keeps its own')
    .argument('<package...>', 'name, folder name, or path of a package file')
    .option('-n, --dry-run', 'only say what would go')
    .addOption(new Option('-y, --yes').hideHelp());
  withStore(command).action(async (names: string[], options: RemoveOptions) => {
    await runAction('cache remove', options, async (context) => {
      const { dryRun = false } = options;
      const given = names.map((name) => (isPath(context, name) ? resolve(context.cwd, name) : name));
      const removal = await remove(given, { store: storeOf(context, options), dryRun, signal: context.signal });
      report(context, removal, dryRun);
      const [first] = removal.inUse;
      if (first === undefined) return EXIT.ok;
      const error = new FlavorError('ERR_STORE_IN_USE', `programs are running from ${removal.inUse.join(', ')}`);
      context.output.error(error);
      return exitCodeOf(error);
    });
  });
}

/** A name with a slash is a path, and so is that of a file that exists. */
function isPath({ cwd }: ActionContext, name: string): boolean {
  return name.includes('/') || (/\.psp$|\.pspf$/.test(name) && existsSync(resolve(cwd, name)));
}

function addExaminers(cache: Command): void {
  for (const [name, operation, description] of [
    ['verify', verifyCache, 'compare everything that is unpacked with the packages that it came from'],
    ['repair', repairCache, 'compare, and unpack anew what is not as its package says'],
  ] as const) {
    const command = cache
      .command(name)
      .description(description)
      .argument('[packages...]', 'package files to compare with, besides those that were started');
    withStore(command).action(async (packages: string[], options: StoreOptions) => {
      await runAction(`cache ${name}`, options, async (context) => {
        const { output, cwd, signal } = context;
        const found = await operation(
          packages.map((path) => resolve(cwd, path)),
          { store: storeOf(context, options), signal, onProgress: (event) => output.progress(event) },
        );
        output.result(findingsObject(found), findingLines(found, options.quiet ?? false));
        for (const { path, reason } of found.unusable) output.warning(`${path} cannot be used: ${reason}`);
        const failed = found.findings.filter((finding) => finding.isFailure);
        if (failed.length === 0) return EXIT.ok;
        const error = new FlavorError(
          'ERR_STORE_CHANGED',
          `${failed.length === 1 ? 'one part' : `${failed.length} parts`} of the store ${failed.length === 1 ? 'is' : 'are'} not what the packages hold`,
        );
        output.error(error);
        return exitCodeOf(error);
      });
    });
  }
}

function report(
  { output }: ActionContext,
  removal: CacheRemoval,
  dryRun: boolean,
  more: { readonly object: Record<string, unknown>; readonly lines: readonly string[] } = { object: {}, lines: [] },
): void {
  output.result({ ...removalObject(removal, dryRun), ...more.object }, [
    ...removalLines(removal, dryRun),
    ...more.lines,
  ]);
  if (removal.slotsUnknown) {
    output.warning('slots were left alone: it is not known what an environment that stays refers to');
  }
}

function withStore(command: Command): Command {
  return withCommonOptions(command.option('--store <folder>', 'root of the store, if it is not the usual one'));
}

function storeOf({ cwd }: ActionContext, options: StoreOptions): string | undefined {
  return options.store === undefined ? undefined : resolve(cwd, options.store);
}
