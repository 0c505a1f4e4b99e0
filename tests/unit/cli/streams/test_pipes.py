"""One stream of an engine's log."""

import os

import pytest

from proctracker.cli.streams.pipes import Counter, Pipe
from proctracker.cli.streams.sink import Lines


@pytest.fixture
def shown(tmp_path):
    """A descriptor, and what has come there."""
    with open(tmp_path / "shown", "w+b", buffering=0) as file:

        def told():
            return (tmp_path / "shown").read_bytes()

        yield file.fileno(), told


@pytest.mark.parametrize("copy", [b"one\ntwo\nthree\n", b"other\n", b"one\n"])
def test_a_copy_completes_what_it_begins_with(shown, tmp_path, copy):
    fd, told = shown
    pipe = Pipe(Lines(fd))
    pipe.show(b"one\nt")
    (tmp_path / "copy").write_bytes(copy)
    pipe.complete(os.fspath(tmp_path / "copy"))
    assert told() == (copy if copy.startswith(b"one\nt") else b"one\nt")


def test_of_nothing_all_is_missing(shown, tmp_path):
    fd, told = shown
    (tmp_path / "copy").write_bytes(b"all")
    Pipe(Lines(fd)).complete(os.fspath(tmp_path / "copy"))
    assert told() == b"all"


def test_what_comes_again_is_not_shown_twice(shown):
    fd, told = shown
    pipe = Pipe(Lines(fd), skip=1)
    pipe.show(b"zero\none\ntw")
    pipe.again()
    for part in (b"zero\n", b"one\n", b"two\nth", b""):
        pipe.show(part)
    pipe.again()
    pipe.show(b"zero\none\ntwo\nthree\n")
    assert told() == b"one\ntwo\nthree\n"


def test_lines_are_counted():
    counter = Counter()
    for part in (b"a\nb", b"\nc", b""):
        counter.show(part)
    assert counter.lines == 3
