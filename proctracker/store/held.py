"""A home's directories, opened once: what is below them is reached by these descriptors, whatever becomes of their names."""

from __future__ import annotations

import os

from proctracker import trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

REMEDY = "set PROCTRACKER_HOME to a directory of your own"


class Held:
    """Descriptors of a home and of some directories below it. All were ours alone to write when they were opened.

    They are closed with the object; a fork has its own.
    """

    def __init__(self, home: str, folders: Iterable[str], make: bool = False) -> None:
        """Open the home and these directories below it, named in full; those that are missing are made, or left out."""
        self._fds: dict[str, int] = {}
        self._known: dict[str, tuple[int, int]] = {}
        self._add(home, trusted.hold(home, REMEDY, make=make))
        for folder in folders:
            above, _, name = folder.rpartition("/")
            if above in self._fds:
                try:
                    self._add(folder, trusted.below(self._fds[above], (name,), folder, REMEDY, make=make))
                except (FileNotFoundError, NotADirectoryError):
                    if make:
                        raise

    def _add(self, folder: str, fd: int) -> None:
        self._fds[folder], self._known[folder] = fd, _identity(fd)

    def has(self, folder: str) -> bool:
        """Whether a directory was there."""
        return folder in self._fds

    def fd(self, folder: str) -> int:
        """The descriptor of a directory. Raises FileNotFoundError for one that was not there."""
        found = self._fds.get(folder)
        if found is None:
            raise FileNotFoundError(2, os.strerror(2), folder)
        return found

    def same(self, other: Held) -> bool:
        """Whether both hold the very same directories."""
        return self._known == other._known

    def open(self) -> bool:
        """Whether the descriptors are still ours: some programs close all there is."""
        try:
            return bool(self._fds) and all(_identity(fd) == self._known[folder] for folder, fd in self._fds.items())
        except OSError:
            return False

    def at(self, path: str) -> str:
        """A path below the home by way of the nearest directory held. Raises FileNotFoundError where that was not there."""
        if path in self._fds:
            return f"/proc/self/fd/{self._fds[path]}"
        above, _, name = path.rpartition("/")
        return f"/proc/self/fd/{self.fd(above)}/{name}"

    def check(self) -> None:
        """Raise DeniedByDrmsException where others may write to a directory by now."""
        for folder, fd in self._fds.items():
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
