"""Installs the bundled pip, as the standard library's module of this name does.

The runtime trees of the mirror lack that module; this stands in for it with the same command line, so
that `python -m venv` works. Only in the mirror for demo and tests: a real runtime brings its own.
"""

import argparse
import os
import subprocess
import sys
from importlib import resources

_INSTALL = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('pip', run_name='__main__', alter_sys=True)"


def _bundled():
    for entry in (resources.files(__name__) / "_bundled").iterdir():
        if entry.name.startswith("pip-") and entry.name.endswith(".whl"):
            return entry
    raise RuntimeError("ensurepip carries no pip wheel")


def version():
    """The version of the bundled pip."""
    return _bundled().name.split("-")[1]


def bootstrap(*, root=None, upgrade=False, user=False, altinstall=False, default_pip=False, verbosity=0):
    """Installs pip into the environment of the running interpreter."""
    del altinstall, default_pip  # Script names are pip's own choice.
    arguments = ["install", "--no-cache-dir", "--no-index", "--no-deps"]
    if root:
        arguments += ["--root", root]
    if upgrade:
        arguments += ["--upgrade"]
    if user:
        arguments += ["--user"]
    if verbosity:
        arguments += ["-" + "v" * verbosity]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment["PIP_CONFIG_FILE"] = os.devnull
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    with resources.as_file(_bundled()) as wheel:
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _INSTALL, str(wheel)]
        return subprocess.run([*command, *arguments, str(wheel)], check=True, env=environment).returncode


def _main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m ensurepip")
    parser.add_argument("--version", action="version", version=f"pip {version()}")
    parser.add_argument("-v", "--verbose", action="count", default=0, dest="verbosity")
    parser.add_argument("-U", "--upgrade", action="store_true")
    parser.add_argument("--user", action="store_true")
    parser.add_argument("--root")
    parser.add_argument("--altinstall", action="store_true")
    parser.add_argument("--default-pip", action="store_true")
    return bootstrap(**vars(parser.parse_args(argv)))
