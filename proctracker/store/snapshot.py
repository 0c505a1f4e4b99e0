"""Serves where locks do not work: one process opens the database, readers get copies."""

from __future__ import annotations

import errno
import os
import time

from proctracker.errors import DrmCommunicationException
from proctracker.linux import procfs
from proctracker.store.paths import Home, trouble

LEAST = 0.2
"""Seconds between two copies.

More where copying takes long, so that it takes a tenth of the time at most.
"""


class Opener:
    """Holds the right to open the database, a directory with a file named after a process.

    mkdir, rename and unlink are atomic everywhere, and a killed opener is known to be dead by its name.
    """

    def __init__(self, home: Home) -> None:
        self._name = os.path.join(home.here, "opener")
        self._held = home.held
        self._folder = self._held.at(self._name)
        mine = procfs.stat(os.getpid())
        self._mine = f"{procfs.boot_id()}.{os.getpid()}.{mine.ticks if mine else ''}"

    def take(self) -> None:
        """Become the opener. Raises DrmCommunicationException naming the living process that is."""
        own = f"{self._folder}.{self._mine}"
        try:
            os.makedirs(own, 0o700, exist_ok=True)
            os.close(os.open(os.path.join(own, self._mine), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            while not _moved(own, self._folder):
                self._clear()
        except OSError as error:
            raise trouble(self._name, error) from None
        finally:
            _discard(own, self._mine)

    def leave(self) -> None:
        """Let others open it."""
        _discard(self._folder, self._mine)

    def _clear(self) -> None:
        """Remove a dead opener's name, and never that of one who came meanwhile."""
        for name in os.listdir(self._folder):
            boot, pid, ticks = name.split(".")
            lives = boot == procfs.boot_id() and ticks.isdigit() and procfs.alive(int(pid), int(ticks))
            if lives and name != self._mine:
                raise DrmCommunicationException(
                    f"process {pid} has {self._name} open, and locks do not work on this file system: "
                    "use the supervisor it belongs to, or set PROCTRACKER_HOME to a local disk"
                )
            try:
                os.unlink(os.path.join(self._folder, name))
            except FileNotFoundError:
                pass


class Snapshot:
    """Makes copies of the database for readers.

    A commit publishes one, or leaves it to ``publish`` at the time ``due``.
    """

    def __init__(self, home: Home) -> None:
        self._held = home.held
        self._source, self._path = self._held.at(home.database), self._held.at(home.snapshot)
        self._next = 0.0
        self.due: float | None = None
        """time.monotonic() at which ``publish`` has something to do, or None."""

    def committed(self) -> None:
        """Note that the database has changed.

        No transaction is open.
        """
        self.due = self._next
        if time.monotonic() >= self._next:
            self.publish()

    def publish(self) -> None:
        """Copy the database now.

        A copy that cannot be made (disk full) is due again, and readers keep the last one.
        """
        began = time.monotonic()
        new = f"{self._path}.{os.getpid()}"
        try:
            _copy(self._source, new)
            os.rename(new, self._path)
            self.due = None
        except OSError:
            if os.path.exists(new):
                os.unlink(new)
        ended = time.monotonic()
        self._next = ended + max(LEAST, 10 * (ended - began))
        if self.due is not None:
            self.due = self._next


def _copy(source: str, target: str) -> None:
    """Copy a file, private to us."""
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as sink, open(source, "rb") as file:
        while True:
            part = file.read(1 << 20)
            if not part:
                return
            sink.write(part)


def _moved(own: str, folder: str) -> bool:
    """Rename our directory to the opener's, which works only where that is missing or empty."""
    try:
        os.rename(own, folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def _discard(folder: str, name: str) -> None:
    """Remove a directory with one file, as far as it is there."""
    try:
        os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    except OSError:
        pass
