"""Holds a home's directories open, so that nothing depends on their names any more."""

from __future__ import annotations

import errno
import os

from proctracker.linux import trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

REMEDY = "set PROCTRACKER_HOME to a directory of your own"


class Held:
    """Holds descriptors of a home and of directories below it.

    All were ours alone to write when they were opened.

    They are closed with the object; a fork has its own.
    """

    def __init__(self, home: str, folders: Iterable[str] = (), make: bool = False) -> None:
        """Open the home and these directories below it, named in full.

        The others are opened when they are needed.

        ``make``: make those that are missing. Raises DeniedByDrmsException or OSError, as ``fd``.
        """
        self._home = home
        self._fds: dict[str, int] = {}
        self._known: dict[str, tuple[int, int]] = {}
        self._add(home, trusted.hold(home, REMEDY, make=make))
        for folder in folders:
            self.fd(folder, make)

    def _add(self, folder: str, fd: int) -> int:
        self._fds[folder], self._known[folder] = fd, _identity(fd)
        return fd

    def fd(self, folder: str, make: bool = False) -> int:
        """Return the descriptor of a directory.

        Raises OSError where it is not there, DeniedByDrmsException where it is not safe.
        """
        found = self._fds.get(folder)
        if found is not None:
            return found
        if not folder.startswith(f"{self._home}/") or not self._fds:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
        above, _, name = folder.rpartition("/")
        return self._add(folder, trusted.below(self.fd(above, make), (name,), folder, REMEDY, make=make))

    def same(self, other: Held) -> bool:
        """Whether both hold the very same directories, as far as both hold one."""
        return all(other._known.get(folder, known) == known for folder, known in self._known.items())

    def open(self) -> bool:
        """Whether the descriptors are still ours: some programs close all there is."""
        try:
            return bool(self._fds) and _identity(self._fds[self._home]) == self._known[self._home]
        except OSError:
            return False

    def at(self, path: str) -> str:
        """Return a path by way of its held directory.

        Of a directory that is held, the descriptor's own. Raises as ``fd``.
        """
        if path in self._fds:
            return f"/proc/self/fd/{self._fds[path]}"
        above, _, name = path.rpartition("/")
        return f"/proc/self/fd/{self.fd(above)}/{name}"

    def check(self) -> None:
        """Raise DeniedByDrmsException where others can write to the home or reach into it."""
        for folder, fd in list(self._fds.items())[:2]:
            trusted.refuse_foreign(os.fstat(fd), folder, REMEDY)

    def close(self) -> None:
        """Close them, now."""
        fds, self._fds = self._fds, {}
        for folder, fd in fds.items():
            try:
                if _identity(fd) == self._known[folder]:
                    os.close(fd)
            except OSError:
                continue

    def __del__(self) -> None:
        self.close()


def _identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino
