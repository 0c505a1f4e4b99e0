"""Serves where locks do not work: one process opens the database, readers get copies."""

from __future__ import annotations

import contextlib
import os
import time
from contextlib import suppress

from proctracker.errors import DrmCommunicationException
from proctracker.linux import claims
from proctracker.store.paths import Home, trouble

LEAST = 0.2
"""Seconds between two copies, more where copying takes long: a tenth of the time at most."""


class Opener:
    """Holds the right to open the database, a directory with a file named after a process.

    Each opener has a name of its own, as no other may be removed in its place. (A supervisor's seat has numbers instead, as
    its owners change.)
    """

    def __init__(self, home: Home) -> None:
        self._name = os.path.join(home.here, "opener")
        self._held = home.held
        self._folder = self._held.at(self._name)
        self._mine = claims.owner(os.getpid()).replace(" ", ".")

    def take(self) -> None:
        """Become the opener. Raises DrmCommunicationException naming the living process that is."""
        try:
            while (fd := claims.settle(self._folder, self._mine)) is None:
                self._clear()
        except OSError as error:
            raise trouble(self._name, error) from None
        os.close(fd)

    def leave(self) -> None:
        """Let others open it."""
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self._folder, self._mine))
            os.rmdir(self._folder)

    def _clear(self) -> None:
        """Remove a dead opener's name, and never that of one who came meanwhile."""
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._folder):
                if name != self._mine and claims.alive([name.replace(".", " ")]):
                    raise DrmCommunicationException(
                        f"process {name.split('.')[1]} has {self._name} open, and locks do not work on this file system: "
                        "use the supervisor it belongs to, or set PROCTRACKER_HOME to a local disk"
                    )
                os.unlink(os.path.join(self._folder, name))


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
        """Note that the database has changed, outside of a transaction."""
        self.due = self._next
        if time.monotonic() >= self._next:
            self.publish()

    def publish(self) -> None:
        """Copy the database now, and keep a copy due that cannot be made (disk full)."""
        began = time.monotonic()
        new = f"{self._path}.{os.getpid()}"
        try:
            _copy(self._source, new)
            os.rename(new, self._path)
            self.due = None
        except OSError:
            with suppress(OSError):
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
