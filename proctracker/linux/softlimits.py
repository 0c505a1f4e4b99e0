"""A supervisor's own resource limits: the soft ones raised as far as it may, and lowered for a moment for what it starts."""

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
"""Not raised: a core dump of ours, or of an engine's CLI, would hold environments; the other is NOFILE's second name."""

_NEVER_LENT = ("CPU", "AS", "DATA", "NPROC", "RTTIME")
"""What would hit ourselves at once: a signal for the time we have used, no memory or no child for the start itself."""

_LEAST_LENT = {"STACK": 2**20, "NOFILE": 16}
"""Below these we could not go on for that moment."""

_ENGINES = ("FSIZE",)
"""What an engine's command does not get: its own database would be cut off in the middle."""

NEEDED = {"NOFILE": (64, "-Hn", "open files", 1), "FSIZE": (2**20, "-Hf", "the size of files in KiB", 1024)}
"""What a supervisor cannot do without: the least, ulimit's option, what it limits, and its unit."""

_REASONS = {errno.EAGAIN: ("NPROC", "-u"), errno.EMFILE: ("NOFILE", "-n"), errno.EFBIG: ("FSIZE", "-f")}
"""errno -> the limit behind it, setrlimit(2), and ulimit's option."""

_NOTHING = contextlib.nullcontext()


def raise_own() -> None:
    """Raise the soft limits to the hard ones: whoever started us limited their shell's commands, not everybody's jobs."""
    for name, number in _NUMBERS.items():
        soft, hard = resource.getrlimit(number)
        if soft != hard and name not in _LEFT:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(number, (hard, hard))


def forbidding() -> str | None:
    """What a hard limit makes impossible, in a sentence; None where a supervisor can work."""
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
    """Whether lending is all that something needs to have these limits: they are soft ones that we can do with.

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
    """The number that a descriptor gets which is opened next: where many are open, above a low soft limit."""
    fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.close(fd)
    return fd


def lent(limits: Limits | None) -> ContextManager[None]:
    """Have these soft limits while something is started, which inherits them."""
    return _Loan(limits) if limits else _NOTHING


def of_engines(limits: Limits | None) -> Limits:
    """What of a submitter's limits an engine's command is started with, as by hand: soft ones that leave its own files alone."""
    pairs = (limits or {}).items()
    return {name: pair for name, pair in pairs if name not in _ENGINES and can_be_lent({name: pair})}


class _Loan:
    """We have one thread, so what it has meanwhile is nobody's concern but the child's: posix_spawn(3) cannot set it."""

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
