"""Compiles the runners of commands (runner.py) to bytecode, one file per command.

Run by the packaged interpreter, with `site`, whose work the runners take over: what it sets up is read from the
interpreter that runs this. Reads a JSON request from standard input:
{"runner": path of runner.py, "optimize": 0, "runners": [{"path", "script": text, "line": number, "settings": {…}}]}
A runner with "file" instead of "script" and "line" is for a program that is run as `python FILE` would run it. If such a
file cannot be compiled, standard output says why in one line that begins with `SyntaxError: `.
"""

import ast
import builtins
import importlib.util
import json
import marshal
import sys
import warnings

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


# What Python itself does before it runs a file, which the runner lies elsewhere than.
FOLDER_OF_FILE = """
if not getattr(__import__('sys').flags, 'safe_path', __import__('sys').flags.isolated):
    __import__('sys').path[0] = __file__.rpartition('/')[0]
"""


def is_first(statement, position):
    """Whether a statement must stay at the beginning of a file."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__" and statement.level == 0
    return position == 0 and isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str)


def parts(runner):
    """What a program begins with, what comes in front of the rest, the rest, and the line of it."""
    if "file" not in runner:
        # The script begins with a string, as its first lines are for the shell.
        return [], [], ast.parse(runner["script"]).body[1:], runner["line"]
    with open(runner["file"], "rb") as file:
        body = ast.parse(file.read()).body
    position = 0
    while position < len(body) and is_first(body[position], position):
        position += 1
    rest = body[position:]
    return body[:position], ast.parse(FOLDER_OF_FILE).body, rest, rest[0].lineno if rest else 1


def compiled(start, runner, settings, optimize):
    head, own, rest, line = parts(runner)
    function = "type({0})({0}.__code__, {{'__name__': 'site', '__builtins__': __builtins__}})".format(start.name)
    call = ast.parse(function + "(globals())").body[0]
    call.value.keywords = [ast.keyword(name, as_literal(value)) for name, value in settings.items()]
    preamble = [start, call, ast.Delete([ast.Name(start.name, ast.Del())]), *own]
    for statement in preamble:
        for node in ast.walk(statement):
            if "lineno" in node._attributes:
                node.lineno = node.end_lineno = line
                node.col_offset = node.end_col_offset = 0
    return compile(ast.Module(head + preamble + rest, []), NEUTRAL, "exec", dont_inherit=True, optimize=optimize)


def main():
    # Nobody sees what the compiler warns about here; whoever runs the file with Python does.
    warnings.simplefilter("ignore")
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
        try:
            code = compiled(start, runner, settings, request["optimize"])
        except (SyntaxError, ValueError) as error:
            if "file" not in runner:
                raise
            # Such as a file with NUL bytes, which older versions have no SyntaxError for.
            where = "line %d: " % error.lineno if getattr(error, "lineno", None) else ""
            sys.exit(print("SyntaxError: %s%s" % (where, getattr(error, "msg", error))) or 1)
        header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
        with open(runner["path"], "wb") as file:
            file.write(header + marshal.dumps(code))


def field_names():
    return getattr(sys.flags, "__match_args__", None) or [part.split("=")[0] for part in repr(sys.flags)[10:-1].split(", ")]


main()
