"""Looks whether the functions that commands call exist.

Run as a command of the trial package. Reads a JSON request from standard input:
{"entries": [{"command", "module", "attribute"}], "answer": "file"}
An entry with "run" (a module, as behind `python -m`) or "file" (a path below site-packages) is a program that is not to be
run here: the import statements at its top level are carried out, each by itself, and nothing else of it.
Writes one JSON line per entry to the answer file: {"command", "outcome", "detail", "available"}.
Outcomes: ok, no-module, no-attribute, not-callable, missing-import, import-failed.

The modules are imported, as the commands will. What they print goes nowhere; what they do at import is their own.
"""

import ast
import importlib
import importlib.util
import json
import os
import pkgutil
import sys
import sysconfig

# Where Python cannot be told to leave it out, the folder of this file would be searched before everything else.
if not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]


def siblings(module, roots):
    parent, _, _ = module.rpartition(".")
    try:
        folders = list(importlib.import_module(parent).__path__) if parent else roots
    except Exception:
        folders = roots
        parent = ""
    prefix = parent + "." if parent else ""
    found = sorted(prefix + module.name for module in pkgutil.iter_modules(folders))
    # A package without modules of its own: show it rather than nothing.
    return found or sorted(module.name for module in pkgutil.iter_modules(roots))


def missing_module(module, error):
    """Whether the import failed because the module itself, or a package around it, is not there."""
    name = error.name or ""
    return module == name or module.startswith(name + ".")


def callables(value):
    return [name for name in dir(value) if not name.startswith("_") and callable(getattr(value, name, None))]


def program_file(entry, application):
    """The source file of a program; None if it is no Python file, or raises if there is none."""
    if "file" in entry:
        path = os.path.join(application[0], *entry["file"].split("/"))
        # As Python does it, unless it was told otherwise.
        sys.path.insert(0, os.path.dirname(path))
        return path
    spec = importlib.util.find_spec(entry["run"])
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(entry["run"] + ".__main__")
    if spec is None:
        raise ModuleNotFoundError(name=entry["run"])
    return spec.origin if (spec.origin or "").endswith(".py") else None


def check_program(entry, application):
    module = entry.get("run", "")
    try:
        path = program_file(entry, application)
        if path is None:
            return "ok", "", []
        with open(path, "rb") as file:
            body = ast.parse(file.read()).body
        package = module if os.path.basename(path) == "__main__.py" else module.rpartition(".")[0]
        namespace = {"__name__": "__main__", "__package__": package if module else None, "__file__": path}
        for statement in body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                exec(compile(ast.Module([statement], []), path, "exec", dont_inherit=True), namespace)
    except SyntaxError as error:
        return "import-failed", "SyntaxError: line %s: %s" % (error.lineno, error.msg), []
    except ModuleNotFoundError as error:
        if module and missing_module(module, error):
            return "no-module", "", siblings(module, application)
        return "missing-import", str(error.name), []
    except BaseException as error:
        return "import-failed", "%s: %s" % (type(error).__name__, error), []
    return "ok", "", []


def check(entry, application):
    if "module" not in entry:
        return check_program(entry, application)
    module, attribute = entry["module"], entry["attribute"]
    try:
        value = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if missing_module(module, error):
            return "no-module", "", siblings(module, application)
        return "missing-import", str(error.name), []
    except BaseException as error:  # A module may even exit while it is imported.
        return "import-failed", "%s: %s" % (type(error).__name__, error), []
    owner = value
    for part in attribute.split("."):
        owner = value
        try:
            value = getattr(value, part)
        except AttributeError:
            return "no-attribute", part, callables(value)
    if not callable(value):
        return "not-callable", type(value).__name__, callables(owner)
    return "ok", "", []


def main():
    request = json.load(sys.stdin)
    application = [sysconfig.get_path("purelib")]
    with open(request["answer"], "w", encoding="utf-8") as answer:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        for entry in request["entries"]:
            outcome, detail, available = check(entry, application)
            line = {"command": entry["command"], "outcome": outcome, "detail": detail, "available": available}
            answer.write(json.dumps(line) + "\n")
            answer.flush()
    os._exit(0)


main()
