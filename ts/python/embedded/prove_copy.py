"""Loads every extension module of the standard library and tells which files that brought into the process.

Run by a copied interpreter, as `-I -S -B prove_copy.py FOLDER` with its own lib-dynload. Writes to standard output:
{"version": "3.11.7", "prefix": "...", "failed": {"module": "reason"}, "mapped": ["/path", ...]}.
A copy that still uses the original's libraries answers every other question correctly; the list of mapped files is
what cannot lie.
"""

import importlib
import json
import os
import sys

# Modules for the tests of Python itself; some of them end the process on purpose.
FOR_TESTS = ("_test", "_xx", "xx")


def main():
    failed = {}
    names = sorted({name.split(".", 1)[0] for name in os.listdir(sys.argv[1]) if name.endswith(".so")})
    for name in names:
        if name.startswith(FOR_TESTS):
            continue
        try:
            importlib.import_module(name)
        except Exception as error:
            failed[name] = "%s: %s" % (type(error).__name__, error)
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        mapped = sorted({line.split(None, 5)[5].rstrip("\n") for line in maps if "/" in line})
    version = "%d.%d.%d" % sys.version_info[:3]
    json.dump({"version": version, "prefix": sys.base_prefix, "failed": failed, "mapped": mapped}, sys.stdout)


main()
