/**
 * Compiles the staged trees with the interpreter that is packaged. Bytecode is of the unchecked-hash kind: it is
 * valid whatever time a file gets when it is unpacked, and equal for equal sources.
 *
 * A file that does not compile fails nothing: distributions carry templates and files for other versions. In the
 * project's own files it is worth a warning.
 */

import { FlavorError } from '../errors.js';
import { embeddedFile } from './embedded-files.js';
import { outputCause, runProcess } from './process.js';
import { type BuildSession, knowsSafePath, type StagedRuntime } from './session.js';

/** What is compiled. */
export interface BytecodeRequest {
  /** Folders of others, then those of the project. */
  readonly roots: readonly string[];
  readonly ownRoots: readonly string[];
  /** Level of optimisation that is compiled besides 0, which children without the option need. */
  readonly optimize: 0 | 1 | 2;
}

/** How the compilation went. */
export interface BytecodeReport {
  readonly compiled: number;
  /** Files of others that do not compile, each with the reason. */
  readonly failed: readonly string[];
  /** Files of the project that do not compile, each with the reason. */
  readonly ownFailed: readonly string[];
}

interface Answer {
  readonly compiled: number;
  readonly failed: readonly { readonly root: number; readonly reason: string }[];
}

/** A constant, not the number of cores: which files one process compiles must not depend on the machine. */
const PARTS = 4;

/** Compiles every module below the folders. */
export async function compileTrees(
  session: BuildSession,
  runtime: StagedRuntime,
  { roots, ownRoots, optimize }: BytecodeRequest,
): Promise<BytecodeReport> {
  const all = [...roots, ...ownRoots];
  const levels = optimize === 0 ? [0] : [0, optimize];
  // Sets of texts in bytecode have the order of the hashes before 3.11, and with `-I` nobody could fix that.
  const flags = knowsSafePath(runtime) ? ['-I'] : ['-s'];
  const parts = await Promise.all(
    Array.from({ length: PARTS }, async (_, part) => {
      const outcome = await runProcess({
        file: runtime.interpreter,
        args: [...flags, '-S', '-B', embeddedFile('compile_tree.py')],
        cwd: session.scratch,
        environment: session.environment,
        changes: { SOURCE_DATE_EPOCH: undefined, PYTHONHASHSEED: '0' },
        signal: session.reporter.signal,
        input: JSON.stringify({ roots: all, part, parts: PARTS, levels }),
      });
      if (outcome.exitCode !== 0) {
        throw new FlavorError('ERR_FLAVOR_RUNTIME', 'the packaged interpreter could not compile the modules', {
          hints: [],
          cause: outputCause(outcome),
        });
      }
      return JSON.parse(outcome.stdout) as Answer;
    }),
  );
  const failed = parts.flatMap((part) => part.failed);
  const reasons = (isOwn: boolean): string[] =>
    failed.filter(({ root }) => root >= roots.length === isOwn).map(({ reason }) => reason);
  return {
    compiled: parts.reduce((sum, part) => sum + part.compiled, 0),
    failed: reasons(false).sort(),
    ownFailed: reasons(true).sort(),
  };
}
