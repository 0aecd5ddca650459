"""Asks one version of the original, in its own virtual environment.

Takes a JSON array of requests on standard input and prints a JSON array of answers. `{"cli": [arguments]}` is a command
line of the original's `flavor`, run in this process because starting it takes a second; the answer has its exit code and
output. `{"build": {...}}` makes a package with its Python builder, which has no command line. `{"untar": path}` lists a tar
file as Python's tarfile reads it.
"""

import hashlib
import json
import sys
import tarfile
from pathlib import Path

from click.testing import CliRunner
from flavor.cli import main
from flavor.psp.format_2025.pspf_builder import PSPFBuilder


def cli(arguments):
    result = CliRunner().invoke(main, arguments)
    return {"exit": result.exit_code, "output": result.output}


def build(request):
    builder = PSPFBuilder.create().metadata(**request["metadata"])
    for slot in request["slots"]:
        slot = dict(slot)
        source = slot.pop("source")
        builder = builder.add_slot(data=Path(source), **slot)
    builder = builder.with_keys(seed=request["seed"])
    options = request["options"]
    options["launcher_bin"] = Path(options["launcher_bin"])
    result = builder.with_options(**options).build(Path(request["output"]))
    return {"success": result.success, "errors": result.errors}


def untar(path):
    with tarfile.open(path, "r:") as archive:
        return [
            {
                "path": member.name,
                "kind": "file" if member.isreg() else "folder" if member.isdir() else "other",
                "mode": member.mode,
                "sha256": hashlib.sha256(archive.extractfile(member).read()).hexdigest() if member.isreg() else None,
            }
            for member in archive
        ]


def answer(request):
    ((kind, value),) = request.items()
    return {"cli": cli, "build": build, "untar": untar}[kind](value)


answers = [answer(request) for request in json.load(sys.stdin)]
# What the original logs must not mix with the answers.
Path(sys.argv[1]).write_text(json.dumps(answers))
