"""Keeps output in two files a job, and gives those that stayed empty to the next jobs.

Making an inode costs several times a rename, and most jobs leave one of the two empty: without this a job of /bin/true
costs the supervisor a quarter more (docs/performance.md). A file is used again only if it
is empty and nobody else has it open: that is what the grant of a write lease says (fcntl(2), F_SETLEASE).
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal

from proctracker.errors import DeniedByDrmsException
from proctracker.linux import netfs, trusted
from proctracker.model import JobRow
from proctracker.supervisor.processes.spawn import FULL, NOT_STARTED, StartFailed, StartLater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.store import Home

SPARE = 64
"""Empty files kept ready."""

FOLDERS = 64
"""Directories held open."""

_FILE = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_REMEDY = "name an output_dir that only you can change"


class Outputs:
    """Opens kept files, and takes empty ones back, below held directories without links."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folders: dict[str, int] = {}
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
            try:
                return self._open(path)
            except OSError as error:
                if error.errno != errno.ESTALE:
                    raise
                self._forget(path.rpartition("/")[0])  # another host has removed it: NFS tells only who uses it
                return self._open(path)
        except DeniedByDrmsException as error:
            raise StartFailed(NOT_STARTED, error.message) from None
        except OSError as error:
            if error.errno in FULL:
                raise StartLater(os.strerror(error.errno or 0)) from None
            raise StartFailed(NOT_STARTED, f"{path}: {error.strerror}") from None

    def _open(self, path: str) -> int:
        self._place(path, make=True)
        while self._ended and not self._spare:
            self.take_back(self._ended.pop())
        while self._spare:
            old, fd = self._spare.pop()
            try:
                self.rename(old, path)
                return fd
            except OSError:
                netfs.let_go(fd)  # somebody removed it, or it lies on another file system
        return _made(*self._place(path, make=True), path)

    def place(self, path: str) -> None:
        """Make a kept file's directory: a job on another machine makes the file. Raises StartFailed."""
        try:
            self._place(path, make=True)
        except DeniedByDrmsException as error:
            raise StartFailed(NOT_STARTED, error.message) from None
        except OSError as error:
            raise StartFailed(NOT_STARTED, f"{path}: {error.strerror}") from None

    def rename(self, old: str, new: str) -> None:
        """Give a kept file another name. Raises OSError, DeniedByDrmsException."""
        (source, name), (target, other) = self._place(old), self._place(new)
        os.rename(name, other, src_dir_fd=source, dst_dir_fd=target)

    def unlink(self, path: str) -> None:
        """Remove a kept file, if it is there."""
        try:
            folder, name = self._place(path)
            os.unlink(name, dir_fd=folder)
        except (OSError, DeniedByDrmsException):
            return

    def empty(self, row: JobRow, output_dir: str | None) -> None:
        """Make what an engine wrote of a start that failed the job's annotation, not its output."""
        for path in self.paths(row, output_dir):
            try:
                folder, name = self._place(path)
                os.close(os.open(name, _FILE | os.O_TRUNC, dir_fd=folder))
            except (OSError, DeniedByDrmsException):
                continue

    def ended(self, path: str) -> None:
        """Note an ended job's file for a later look, as those who wait come first."""
        self._ended.append(path)

    def tidy(self) -> None:
        """Look at the files of all jobs that have ended."""
        while self._ended:
            self.take_back(self._ended.pop())

    def take_back(self, path: str) -> None:
        """Take back a file that is empty and that nobody writes."""
        try:
            folder, name = self._place(path)
            fd = os.open(name, _FILE, dir_fd=folder)
        except (OSError, DeniedByDrmsException):
            return
        try:
            os.set_blocking(fd, True)
            found = os.fstat(fd)
            if found.st_size == 0 and trusted.is_own(found) and len(self._spare) < SPARE:
                fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
                fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
                self._spare.append((path, fd))
                return
        except OSError:
            pass  # somebody has it open, no leases are to be had, or its server does not answer: it is left as it is
        netfs.let_go(fd)

    def _place(self, path: str, make: bool = False) -> tuple[int, str]:
        """A kept file's directory, held, and its name in it. Raises OSError, DeniedByDrmsException."""
        folder, _, name = path.rpartition("/")
        return self._folder(folder, make), name

    def _folder(self, folder: str, make: bool = True) -> int:
        """A directory of kept files, held."""
        fd = self._folders.pop(folder, None)
        if fd is not None and make and _removed(fd):
            os.close(fd)
            fd = None
        if fd is None:
            above, _, block = folder.rpartition("/")
            if above == self._home.kept_dir:
                fd = trusted.below(self._home.held.fd(above), (block,), folder, _REMEDY, make=make)
            else:
                fd = trusted.hold(folder, _REMEDY, make=make)
        while len(self._folders) >= FOLDERS:
            os.close(self._folders.pop(next(iter(self._folders))))
        self._folders[folder] = fd  # the last one asked for comes last
        return fd

    def _forget(self, folder: str) -> None:
        """Hold a directory no longer."""
        fd = self._folders.pop(folder, -1)
        if fd >= 0:
            os.close(fd)

    def close(self) -> None:
        """Remove the files that are ready for nobody."""
        self.tidy()
        for path, fd in self._spare:
            netfs.let_go(fd)
            self.unlink(path)
        self._spare = []
        for fd in self._folders.values():
            os.close(fd)
        self._folders = {}


def _removed(folder: int) -> bool:
    """Whether somebody has removed a held directory, on NFS from any host."""
    try:
        return not os.fstat(folder).st_nlink
    except OSError as error:
        return error.errno == errno.ESTALE


def _made(folder: int, name: str, path: str) -> int:
    """Make a file, or empty an earlier start's.

    Raises DeniedByDrmsException for somebody else's.
    """
    try:
        return os.open(name, _FILE & ~os.O_NONBLOCK | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
    except FileExistsError:
        pass
    fd = -1
    try:
        fd = os.open(name, _FILE, dir_fd=folder)
        if not trusted.is_own(os.fstat(fd)):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.set_blocking(fd, True)
        os.ftruncate(fd, 0)
    except OSError:
        if fd >= 0:
            netfs.let_go(fd)
        raise DeniedByDrmsException(f"{path}: what is there is not a file of ours: move it away") from None
    return fd
