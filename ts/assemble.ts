/**
 * `assemble`: a package from a JSON manifest of the native builders. What the manifest names is packed as it stands;
 * nothing is built, fetched or run.
 */

import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { FlavorError, messageOf } from './errors.js';
import { findLauncher } from './launchers.js';
import { assemble as assemblePackage } from './native.js';
import { checkWritable, outputPath, withFolderOf } from './output-path.js';
import { hostTarget, type Target } from './platform.js';
import { type ObservableOptions, observed } from './progress.js';
import type { Environment } from './python/environment.js';
import { checkedKey, checkedLevel, type PackKey, type PackLevel, sourceDateEpoch } from './signing.js';

/** Options of {@link assemble}. */
export interface AssembleOptions extends ObservableOptions {
  /** JSON manifest. */
  readonly manifest: string;
  /**
   * File to write, or a folder (one that exists, or a path that ends with a separator).
   * @default `dist/<name>-<version>.psp` beside the manifest
   */
  readonly output?: string | undefined;
  /**
   * Launcher to embed.
   * @default the launcher of this installation for the manifest's target, else for this platform
   */
  readonly launcher?: string | undefined;
  /**
   * Who signs.
   * @default an ephemeral key
   */
  readonly key?: PackKey | undefined;
  /** @default 9 */
  readonly level?: PackLevel | undefined;
  /** Slots begin at multiples of so many bytes. */
  readonly alignment?: 4096 | 16384 | undefined;
  /**
   * What `{workenv}` in the sources of slots stands for.
   * @default `cwd`
   */
  readonly workenvBase?: string | undefined;
  /**
   * Base of relative paths, also of those in the manifest.
   * @default the working folder of the process
   */
  readonly cwd?: string | undefined;
  /**
   * Where SOURCE_DATE_EPOCH is looked for.
   * @default the environment of the process
   */
  readonly environment?: Environment | undefined;
}

/** A written package. */
export interface AssembleResult {
  /** Absolute path. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower hex SHA-256 of the file. */
  readonly sha256: string;
  readonly signer: {
    /** Lower hex SHA-256 of the public key. */
    readonly fingerprint: string;
    readonly source: PackKey['source'];
  };
  readonly slots: readonly {
    readonly id: string;
    /** Bytes in the package. */
    readonly storedBytes: number;
    /** Files, folders and links. */
    readonly members: number;
  }[];
  /** What a person should know although nothing failed. */
  readonly warnings: readonly string[];
}

interface Manifest {
  readonly package?: { readonly name?: unknown; readonly version?: unknown };
  readonly extensions?: { readonly 'x-flavor'?: { readonly target?: Target } };
}

/**
 * Assembles a package from a JSON manifest.
 *
 * @throws {FlavorError} `ERR_FLAVOR_NOT_FOUND` if manifest, a source or the key file do not exist; `ERR_FLAVOR_PLAN`,
 * `ERR_PSPF_METADATA_JSON` or `ERR_PSPF_OPERATIONS` if the manifest is not valid; `ERR_FLAVOR_MEMBER` if a source holds what
 * no package can; `ERR_FLAVOR_LAUNCHER` if the launcher cannot be embedded; `ERR_FLAVOR_KEY` if the key file holds no
 * private key; `ERR_FLAVOR_OUTPUT` if the file cannot be written; `ERR_FLAVOR_ABORTED` if the signal was aborted. After a
 * failure no file is left.
 */
export function assemble(options: AssembleOptions): Promise<AssembleResult> {
  return observed(options, async (reporter) => {
    const cwd = resolve(options.cwd ?? '.');
    const level = checkedLevel(options.level);
    const key = await checkedKey(options.key ?? { source: 'ephemeral' }, cwd);
    const epoch = sourceDateEpoch(options.environment ?? process.env);
    const path = resolve(cwd, options.manifest);
    const { text, manifest } = await readManifest(path);
    const output = await outputPath({
      output: options.output,
      cwd,
      folder: join(dirname(path), 'dist'),
      fileName: fileName(manifest, options.output),
    });
    await checkWritable(output);
    const launcher =
      options.launcher === undefined
        ? await findLauncher(manifest.extensions?.['x-flavor']?.target ?? hostTarget())
        : { path: resolve(cwd, options.launcher), sha256: undefined };
    const assembled = await withFolderOf(output, () =>
      assemblePackage(
        {
          manifestJson: text,
          base: cwd,
          output,
          launcherPath: launcher.path,
          level,
          key,
          ...(launcher.sha256 === undefined ? {} : { launcherSha256: launcher.sha256 }),
          ...(options.workenvBase === undefined ? {} : { workenvBase: resolve(cwd, options.workenvBase) }),
          ...(options.alignment === undefined ? {} : { alignment: options.alignment }),
          ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
        },
        reporter,
      ),
    );
    for (const message of assembled.warnings) reporter.emit({ type: 'warning', message });
    return {
      path: assembled.path,
      sizeBytes: assembled.sizeBytes,
      sha256: assembled.sha256,
      signer: { fingerprint: assembled.fingerprint, source: key.source },
      slots: assembled.slots.map(({ id, storedBytes, members }) => ({ id, storedBytes, members })),
      warnings: assembled.warnings,
    };
  });
}

/** The manifest as text, which the assembler judges, and as far as a name and a launcher are looked for in it. */
async function readManifest(path: string): Promise<{ readonly text: string; readonly manifest: Manifest }> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'ERR_FLAVOR_NOT_FOUND' : 'ERR_FLAVOR_IO';
    throw new FlavorError(code, `the manifest cannot be read: ${path}`, { path, cause });
  }
  try {
    const manifest = JSON.parse(text) as Manifest | null;
    return { text, manifest: manifest ?? {} };
  } catch (cause) {
    throw new FlavorError('ERR_FLAVOR_PLAN', `the manifest is not valid JSON, ${messageOf(cause)}: ${path}`, {
      path,
      cause,
    });
  }
}

function fileName(manifest: Manifest, output: string | undefined): string {
  const { name, version } = manifest.package ?? {};
  const file = `${String(name)}-${String(version)}.psp`;
  const isPlain = typeof name === 'string' && typeof version === 'string' && /^[\w][\w.+-]*$/.test(file);
  // The assembler says what is wrong with them; a path of the caller needs no name from here.
  if (isPlain || output !== undefined) return isPlain ? file : 'package.psp';
  throw new FlavorError('ERR_FLAVOR_PLAN', 'package: name and version of the manifest make no file name', {
    hints: ['name the file with `--output`'],
  });
}
