"""Compiles the runners of commands (runner.py) to bytecode, one file per command.

Run by the packaged interpreter, with `site`, whose work the runners take over: what it sets up is read from the
interpreter that runs this. Reads a JSON request from standard input:
{"runner": path of runner.py, "optimize": 0, "runners": [{"path", "script": text, "line": number, "settings": {…}}]}
"""

import ast
import builtins
import importlib.util
import json
import marshal
import sys

NEUTRAL = "<flavor>"


def made_by_site(prefix):
    """The builtins that `site` makes, by name: class, attributes, and files relative to the interpreter's folder."""
    result = {}
    for name in ("quit", "exit", "copyright", "credits", "license", "help"):
        value = getattr(builtins, name)
        attributes = dict(vars(value))
        files = attributes.pop("_Printer__filenames", None)
        if files is not None:
            files = [file[len(prefix) :] if file.startswith(prefix + "/") else file for file in files]
        result[name] = (type(value).__name__, attributes, files)
    return result


def as_literal(value):
    return ast.parse(repr(value), mode="eval").body


def compiled(start, script, line, settings, optimize):
    body = ast.parse(script).body
    function = "type({0})({0}.__code__, {{'__name__': 'site', '__builtins__': __builtins__}})".format(start.name)
    call = ast.parse(function + "(globals())").body[0]
    call.value.keywords = [ast.keyword(name, as_literal(value)) for name, value in settings.items()]
    preamble = [start, call, ast.Delete([ast.Name(start.name, ast.Del())])]
    for statement in preamble:
        for node in ast.walk(statement):
            if "lineno" in node._attributes:
                node.lineno = node.end_lineno = line
                node.col_offset = node.end_col_offset = 0
    # The script begins with a string, as its first lines are for the shell.
    return compile(ast.Module(preamble + body[1:], []), NEUTRAL, "exec", dont_inherit=True, optimize=optimize)


def main():
    request = json.load(sys.stdin)
    with open(request["runner"], encoding="utf-8") as file:
        tree = ast.parse(file.read())
    start = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    common = {
        "made": made_by_site(sys.base_prefix),
        # Flags of versions without `__replace__` cannot be made anew.
        "fields": () if hasattr(sys.flags, "__replace__") else tuple(field_names()),
    }
    for runner in request["runners"]:
        settings = {**runner["settings"], **common}
        if settings["distutils"]:
            settings["distutils"] = settings["distutils"].encode()
        settings["variables"] = tuple(name.encode() for name in settings["variables"])
        code = compiled(start, runner["script"], runner["line"], settings, request["optimize"])
        header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
        with open(runner["path"], "wb") as file:
            file.write(header + marshal.dumps(code))


def field_names():
    return getattr(sys.flags, "__match_args__", None) or [part.split("=")[0] for part in repr(sys.flags)[10:-1].split(", ")]


main()
