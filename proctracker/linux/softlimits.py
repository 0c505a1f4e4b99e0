"""Raises a supervisor's own soft limits, and lowers them for what it starts."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from types import TracebackType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ContextManager, Mapping, Sequence

    Limits = Mapping[str, Sequence[int]]

_NUMBERS = {name[7:]: getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}

_LEFT = ("CORE", "OFILE")
"""Not raised, as a core dump would hold environments, and OFILE is NOFILE."""

_NEVER_LENT = ("CPU", "AS", "DATA", "NPROC", "RTTIME")
"""Limits that would hit ourselves at once while lowered."""

_LEAST_LENT = {"STACK": 2**20, "NOFILE": 16}
"""Below these we could not go on for that moment."""

_ENGINES = ("FSIZE",)
"""What an engine's command does not get: its own database would be cut off in the middle."""

NEEDED = {"NOFILE": (64, "-Hn", "open files", 1), "FSIZE": (2**20, "-Hf", "the size of files in KiB", 1024)}
"""What a supervisor needs at least, with ulimit's option, its object and unit."""

_REASONS = {errno.EAGAIN: ("NPROC", "-u"), errno.EMFILE: ("NOFILE", "-n"), errno.EFBIG: ("FSIZE", "-f")}
"""errno -> the limit behind it, setrlimit(2), and ulimit's option."""

_NOTHING = contextlib.nullcontext()


def raise_own() -> None:
    """Raise the soft limits to the hard ones, as our first caller's are not everybody's."""
    for name, number in _NUMBERS.items():
        soft, hard = resource.getrlimit(number)
        if soft != hard and name not in _LEFT:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(number, (hard, hard))


def forbidding() -> str | None:
    """Say what a hard limit makes impossible, or return None."""
    for name, (least, option, what, unit) in NEEDED.items():
        hard = resource.getrlimit(_NUMBERS[name])[1]
        if hard != resource.RLIM_INFINITY and hard < least:
            return (
                f"the hard limit on {what} (ulimit {option}) is {hard // unit} here, it needs {least // unit} or more:"
                " start it from another shell"
            )
    return None


def named(error: OSError) -> str:
    """What the system is short of, with the limit of ours that may be the reason."""
    name, option = _REASONS.get(error.errno or 0, ("", ""))
    most = resource.getrlimit(_NUMBERS[name])[0] if name else resource.RLIM_INFINITY
    told = error.strerror or str(error)
    return told if most == resource.RLIM_INFINITY else f"{told} (the limit, ulimit {option}, is {most} here)"


def can_be_lent(limits: Limits | None, highest: int = 0) -> bool:
    """Return whether something needs these limits lent only, as soft ones we can do with.

    ``highest``: the largest descriptor that is handed over; posix_spawn(3) takes none above the soft limit.
    """
    for name, (soft, hard) in (limits or {}).items():
        if name in _NEVER_LENT or hard != resource.getrlimit(_NUMBERS[name])[1]:
            return False
        if 0 <= soft < _LEAST_LENT.get(name, 0):
            return False
        if name == "NOFILE" and 0 <= soft < max(highest + 1, _next_descriptor() + _LEAST_LENT[name]):
            return False
    return True


def _next_descriptor() -> int:
    """Return the next descriptor's number, above a low soft limit where many are open."""
    fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.close(fd)
    return fd


def lent(limits: Limits | None) -> ContextManager[None]:
    """Have these soft limits while something is started, which inherits them."""
    return _Loan(limits) if limits else _NOTHING


def of_engines(limits: Limits | None) -> Limits:
    """Return a submitter's limits for an engine's command, soft ones that leave its files."""
    pairs = (limits or {}).items()
    return {name: pair for name, pair in pairs if name not in _ENGINES and can_be_lent({name: pair})}


class _Loan:
    """Changes our own for a moment, as posix_spawn(3) cannot set a child's."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._own: dict[int, tuple[int, int]] = {}

    def __enter__(self) -> None:
        for name, (soft, _) in self._limits.items():
            number = _NUMBERS[name]
            self._own[number] = own = resource.getrlimit(number)
            resource.setrlimit(number, (soft, own[1]))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for number, pair in self._own.items():
            resource.setrlimit(number, pair)
