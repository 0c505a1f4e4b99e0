"""The runtimes by name: pure descriptions of one CLI each, imported when first asked for."""

from __future__ import annotations

import importlib

from proctracker.errors import InvalidArgumentException
from proctracker.model import nearest
from proctracker.runtimes.runtime import Runtime

REGISTRY = {
    "process": "proctracker.runtimes.process",
    "podman": "proctracker.runtimes.podman",
    "docker": "proctracker.runtimes.docker",
    "nerdctl": "proctracker.runtimes.nerdctl",
    "ctr": "proctracker.runtimes.ctr",
    "apptainer": "proctracker.runtimes.apptainer",
    "slurm": "proctracker.runtimes.slurm",
}
"""A runtime's name -> its module, which has the runtime as ``RUNTIME``."""

_loaded: dict[str, Runtime] = {}


def names() -> list[str]:
    """The known runtimes."""
    return list(REGISTRY)


def get(name: str) -> Runtime:
    """A runtime by its name. Raises InvalidArgumentException that lists the known ones."""
    if name not in _loaded:
        if name not in REGISTRY:
            raise InvalidArgumentException(
                f"no runtime {name!r}{nearest(name, REGISTRY)}; there are {', '.join(REGISTRY)}"
            )
        _loaded[name] = importlib.import_module(REGISTRY[name]).RUNTIME
    return _loaded[name]
