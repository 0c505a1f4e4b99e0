"""Opens the three streams of a job or of an engine's command, with its umask."""

from __future__ import annotations

import os
import stat

from proctracker.linux import netfs, softlimits
from proctracker.runtimes.base import Launch
from proctracker.supervisor.processes.command import FULL, NOT_STARTED, StartFailed, StartLater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

USUAL_UMASK = 0o022
"""What engines' commands run with."""

_taken: list[int] = []
_NONE: Mapping[str | None, int] = {}


def open_streams(launch: Launch, umask: int | None, given: Mapping[str | None, int] = _NONE) -> tuple[int, int, int]:
    """Open descriptors for the launch's three streams, one file once, as with ``2>&1``.

    Raises StartFailed for one that cannot be had, and for an output that is the input; StartLater where the system is short of something.
    """
    found = given.get(launch.stdin, -1), given.get(launch.stdout, -1), given.get(launch.stderr, -1)
    if min(found) >= 0:
        return found
    opened: list[int] = []
    take_umask(umask)
    try:
        opened.append(found[0] if found[0] >= 0 else _open(launch.stdin or os.devnull, os.O_RDONLY, launch.directory))
        opened.append(found[1] if found[1] >= 0 else _output(launch, launch.stdout, opened))
        if launch.stderr == launch.stdout:
            opened.append(opened[1])
        else:
            opened.append(found[2] if found[2] >= 0 else _output(launch, launch.stderr, opened))
    except (StartFailed, StartLater):
        for fd in {*opened}.difference(given.values()):
            netfs.let_go(fd)
        raise
    return opened[0], opened[1], opened[2]


def _output(launch: Launch, path: str | None, opened: list[int]) -> int:
    """Open an output, or return the other's descriptor if it is the same file."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if launch.append else 0)
    fd = _open(path or os.devnull, flags, launch.directory)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        return fd
    if len(opened) > 1 and os.path.samestat(found, os.fstat(opened[1])):
        netfs.let_go(fd)
        return opened[1]
    if os.path.samestat(found, os.fstat(opened[0])):
        netfs.let_go(fd)
        raise StartFailed(NOT_STARTED, f"{path}: it is the input too, which would be overwritten while it is read")
    try:
        if not launch.append:
            os.ftruncate(fd, 0)
    except OSError as error:
        netfs.let_go(fd)
        raise StartFailed(NOT_STARTED, f"{path}: {error.strerror}") from None
    return fd


def _open(path: str, flags: int, directory: str) -> int:
    """A descriptor above 2, so that dup2 never meets its own source."""
    if path == os.devnull:
        flags &= ~os.O_CREAT
    try:
        # O_NONBLOCK: a FIFO nobody writes to must not hold up the supervisor; cleared for the job below.
        fd = os.open(os.path.join(directory, path), flags | os.O_NOCTTY | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno in FULL:
            raise StartLater(softlimits.named(error)) from None
        raise StartFailed(NOT_STARTED, f"{path}: {error.strerror}") from None
    os.set_blocking(fd, True)
    return fd


def take_umask(umask: int | None) -> None:
    """Take a job's umask until another is taken, as ours leaves our own files alone."""
    if umask is not None and _taken != [umask]:
        os.umask(umask)
        _taken[:] = [umask]
