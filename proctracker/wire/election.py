"""At most one supervisor per state directory, host and confinement: who may be it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterable

from proctracker.linux import claims
from proctracker.linux.textfile import text_of

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO, errno.EACCES, errno.EPERM)
"""What flock(2) says on file systems without a lock service."""


def lock_path(run: str, key: str) -> str:
    """Return the file whose lock the seat holds, and under which alone it is removed."""
    return os.path.join(run, f"{key}.lock")


def claim(run: str, key: str) -> int | None:
    """Try to become the supervisor, and return the claim's descriptor or None.

    The claim passes on with the descriptor, over fork and exec, and ends with its last copy. Where locks do not work
    the descriptor is that of a directory, and it is the processes told to ``hold`` that count. Neither blocks.
    Raises OSError where the run directory cannot be written.
    """
    fd = os.open(lock_path(run, key), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    locked = False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # One that was removed in between is nobody's seat: whoever comes next makes another.
        locked = claims.same(fd, lock_path(run, key)) and not claims.alive(_owners(run, key))
        if locked:
            hold(fd, [os.getpid()])
            return fd
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        if not claims.alive(os.pread(fd, 4096, 0).decode("ascii", "replace").splitlines()):
            return _claim_directory(run, key)
    finally:
        if not locked:
            os.close(fd)
    return None


def hold(fd: int, pids: Iterable[int]) -> None:
    """Record which processes sit in this seat, whenever that changes."""
    text = _lines(pids)
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        claims.write(fd, "owners", text)
    else:
        with contextlib.suppress(OSError):  # a full disk: the lock counts, the text only tells of it
            os.pwrite(fd, text, 0)
            os.ftruncate(fd, len(text))


def holders(run: str, key: str) -> list[int]:
    """Return the living processes that sit in the seat, as recorded."""
    return claims.alive([*text_of(lock_path(run, key)).splitlines(), *_owners(run, key)])


def nameless(run: str, key: str, socket: str) -> int:
    """Return the supervisor that lives without a socket, or 0.

    One that is about to leave (``.going``) counts as none.
    """
    if os.path.exists(socket) or os.path.exists(f"{socket}.going"):
        return 0
    return next(iter(holders(run, key)[::-1]), 0) or _locker(lock_path(run, key))


def _locker(path: str) -> int:
    """Return the process that locked a file (proc_locks(5)), dead or alive, or 0."""
    try:
        found = os.stat(path)
    except OSError:
        return 0
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    lines = (line.split() for line in text_of("/proc/locks").splitlines())
    return next((int(line[4]) for line in lines if line[1:2] == ["FLOCK"] and line[5] == place), 0)


def forget(fd: int, run: str, key: str) -> None:
    """Remove what is left of a supervisor that nobody needs any more, its claim being held."""
    if stat.S_ISREG(os.fstat(fd).st_mode):
        for name in ("settings", "sock", "sock.going", "lock"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(run, f"{key}.{name}"))


def release(fd: int) -> None:
    """Leave the seat at once, though other copies of the descriptor may still be open.

    A file server that refuses something of it, late or as the directory was removed there, keeps nobody.
    """
    with contextlib.suppress(OSError):
        _empty(fd)
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)
    with contextlib.suppress(OSError):
        os.close(fd)


def _empty(fd: int) -> None:
    """Name nobody in a seat."""
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        claims.write(fd, "owners", b"")
    else:
        os.ftruncate(fd, 0)


def _claim_directory(run: str, key: str) -> int | None:
    """Claim without locks: of KEY.lock.1, .2 … the highest is the seat, while an owner lives.

    The highest is never removed, only emptied of owners: a claimant that was slow always finds the one above it.
    """
    seats = _seats(run, key)
    if claims.alive(_owners(run, key)):
        return None
    number = seats[-1] + 1 if seats else 1
    fd = claims.settle(f"{lock_path(run, key)}.{number}", "owners", _lines([os.getpid()]))
    if fd is None:
        return None
    now = _seats(run, key)
    if now[-1:] == [number] and claims.same(fd, f"{lock_path(run, key)}.{number}"):
        import shutil  # here, as every client loads this module and hardly any comes by

        for old in now[:-1]:
            shutil.rmtree(f"{lock_path(run, key)}.{old}", ignore_errors=True)
        return fd
    os.close(fd)
    return None


def _seats(run: str, key: str) -> list[int]:
    """The numbers of the lock directories, the valid one last."""
    pattern = re.compile(re.escape(f"{key}.lock.") + r"(\d+)")
    try:
        found = [pattern.fullmatch(name) for name in os.listdir(run)]
    except (FileNotFoundError, NotADirectoryError):
        return []  # nobody has ever been here
    return sorted(int(match[1]) for match in found if match)


def _owners(run: str, key: str) -> list[str]:
    """Return the owners of the highest lock directory."""
    return [
        line for seat in _seats(run, key)[-1:] for line in text_of(f"{lock_path(run, key)}.{seat}/owners").splitlines()
    ]


def _lines(pids: Iterable[int]) -> bytes:
    return "".join(f"{line}\n" for line in map(claims.owner, pids) if line).encode("ascii")
