"""Compiles every module below a folder to unchecked-hash bytecode.

Run by the packaged interpreter. Reads a JSON request from standard input:
{"root": path, "part": N, "parts": N, "levels": [0]}; writes a JSON answer to standard output:
{"compiled": N, "failed": ["path: reason", ...]}. A file counts once, whatever the levels.

The result depends on nothing but the sources: files are taken in sorted order, split over a fixed number of parts
(constants that the interpreter shares between files leave traces in bytecode), and code objects name their file
by its path below the root. Importing replaces that name by the real path.
"""

import importlib.util
import json
import os
import py_compile
import sys
import warnings


def modules(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            path = os.path.join(folder, name)
            if name.endswith(".py") and not os.path.islink(path):
                yield path


def compile_file(path, shown, levels):
    for level in levels:
        py_compile.compile(
            path,
            cfile=importlib.util.cache_from_source(path, optimization=level or ""),
            dfile=shown,
            doraise=True,
            optimize=level,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


def main():
    request = json.load(sys.stdin)
    # From here on bytecode lies beside its source; what this program imports was compiled for it alone.
    sys.pycache_prefix = None
    # Old code is full of escapes that newer versions warn about; whoever packs it cannot change it.
    warnings.simplefilter("ignore")
    compiled, failed = 0, []
    root = request["root"]
    for position, path in enumerate(modules(root)):
        if position % request["parts"] != request["part"]:
            continue
        shown = os.path.relpath(path, root).replace(os.sep, "/")
        try:
            compile_file(path, shown, request["levels"])
            compiled += 1
        except (py_compile.PyCompileError, OSError, ValueError, RecursionError, MemoryError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            failed.append("%s: %s" % (shown, reason))
    json.dump({"compiled": compiled, "failed": failed}, sys.stdout)


main()
