"""Reads the data of a file with a hole in it (lseek(2), SEEK_DATA)."""

from __future__ import annotations

import errno
import os

_PART = 1 << 20


def read(fd: int, at: int, most: int) -> tuple[int, bytes]:
    """Return data from an offset on and where it begins, behind a hole, or no bytes at the end."""
    while True:
        begin, end = _extent(fd, at)
        data = os.pread(fd, min(most, end - begin), begin)
        now = _extent(fd, begin)
        if now[0] == begin and now[1] >= begin + len(data):
            return begin, data  # else the hole has grown meanwhile, and these are its zeros


def read_all(fd: int) -> bytes:
    """All the data of a file."""
    found: list[bytes] = []
    at = 0
    while True:
        begin, data = read(fd, at, _PART)
        if not data:
            return b"".join(found)
        found.append(data)
        at = begin + len(data)


def extents(fd: int) -> list[tuple[int, int]]:
    """Where there are data, as (begin, end) in order."""
    found: list[tuple[int, int]] = []
    end = 0
    while True:
        begin, end = _extent(fd, end)
        if begin == end:
            return found
        found.append((begin, end))


def punch(path: str, limit: int) -> int:
    """Free the middle of a file and return what it takes then.

    Its first quarter of the limit stays, and its newest half of it. Raises OSError, EOPNOTSUPP where its file system
    knows no holes.
    """
    from proctracker.linux import libc  # here: who only reads loads no ctypes

    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        found = os.fstat(fd)
        block = found.st_blksize
        begin = -(-(limit // 4) // block) * block
        length = (found.st_size - limit // 2) // block * block - begin
        if length > 0:
            libc.allocate(fd, libc.KEEP_SIZE | libc.PUNCH_HOLE, begin, length)
        return os.fstat(fd).st_blocks * 512
    finally:
        os.close(fd)


def _extent(fd: int, at: int) -> tuple[int, int]:
    """Return the first data at or behind an offset, or the end of the file twice."""
    try:
        begin = os.lseek(fd, at, os.SEEK_DATA)
        return begin, os.lseek(fd, begin, os.SEEK_HOLE)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        end = max(at, os.fstat(fd).st_size)
        return end, end
