"""Reading kept output with a hole in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctracker.linux import holes

SIZE, LIMIT = 1 << 20, 1 << 17


@pytest.fixture
def data() -> bytes:
    return b"".join(b"%15d\n" % number for number in range(SIZE // 16))


@pytest.fixture
def fd(tmp_path: Path, data: bytes) -> Iterator[int]:
    """A file with a hole where its middle was."""
    path = tmp_path / "file"
    path.write_bytes(data)
    holes.punch(str(path), LIMIT)
    opened = os.open(path, os.O_RDWR)
    yield opened
    os.close(opened)


def test_the_hole_is_left_out(fd: int, data: bytes) -> None:
    first, second = holes.extents(fd)
    assert (first, second) == ((0, LIMIT // 4), (SIZE - LIMIT // 2, SIZE))
    assert holes.read_all(fd) == data[: first[1]] + data[second[0] :]
    assert holes.read(fd, 0, 100) == (0, data[:100])
    assert holes.read(fd, first[1] - 10, 100) == (first[1] - 10, data[first[1] - 10 : first[1]])
    assert holes.read(fd, first[1] + 1, 100) == (second[0], data[second[0] :][:100])
    assert holes.read(fd, SIZE, 100) == (SIZE, b"")


def test_a_file_without_a_hole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"all")
    with open(tmp_path / "file", "rb") as file:
        assert (holes.read_all(file.fileno()), holes.extents(file.fileno())) == (b"all", [(0, 3)])


def test_a_hole_that_is_made_while_it_is_read(fd: int, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    os.pwrite(fd, data, 0)
    real = os.pread

    def read(fd: int, most: int, at: int) -> bytes:
        monkeypatch.undo()
        holes.punch(os.readlink(f"/proc/self/fd/{fd}"), LIMIT)
        return real(fd, most, at)

    monkeypatch.setattr(os, "pread", read)
    assert holes.read(fd, 0, SIZE) == (0, data[: LIMIT // 4])


def test_a_pipe_has_no_holes() -> None:
    ends = os.pipe()
    with pytest.raises(OSError, match="Illegal seek"):
        holes.extents(ends[0])
    for each in ends:
        os.close(each)
