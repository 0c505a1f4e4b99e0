"""The logger's shell, run as containerd runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from proctracker.runtimes import logger


def script(uri: str) -> list[str]:
    """The command that containerd makes of a binary URI."""
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("binary", "")
    return [parts.path, *[word for key, values in parse_qs(parts.query).items() for word in (key, *values)]]


ARRANGE = """
import fcntl, os, sys
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 900) for fd in sys.argv[1:4]]
os.closerange(3, 900)
for at, fd in enumerate(high):
    os.dup2(fd, 3 + at)
    os.close(fd)
os.execv(sys.argv[4], sys.argv[4:])
"""
"""Puts the pipes where containerd has them."""


def run(folder: Path, output: Path, error: Path, append: bool = False) -> None:
    """Write "out" and "err" through it, once it says that it is ready."""
    for path, content in logger.files(str(folder), str(output), str(error)).items():
        Path(path).write_bytes(content)
    out, err, ready = os.pipe(), os.pipe(), os.pipe()

    argv = script(logger.uri(str(folder), append, output == error))
    fds = (out[0], err[0], ready[1])
    words = [sys.executable, "-c", ARRANGE, *map(str, fds), *argv]
    process = subprocess.Popen(words, pass_fds=fds)
    for fd in fds:
        os.close(fd)
    assert os.read(ready[0], 1) == b""
    os.close(ready[0])
    for path in logger.files(str(folder), "", ""):
        os.unlink(path)
    process.terminate()
    os.write(out[1], b"out\n")
    os.write(err[1], b"err\n")
    os.close(out[1])
    os.close(err[1])
    assert process.wait(10) == 0


@pytest.mark.parametrize("name", ["plain", "a b'c\"$(touch x)\n`d`;e%", "trailing\n\n", "\udcff"])
def test_paths_are_data(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    run(folder, tmp_path / f"o{name}", tmp_path / f"e{name}")
    assert (tmp_path / f"o{name}").read_bytes() == b"out\n"
    assert (tmp_path / f"e{name}").read_bytes() == b"err\n"
    assert len(list(tmp_path.iterdir())) == 3
    assert list(folder.iterdir()) == []


def test_one_file_for_both(tmp_path: Path) -> None:
    run(tmp_path, tmp_path / "both", tmp_path / "both")
    assert sorted((tmp_path / "both").read_bytes().splitlines()) == [b"err", b"out"]


@pytest.mark.parametrize(("append", "expected"), [(True, b"old\nout\n"), (False, b"out\n")])
def test_append_keeps_what_is_there(tmp_path: Path, append: bool, expected: bytes) -> None:
    (tmp_path / "o").write_bytes(b"old\n")
    run(tmp_path, tmp_path / "o", tmp_path / "e", append)
    assert (tmp_path / "o").read_bytes() == expected


def test_a_full_disk_does_not_end_the_job(tmp_path: Path) -> None:
    run(tmp_path, Path("/dev/full"), tmp_path / "e")
    assert (tmp_path / "e").read_bytes() == b"err\n"
