/**
 * Paths of the Python files that belong to this package.
 */

import { fileURLToPath } from 'node:url';

/** Absolute path of one of them. */
export function embeddedFile(
  name:
    | 'certificates.py'
    | 'check_entry_points.py'
    | 'compile_runners.py'
    | 'compile_tree.py'
    | 'flavor_runtime/__init__.py'
    | 'flavor_runtime/_result.py'
    | 'flavor_runtime/py.typed'
    | 'prove_copy.py'
    | 'runner.py',
): string {
  return fileURLToPath(new URL(`./embedded/${name}`, import.meta.url));
}
