"""Tells on stderr when the state directory's network file system does not answer."""

from __future__ import annotations

import _thread
import os
import time

from proctracker.cli import formats

PATIENCE = 5.0
"""Seconds without an answer after which that is told."""

INTERVAL = 10.0
"""Seconds between two questions."""

_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "ceph",
    "lustre",
    "gpfs",
    "beegfs",
    "fuse",
    "9p",
    "afs",
    "panfs",
    "orangefs",
    "ocfs2",
    "gfs2",
)
"""What the names of network file systems begin with (/proc/filesystems)."""


def watch(path: str, mounts: str = "/proc/self/mountinfo") -> bool:
    """Watch in a thread if a path is on a network, and return whether it is.

    A call into a hard NFS mount whose server is gone returns when the server is back, and no signal handler runs
    meanwhile (nfs(5)), so only another thread can tell.
    """
    if not _kind(path, mounts).startswith(_NETWORK):
        return False
    _thread.start_new_thread(_watch, (path,))
    return True


def _kind(path: str, mounts: str) -> str:
    """The type of the file system that a path is on by its name alone (proc_pid_mountinfo(5)).

    Empty where it is not known, or where nothing at all is on a network, which most machines' table tells at a glance.
    """
    try:
        with open(mounts, "rb") as file:
            table = file.read()
    except OSError:
        return ""
    name, best, found = os.fsencode(path), b"", b""
    network = any(b" - " + kind.encode("ascii") in table for kind in _NETWORK)
    for line in table.splitlines() if network else ():
        words, _, rest = line.partition(b" - ")
        at = _plain(words.split()[4])
        below = name == at or name.startswith(at.rstrip(b"/") + b"/")
        # The later one of two on the same directory hides the earlier.
        if below and len(at) >= len(best):
            best, found = at, rest.split()[0]
    return found.decode("ascii", "replace")


def _plain(word: bytes) -> bytes:
    """Return a mount point with its octal numbers as characters."""
    first, *rest = word.split(b"\\")
    return first + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in rest)


def _watch(path: str) -> None:
    """Ask now and then, and tell once of each time without an answer."""
    import signal  # here: few homes are on a network

    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are the main thread's
    while True:
        answered = _thread.allocate_lock()
        answered.acquire()
        _thread.start_new_thread(_ask, (path, answered))
        if not answered.acquire(timeout=PATIENCE):
            formats.say(f"the file system of {path} does not answer: waiting for its server")
            answered.acquire()
            formats.say(f"the file system of {path} answers again")
        time.sleep(INTERVAL)


def _ask(path: str, answered: _thread.LockType) -> None:
    """Ask the server itself by statvfs(3), whatever is cached."""
    try:
        os.statvfs(path)
    except OSError:
        pass
    answered.release()
