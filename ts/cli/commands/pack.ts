/** `flavor pack`: options, the call, and what is said about its result. */

import { relative, resolve } from 'node:path';

import { type Command, InvalidArgumentError, Option } from 'commander';

import type { PackLevel, PackResult, ProgressEvent, RuntimeChoice } from '../../index.js';
import { LAUNCHER_KINDS, type LauncherKind } from '../../launchers.js';
import { runsHere, TARGETS, targetOf } from '../../platform.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT } from '../exit.js';
import { inputArgument, manifestOption } from '../input-options.js';
import { formatSize } from '../output.js';
import { chooseKey, type KeyOptions, keyNote, keySourceText } from '../signing-key.js';

interface PackCommandOptions extends CommonOptions, KeyOptions {
  readonly publicKey?: string;
  readonly manifest?: string;
  readonly output?: string;
  readonly entryPoint?: string;
  readonly script?: string;
  readonly python?: string;
  readonly pythonArchive?: string;
  readonly runtime?: RuntimeChoice;
  readonly locked?: boolean;
  readonly offline?: boolean;
  /** commander's names for `--no-build` and `--no-cache`. */
  readonly build: boolean;
  readonly cache: boolean;
  readonly findLinks: readonly string[];
  readonly extra: readonly string[];
  readonly group: readonly string[];
  readonly strip?: boolean;
  readonly level: PackLevel;
  readonly platform: readonly string[];
  readonly launcher?: LauncherKind;
  readonly launcherBin?: string;
  readonly check?: boolean;
}

/** Adds the command. */
export function addPackCommand(program: Command): void {
  const command = program
    .command('pack')
    .description('turn a Python project, script, folder or wheel into one signed file that runs')
    .addArgument(inputArgument())
    .addOption(manifestOption())
    .option('-o, --output <path>', 'file or folder (default: dist/<name>-<version>.psp beside the input)')
    .option('-e, --entry-point <program>', 'what runs by default: module:function, module, or a file of a plain folder')
    .addOption(new Option('--script <name>', 'console script that runs by default').conflicts('entryPoint'))
    .option('--platform <target>', 'build for this platform, such as linux_arm64 (repeatable)', platforms, [])
    .option('-k, --key <file>', 'sign with this private key')
    .addOption(new Option('--private-key <file>', 'the same as --key'))
    .option('--public-key <file>', 'refuse if the key that signs is not the private half of this one')
    .option('--key-seed <seed>', 'sign with a key derived from this seed; `-` reads standard input (also: FLAVOR_SEED)')
    .addOption(pythonOption())
    .option('--python-archive <path>', 'archive or folder of a standalone interpreter to pack')
    .addOption(
      new Option(
        '--runtime <source>',
        'interpreter: a standalone one (managed), a copy of a local one (local), that only where needed (auto)',
      ).choices(['auto', 'managed', 'local']),
    )
    .option('--locked', 'fail if the lock file does not fit the project')
    .option('--offline', 'ask nothing from a network')
    .option('--no-cache', 'use nothing that earlier builds kept, and keep nothing')
    .option('--no-build', 'build no source distribution of a dependency')
    .option('--find-links <place>', 'folder or page with distributions (repeatable)', collected, [])
    .option('--extra <name>', 'extra of the project (repeatable)', collected, [])
    .option('--group <name>', 'dependency group (repeatable)', collected, [])
    .option('--strip', 'take symbol tables and debug sections out of Linux binaries')
    .addOption(levelOption())
    .addOption(
      new Option(
        '--launcher <kind>',
        'launcher at the head of the package (default: rust where there is one for the platform)',
      ).choices(LAUNCHER_KINDS),
    )
    .addOption(
      new Option('--launcher-bin <file>', 'launcher to embed instead of an installed one').conflicts('launcher'),
    )
    .addOption(
      new Option('--check', 'build twice in different places, compare the packages, and keep neither').conflicts([
        'output',
        'key',
        'privateKey',
        'keySeed',
      ]),
    );
  withCommonOptions(command).action(async (input: string | undefined, options: PackCommandOptions) => {
    await runAction('pack', options, async ({ output, cwd, signal }) => {
      const common = {
        input,
        manifest: options.manifest,
        entryPoint: options.entryPoint,
        script: options.script,
        python: options.python,
        pythonArchive: options.pythonArchive,
        runtime: options.runtime,
        locked: options.locked,
        offline: options.offline,
        noBuild: !options.build,
        buildCache: options.cache,
        findLinks: options.findLinks,
        extras: options.extra,
        groups: options.group,
        strip: options.strip,
        platforms: options.platform,
        level: options.level,
        launcher: options.launcher,
        launcherFile: options.launcherBin,
        cwd,
        signal,
        onProgress: (event: ProgressEvent) => output.progress(event),
      };
      if (options.check === true) {
        const { checkRepeatable } = await import('../../repeatable/check.js');
        const { sizeBytes, target } = await checkRepeatable(common);
        output.result({ repeatable: true, target, size_bytes: sizeBytes }, [
          `repeatable: two builds gave the same package (${formatSize(sizeBytes)}, ${target})`,
        ]);
        return EXIT.ok;
      }
      const { key, warning } = await chooseKey(options, process.env, process.stdin);
      if (warning !== undefined) output.warning(warning);
      // What is made for this package alone is the last choice, after the manifest's.
      const chosen = key.source === 'ephemeral' ? undefined : key;
      const { pack } = await import('../../pack.js');
      const result = await pack({ ...common, output: options.output, key: chosen, publicKey: options.publicKey });
      output.result(resultObject(result), resultLines(result));
      const isEphemeral = result.outputs.some(({ signer }) => signer.source === 'ephemeral');
      const note = isEphemeral ? keyNote({ source: 'ephemeral' }) : undefined;
      if (note !== undefined) output.note(note);
      return EXIT.ok;
    });
  });
}

function collected(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function platforms(value: string, before: readonly string[]): string[] {
  if (TARGETS.some((target) => target === value)) return collected(value, before);
  throw new InvalidArgumentError(`It must be one of ${TARGETS.join(', ')}.`);
}

function pythonOption(): Option {
  return new Option('--python <version>', 'version of the interpreter, such as 3.13').argParser((text): string => {
    if (/^3\.\d+(\.\d+)?$/.test(text)) return text;
    throw new InvalidArgumentError('It must be a version such as 3.13 or 3.13.2.');
  });
}

/** The option for how hard slots are compressed. */
export function levelOption(): Option {
  return new Option('--level <level>', 'compression: 3 is fast, 19 is small')
    .default(9)
    .argParser((text): PackLevel => {
      if (text === '3' || text === '9' || text === '19') return Number(text) as PackLevel;
      throw new InvalidArgumentError('It must be 3, 9 or 19.');
    });
}

function resultObject(result: PackResult): Record<string, unknown> {
  const { builtSdists, commands, distributions, outputs, resolution, start } = result;
  return {
    package: result.package,
    commands,
    start,
    resolution,
    distributions,
    built_sdists: builtSdists,
    outputs: outputs.map(({ path, target, sizeBytes, sha256, signer, launcher, runtime, floor, ...rest }) => ({
      path,
      target,
      size_bytes: sizeBytes,
      sha256,
      signer,
      launcher,
      runtime: {
        version: runtime.version,
        source: runtime.source,
        portable: runtime.portable,
        archive_sha256: runtime.archiveSha256,
        trimmed_bytes: runtime.trimmed,
      },
      ...(rest.stripped === undefined ? {} : { stripped: rest.stripped }),
      floor,
      start: rest.start,
      distributions: rest.distributions,
      built_sdists: rest.builtSdists,
    })),
  };
}

function resultLines({ outputs }: PackResult): string[] {
  return outputs.map(({ launcher, path, sizeBytes, target, signer }) => {
    const runs = runsHere(targetOf(target));
    const size = `${formatSize(sizeBytes)}, ${target}${runs || launcher.kind === 'rust' ? '' : `, ${launcher.kind} launcher`}`;
    const run = runs ? `; run it: ${runnable(path)}` : '';
    return `${path} (${size}), signer ${signer.fingerprint} (${keySourceText(signer.source)})${run}`;
  });
}

/** How the file is started from the folder that the user is in. */
function runnable(path: string): string {
  const local = relative(resolve('.'), path);
  const shown = local.startsWith('..') ? path : `./${local}`;
  return /^[\w./+-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`;
}
