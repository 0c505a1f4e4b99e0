"""Runs a program unmodified with a DRMAA binding's import answered by ours, in children too.

The program takes this process's place. A directory before all others on PYTHONPATH has modules of the binding's name that
only import ours.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Mapping, NoReturn

MODULES = {"drmaa1": "drmaa", "gridengine": "drmaa2"}
"""Binding -> the module that programs import."""

USAGE = "usage: python -m proctracker.compat gridengine|drmaa1 PROGRAM [ARG…] | -m MODULE [ARG…]"
_NEEDED = ("proctracker", "sh", "psutil", "yaml")
"""What programs with a Python of their own have to find."""

_FAILED, _UNUSABLE, _MISSING = 2, 126, 127


class LaunchError(Exception):
    """The program cannot be run. Its arguments: what to say, and the exit code."""


def main(words: list[str]) -> int:
    """Run the program in this process's place, and return only where that cannot be."""
    if words[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    try:
        if not words or words[0] not in MODULES or len(words) < 2:
            raise LaunchError(USAGE, _FAILED)
        argv = command(words[1:], os.environ.get("PATH", os.defpath))
        _replace(argv, environment(words[0], os.environ))
    except LaunchError as error:
        message, code = error.args
        print(f"proctracker: error: {message}", file=sys.stderr)
        return int(code)


def _replace(argv: list[str], environ: Mapping[str, str]) -> NoReturn:
    try:
        os.execve(argv[0], argv, environ)
    except OSError as error:
        raise LaunchError(f"{argv[0]}: {error.strerror}", _UNUSABLE) from None


def command(words: list[str], path: str) -> list[str]:
    """The command line of a program: a file, ``-m MODULE``, or a command on the path.

    A script that names a Python of its own, as those of a virtual environment do, runs with that one.
    """
    first, rest = words[0], words[1:]
    if first == "-m":
        if not rest:
            raise LaunchError("-m: name a module", _FAILED)
        if not _found(rest[0]):
            raise LaunchError(f"no module {rest[0]!r} for {sys.executable}", _MISSING)
        return [sys.executable, "-m", *rest]
    if first.startswith("-"):
        raise LaunchError(f"no option {first}; {USAGE}", _FAILED)
    if os.path.exists(first):
        return [*_interpreter(first), *rest]
    found = None if os.sep in first else shutil.which(first, path=path)
    if found is None:
        raise LaunchError(f"{first}: there is no such program", _MISSING)
    return [*_interpreter(found), *rest]


def _found(module: str) -> bool:
    """Whether a module can be imported, from the current directory too."""
    from importlib.machinery import PathFinder
    from importlib.util import find_spec

    top = module.partition(".")[0]
    try:
        return PathFinder.find_spec(top, [os.getcwd()]) is not None or find_spec(top) is not None
    except ValueError:
        return False


def _interpreter(file: str) -> list[str]:
    """Return what runs a file: itself, or this Python where it names no interpreter."""
    try:
        with open(file, "rb") as opened:
            line = opened.readline(4096)
    except IsADirectoryError:
        return [sys.executable, file]
    except OSError as error:
        raise LaunchError(f"{file}: {error.strerror}", _UNUSABLE) from None
    if not os.access(file, os.X_OK) or line.startswith(b"PK"):
        return [sys.executable, file]
    named = os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
    if named and os.path.basename(named[0]) == "env":
        # Whichever Python comes first on the path: this one was meant to run it.
        return [sys.executable, file] if named[-1].startswith("python") else [os.path.abspath(file)]
    if named and os.path.basename(named[0]).startswith("python"):
        return [named[0], *_isolation_off(named[1:]), file]
    return [os.path.abspath(file)]


def _isolation_off(options: list[str]) -> list[str]:
    """A Python's options less -E and -I, which would have it overlook PYTHONPATH."""
    kept = [word.replace("E", "").replace("I", "") if word[:2].count("-") == 1 else word for word in options]
    return [word for word in kept if word != "-"]


def environment(binding: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the binding's import is ours."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shims")
    before = [os.path.join(here, "common"), os.path.join(here, binding)]
    kept = [each for each in environ.get("PYTHONPATH", "").split(os.pathsep) if each and each not in before]
    return {
        **environ,
        "PYTHONPATH": os.pathsep.join([*before, *kept]),
        "PROCTRACKER_COMPAT_PATH": os.pathsep.join(_folders()),
    }


def _folders() -> list[str]:
    """Where proctracker and what it needs are."""
    from importlib.machinery import PathFinder
    from importlib.util import find_spec

    # The path first: `sh`, once it is imported, has put something in its place that no longer knows its spec.
    found = [PathFinder.find_spec(name) or find_spec(name) for name in _NEEDED]
    files = [spec.origin for spec in found if spec and spec.origin]
    folders = [os.path.dirname(file) for file in files]
    packages = [
        os.path.dirname(folder) if os.path.basename(file).startswith("__init__.") else folder
        for file, folder in zip(files, folders)
    ]
    return list(dict.fromkeys(packages))
