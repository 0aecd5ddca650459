/**
 * Compiles the staged trees with the interpreter that is packaged. Bytecode is of the unchecked-hash kind: it is
 * valid whatever time a file gets when it is unpacked, and equal for equal sources.
 */

import { FlavorError } from '../errors.js';
import { embeddedFile } from './embedded-files.js';
import { outputCause, runProcess } from './process.js';
import type { BuildSession, StagedRuntime } from './session.js';

/** How the compilation went. */
export interface BytecodeReport {
  readonly compiled: number;
  /** Files that do not compile, each with the reason. Templates and files for other versions are common. */
  readonly failed: readonly string[];
}

/** A constant, not the number of cores: which files one process compiles must not depend on the machine. */
const PARTS = 4;

/** Compiles every module below the folders. */
export async function compileTrees(
  session: BuildSession,
  runtime: StagedRuntime,
  roots: readonly string[],
): Promise<BytecodeReport> {
  const parts = await Promise.all(
    Array.from({ length: PARTS }, async (_, part) => {
      const outcome = await runProcess({
        file: runtime.interpreter,
        args: ['-I', '-S', '-B', embeddedFile('compile_tree.py')],
        cwd: session.scratch,
        environment: session.environment,
        changes: { SOURCE_DATE_EPOCH: undefined },
        signal: session.reporter.signal,
        input: JSON.stringify({ roots, part, parts: PARTS }),
      });
      if (outcome.exitCode !== 0) {
        throw new FlavorError('ERR_FLAVOR_RUNTIME', 'the packaged interpreter could not compile the modules', {
          hints: [],
          cause: outputCause(outcome),
        });
      }
      return JSON.parse(outcome.stdout) as BytecodeReport;
    }),
  );
  return {
    compiled: parts.reduce((sum, part) => sum + part.compiled, 0),
    failed: parts.flatMap((part) => part.failed).sort(),
  };
}
