/**
 * Paths of the Python files that belong to this package.
 */

import { fileURLToPath } from 'node:url';

/** Absolute path of one of them. */
export function embeddedFile(
  name:
    | 'compile_tree.py'
    | 'check_entry_points.py'
    | 'flavor_runtime/__init__.py'
    | 'flavor_runtime/_result.py'
    | 'flavor_runtime/py.typed',
): string {
  return fileURLToPath(new URL(`./embedded/${name}`, import.meta.url));
}
