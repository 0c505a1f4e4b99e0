"""Functions of the C library: arguments, results, errors."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from proctracker.linux import libc


def test_a_word_may_be_a_number_bytes_memory_or_nothing(tmp_path: Path) -> None:
    memory = bytearray(256)
    assert libc.call("getpid") == os.getpid()
    assert libc.call("readlink", b"/proc/self", memory, len(memory)) == len(str(os.getpid()))
    assert memory.rstrip(b"\0") == b"%d" % os.getpid()
    assert libc.call("access", os.fsencode(tmp_path), os.R_OK) == 0


def test_an_error_is_raised_with_its_number() -> None:
    with pytest.raises(FileNotFoundError, match="No such file or directory") as caught:
        libc.call("access", b"/none/such", os.R_OK)
    assert caught.value.errno == errno.ENOENT
    with pytest.raises(OSError, match="Invalid argument"):
        libc.prctl(-1)


def test_prctl_returns_its_value() -> None:
    assert libc.prctl(libc.PR_GET_DUMPABLE) in (0, 1, 2)


def test_blocks_beyond_four_gigabytes(tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb") as file:
        libc.allocate(file.fileno(), libc.KEEP_SIZE, 2**33, 4096)
        assert os.fstat(file.fileno()).st_size == 0
        assert os.fstat(file.fileno()).st_blocks * 512 >= 4096
    with pytest.raises(OSError, match="Bad file descriptor"):
        libc.allocate(-1, 0, 0, 1)
