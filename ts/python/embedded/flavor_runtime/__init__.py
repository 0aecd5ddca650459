"""What a packaged program can ask about its own package. flavor puts this module into every Python package.

    import flavor_runtime

    if flavor_runtime.is_packaged():
        models = flavor_runtime.slot("models")            # unpacked now, if the slot is lazy
        letter = flavor_runtime.resource("share/letter.txt")  # a file of the work environment

Outside a package, `is_packaged()` is False and everything else raises `NotPackagedError`. Nothing is asked before it is needed, and
importing this module imports hardly anything. The launcher unpacks and verifies; this module only asks it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Optional, Union

__all__ = [
    "NotPackagedError",
    "SlotError",
    "is_packaged",
    "package_path",
    "resource",
    "slot",
    "workenv",
]


class NotPackagedError(RuntimeError):
    """This interpreter was not started by a package."""

    def __init__(self) -> None:
        super().__init__(
            "this Python was not started by a flavor package; ask flavor_runtime.is_packaged() before"
        )


class SlotError(RuntimeError):
    """The package could not say where a slot lies."""

    def __init__(self, message: str, code: Optional[str] = None, exit_code: Optional[int] = None) -> None:
        super().__init__(message)
        self.code = code
        """The launcher's error code, such as `ERR_LAUNCH_ARGUMENTS` for a slot that the package does not have."""
        self.exit_code = exit_code
        """The launcher's exit code."""


_places: Dict[str, Path] = {}


def is_packaged() -> bool:
    """Whether this interpreter runs from the work environment of a package.

    The variables alone do not say so: programs that a packaged program starts inherit them.
    """
    place = os.environ.get("FLAVOR_WORKENV")
    if not place or not os.environ.get("FLAVOR_PACKAGE"):
        return False
    try:
        return os.path.samefile(place, sys.prefix)
    except OSError:
        return False


def package_path() -> Path:
    """The package file, with all links resolved."""
    _require_package()
    return Path(os.environ["FLAVOR_PACKAGE"])


def workenv() -> Path:
    """The work environment: the folder into which the package was composed. Another version of the package has another one."""
    _require_package()
    return Path(os.environ["FLAVOR_WORKENV"])


def resource(path: Union[str, "os.PathLike[str]"]) -> Path:
    """The absolute path of a file or folder in the work environment, named from there with `/`.

    Raises ValueError for paths that are not below it, and FileNotFoundError if there is nothing.
    """
    place = workenv()
    relative = PurePosixPath(os.fspath(path))
    if relative.is_absolute() or ".." in relative.parts or not relative.parts:
        raise ValueError("not a path below the work environment: %r" % (os.fspath(path),))
    found = place / relative
    if not found.exists():
        raise FileNotFoundError("the package has no %r (looked for `%s`)" % (str(relative), found))
    return found


def slot(name: Union[str, int]) -> Path:
    """The folder of a slot, by its id or number; a lazy slot is verified and unpacked first.

    The answer is kept for this process. Raises SlotError if the package has no such slot, or the slot has no place of its own.
    """
    _require_package()
    key = str(name)
    # No lock: two threads that ask at once get the same answer, and a child forked meanwhile would keep a lock forever.
    known = _places.get(key)
    # Whoever empties the cache meanwhile gets the slot anew.
    if known is None or not known.is_dir():
        known = _ask(key)
        _places[key] = known
    return known


def _require_package() -> None:
    if not is_packaged():
        raise NotPackagedError()


def _ask(name: str) -> Path:
    import json

    answer: Dict[str, Any] = json.loads(_launcher("slot", "--json", "--", name))
    asked = (os.environ.get("FLAVOR_PACKAGE_NAME"), os.environ.get("FLAVOR_VERSION"))
    if (answer["name"], answer["version"]) != asked:
        raise SlotError(
            "`%s` was replaced while this program runs: it is %s %s now"
            % (package_path(), answer["name"], answer["version"])
        )
    path: str = answer["path"]
    if "\ufffd" in path:
        # JSON cannot hold a path that is not UTF-8; the plain answer is its bytes.
        path = os.fsdecode(_launcher("slot", "--", name)[:-1])
    return Path(path)


def _launcher(*arguments: str) -> bytes:
    import subprocess

    package = os.fspath(package_path())
    try:
        outcome = subprocess.run(
            [package, *arguments],
            env={**os.environ, "FLAVOR_LAUNCHER_CLI": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        raise SlotError("the package `%s` cannot be asked: %s" % (package, error.strerror or error)) from error
    if outcome.returncode != 0:
        raise _refusal(outcome.stderr.decode(errors="replace"), outcome.returncode)
    return outcome.stdout


def _refusal(text: str, exit_code: int) -> SlotError:
    import re

    found = re.search(r": error: (.*) \[(ERR_[A-Z0-9_]+)\]$", text, re.MULTILINE)
    if found is None:
        return SlotError(text.strip() or "the package ended with %d" % exit_code, None, exit_code)
    return SlotError(found.group(1), found.group(2), exit_code)
