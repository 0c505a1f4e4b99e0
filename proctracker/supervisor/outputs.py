"""Kept output: two files a job that is given no paths. Those that stayed empty are the next jobs' own.

Making an inode costs several times a rename, and most jobs leave one of the two empty. A file is used again only if it
is empty and nobody else has it open: that is what the grant of a write lease says (fcntl(2), F_SETLEASE).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal

from proctracker.model import JobRow
from proctracker.supervisor.spawn import FULL, NOT_STARTED, StartFailed, StartLater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.store import Home

SPARE = 64
"""Empty files kept ready."""

_MAKE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_USE = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class Outputs:
    """Opens kept files, and takes back those that stayed empty."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folders: set[str] = set()
        self._spare: list[tuple[str, int]] = []
        self._ended: list[str] = []
        # The kernel sends SIGIO to the holder of a lease that somebody else's open breaks, and its default is to end us.
        signal.signal(signal.SIGIO, signal.SIG_IGN)

    def paths(self, row: JobRow, output_dir: str | None, attempt: int = 0) -> tuple[str, str]:
        """Where a job's kept streams lie, of its present attempt or another."""
        out = self._home.kept(row.id, attempt or row.attempt, "out", output_dir)
        return out, out[:-3] + "err"

    def open(self, path: str) -> int:
        """A descriptor of a new, empty kept file. Raises StartFailed or StartLater."""
        try:
            self._folder(path.rpartition("/")[0])
            while self._ended and not self._spare:
                self.take_back(self._ended.pop())
            while self._spare:
                old, fd = self._spare.pop()
                try:
                    os.rename(old, path)
                    return fd
                except OSError:
                    os.close(fd)  # somebody removed it, or it lies on another file system
            return os.open(path, _MAKE, 0o600)
        except OSError as error:
            if error.errno in FULL:
                raise StartLater(os.strerror(error.errno or 0)) from None
            raise StartFailed(NOT_STARTED, f"{path}: {error.strerror}") from None

    def empty(self, row: JobRow, output_dir: str | None) -> None:
        """A container was never started: what its engine wrote there is the job's annotation, not its output."""
        for path in self.paths(row, output_dir):
            with contextlib.suppress(OSError):
                os.truncate(path, 0)

    def ended(self, path: str) -> None:
        """A job has ended: its file is looked at when another is wanted, or by ``tidy``; those who wait come first."""
        self._ended.append(path)

    def tidy(self) -> None:
        """Look at the files of all jobs that have ended."""
        while self._ended:
            self.take_back(self._ended.pop())

    def take_back(self, path: str) -> None:
        """A job has ended: if its file is empty and nobody writes to it any more, it is the next job's."""
        try:
            fd = os.open(path, _USE)
        except OSError:
            return
        try:
            if os.fstat(fd).st_size == 0 and len(self._spare) < SPARE:
                fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
                fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
                self._spare.append((path, fd))
                return
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EINVAL, errno.EACCES, errno.ENOLCK):
                os.close(fd)
                raise
        os.close(fd)

    def _folder(self, folder: str) -> None:
        if folder not in self._folders:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            self._folders.add(folder)

    def close(self) -> None:
        """Remove the files that are ready for nobody."""
        self.tidy()
        for path, fd in self._spare:
            os.close(fd)
            try:
                os.unlink(path)
            except OSError:
                continue
        self._spare = []
        self._folders = set()
