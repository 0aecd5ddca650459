/**
 * Compiles the staged trees with the interpreter that is packaged, or the one that does its work here. Bytecode is of the unchecked-hash kind: it is
 * valid whatever time a file gets when it is unpacked, and equal for equal sources. Each tree is compiled by processes of
 * its own: what one process compiles together leaves traces in bytecode, and a tree may come from the build cache.
 *
 * A file that does not compile fails nothing: distributions carry templates and files for other versions. In the
 * project's own files it is worth a warning.
 */

import { join } from 'node:path';

import { FlavorError } from '../errors.js';
import { embeddedFile } from './embedded-files.js';
import { outputCause, runProcess } from './process.js';
import { type BuildSession, knowsSafePath, type StagedRuntime } from './session.js';
import { walkTree } from './tree.js';

/** What is compiled. */
export interface BytecodeRequest {
  readonly root: string;
  /** Level of optimisation that is compiled besides 0, which children without the option need. */
  readonly optimize: 0 | 1 | 2;
}

/** How the compilation went. */
export interface BytecodeReport {
  readonly compiled: number;
  /** Files that do not compile, each with the reason, sorted. */
  readonly failed: readonly string[];
}

/** Constants, not the number of cores: which files one process compiles must not depend on the machine. */
const PARTS = 4;
/** So few that more processes than one take longer. */
const FEW = 40;

/**
 * Options of an interpreter that compiles: its own modules are compiled as they are imported. Texts that it has from
 * bytecode, which may or may not lie beside them, leave other traces in what it compiles than those that it has from sources.
 */
export function fromSources({ scratch }: Pick<BuildSession, 'scratch'>): string[] {
  return ['-B', '-X', `pycache_prefix=${join(scratch, 'no-bytecode')}`];
}

/** Compiles every module below the root. */
export async function compileTree(
  session: BuildSession,
  runtime: StagedRuntime,
  { root, optimize }: BytecodeRequest,
): Promise<BytecodeReport> {
  const levels = optimize === 0 ? [0] : [0, optimize];
  // Sets of texts in bytecode have the order of the hashes before 3.11, and with `-I` nobody could fix that.
  const flags = knowsSafePath(runtime) ? ['-I'] : ['-s'];
  const modules = await modulesBelow(root);
  if (modules === 0) return { compiled: 0, failed: [] };
  const parts = modules > FEW ? PARTS : 1;
  const reports = await Promise.all(
    Array.from({ length: parts }, async (_, part) => {
      const outcome = await runProcess({
        file: runtime.here.interpreter,
        args: [...flags, '-S', ...fromSources(session), embeddedFile('compile_tree.py')],
        cwd: session.scratch,
        environment: session.environment,
        changes: { SOURCE_DATE_EPOCH: undefined, PYTHONHASHSEED: '0' },
        signal: session.reporter.signal,
        input: JSON.stringify({ root, part, parts, levels }),
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
    compiled: reports.reduce((sum, { compiled }) => sum + compiled, 0),
    failed: reports.flatMap(({ failed }) => failed).sort(),
  };
}

async function modulesBelow(root: string): Promise<number> {
  let count = 0;
  for await (const { kind, path } of walkTree(root)) if (kind === 'file' && path.endsWith('.py')) count += 1;
  return count;
}
