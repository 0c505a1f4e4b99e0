"""Finds the container that a job's own start made, by what it said and its labels."""

from __future__ import annotations

import os

from proctracker.linux import procfs, trusted
from proctracker.store.held import REMEDY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

    from proctracker.model import JobRow, Observation
    from proctracker.runtimes.base import Engine
    from proctracker.store import Home

_MARKS = ("proctracker.home", "proctracker.job", "proctracker.attempt")

LABEL = "proctracker.start"
"""The label that a start alone gives what it makes: a random word, which ``START`` in its directory holds."""

START = "start"

TOLD = ("name", "workdir", "input", "output", "error")
"""Columns that a container is labelled with, so that a lost store can be rebuilt."""

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")
_LONGEST = 4000
"""Bytes of a label, of which containerd takes 4,096 with its name."""


def folder(home: Home, row: JobRow) -> str:
    """The private directory of an attempt's start."""
    return os.path.join(home.starts, f"{row.id}.{row.attempt}")


def write(home: Home, folder: str, files: Mapping[str, bytes]) -> None:
    """Make the private directory of a start with its files, but no useless script."""
    fd = trusted.below(home.held.fd(home.starts), (os.path.basename(folder),), folder, REMEDY, make=True)
    try:
        for path, content in files.items():
            name, mode = os.path.basename(path), 0o700 if content.startswith(b"#!") else 0o600
            made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=fd)
            with open(made, "wb") as file:
                file.write(content)
            if mode & 0o100 and not os.access(name, os.X_OK, dir_fd=fd):
                os.unlink(name, dir_fd=fd)
    finally:
        os.close(fd)


def told(start: str, name: str) -> str | None:
    """Return what a start's command told of its container: the id, or the name.

    None: nothing, so nothing of this start's runs. The CLIs write the id down (``--cidfile``) before the container is
    started, and so ctr does with its process (``--pid-file``): until then no other container of the name is ours.
    """
    return word(os.path.join(start, "id")) or (name if word(os.path.join(start, "pid")) else None)


def command(engine: Engine, name: str) -> tuple[int, int] | None:
    """Return pid and start time of a call of the engine's CLI about the container of that name, if one is under way."""
    program = os.fsencode(os.path.basename((engine.command or ("",))[0]))
    wanted = (os.fsencode(name), b"--name=" + os.fsencode(name))
    for pid in procfs.pids():
        words = procfs.cmdline(pid)
        if words and os.path.basename(words[0]) == program and any(word in words[1:] for word in wanted):
            stat = procfs.stat(pid)
            if stat is not None:
                return pid, stat.ticks
    return None


def described(row: JobRow, joined: bool) -> dict[str, str]:
    """Return labels that describe a job, percent-encoded for CLIs that split them."""
    found = {name: os.fsencode(getattr(row, name) or "") for name in TOLD}
    found["join"] = b"1" if joined else b""
    texts = {
        f"proctracker.{name}": "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in value)
        for name, value in found.items()
        if value
    }
    return {name: text for name, text in texts.items() if len(text) < _LONGEST}


def forget(start: str) -> None:
    """Remove what an earlier try of the start told, as CLIs do not overwrite it."""
    for name in ("id", "pid", "said"):
        try:
            os.unlink(os.path.join(start, name))
        except OSError:
            continue


def agrees(labels: Mapping[str, str], seen: Observation) -> bool:
    """Whether a container carries the labels that its job's have, where they were asked for."""
    return not seen.labels or all(seen.labels.get(mark) == labels[mark] for mark in _MARKS)


def word(path: str | None) -> str:
    """Read what a CLI wrote into a file, or nothing."""
    try:
        with open(path or "", encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
