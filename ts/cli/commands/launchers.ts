/** `flavor launchers`: what this installation can put at the head of packages. */

import { type Command, Option } from 'commander';

import {
  checkedLauncher,
  type InstalledLauncher,
  installedLaunchers,
  LAUNCHER_KINDS,
  type LauncherKind,
  pickLauncher,
} from '../../launchers.js';
import { hostTarget, targetName } from '../../platform.js';
import { type CommonOptions, runAction, withCommonOptions } from '../context.js';
import { EXIT } from '../exit.js';
import { formatSize } from '../output.js';

interface InfoOptions extends CommonOptions {
  readonly target?: string;
  readonly kind: LauncherKind;
}

/** Adds the commands. */
export function addLaunchersCommands(program: Command): void {
  const launchers = program.command('launchers').description('what can stand at the head of a package');
  withCommonOptions(launchers.command('list').description('list the installed launchers')).action(
    async (options: CommonOptions) => {
      await runAction('launchers list', options, async ({ output }) => {
        const installed = await installedLaunchers();
        output.result({ launchers: installed.map(asObject) }, installed.map(asLine));
        return EXIT.ok;
      });
    },
  );
  const info = launchers
    .command('info')
    .description('check one launcher and show what is known of it')
    .addOption(new Option('--kind <kind>', 'which one').choices(LAUNCHER_KINDS).default('rust'))
    .option('--target <target>', 'for which platform (default: this one)');
  withCommonOptions(info).action(async (options: InfoOptions) => {
    await runAction('launchers info', options, async ({ output }) => {
      const entry = pickLauncher(await installedLaunchers(), options.target ?? targetName(hostTarget()), options.kind);
      await checkedLauncher(entry);
      output.result(asObject(entry), [
        `kind ${entry.kind}`,
        `target ${entry.target}`,
        `version ${entry.version}`,
        `size ${entry.sizeBytes}`,
        `sha256 ${entry.sha256}`,
        `path ${entry.path}`,
      ]);
      return EXIT.ok;
    });
  });
}

function asObject(entry: InstalledLauncher): Record<string, unknown> {
  const { kind, target, version, sizeBytes, sha256, path } = entry;
  return { kind, target, version, size_bytes: sizeBytes, sha256, path };
}

function asLine({ kind, target, version, sizeBytes, sha256 }: InstalledLauncher): string {
  return `${target} ${kind} ${version}, ${formatSize(sizeBytes)}, sha256 ${sha256}`;
}
