"""Answers the import of a DRMAA binding with ours, in any Python."""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec

_OURS = ("proctracker", "sh", "psutil", "yaml")


class _Finder:
    """Finds proctracker and what it needs, for a Python in which they are not installed."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Return where a module is, or None."""
        if name not in _OURS:
            return None
        folders = os.environ.get("PROCTRACKER_COMPAT_PATH", "").split(os.pathsep)
        return importlib.machinery.PathFinder.find_spec(name, [each for each in folders if each])


def answer(name: str, ours: str, submodules: Iterable[str] | None) -> None:
    """Put our modules in a binding's places, by default those that the package lists."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        # The last: whatever the program has itself comes before.
        sys.meta_path.append(_Finder())
    package = importlib.import_module(ours)
    for each in package.MODULES if submodules is None else submodules:
        sys.modules[f"{name}.{each}"] = importlib.import_module(f"{ours}.{each}")
    # A thread that waits for this import to be over has the module that was first of that name.
    vars(sys.modules[name]).update({key: value for key, value in vars(package).items() if not key.startswith("__")})
    sys.modules[name] = package
