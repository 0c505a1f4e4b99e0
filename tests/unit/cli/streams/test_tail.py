"""Files that grow are shown once, whole, from where was asked."""

from __future__ import annotations

import os

import pytest

from proctracker.cli.streams import tail
from proctracker.cli.streams.sink import Lines
from proctracker.cli.streams.tail import Tail, follow
from proctracker.linux import holes


@pytest.mark.parametrize(
    ("lines", "shown"),
    [(0, b""), (1, b"c\n"), (2, b"b\nc\n"), (3, b"a\nb\nc\n"), (9, b"a\nb\nc\n")],
)
@pytest.mark.parametrize("part", [1, 2, 3, 1 << 18])
def test_the_last_lines(tmp_path, sink, monkeypatch, lines, shown, part):
    monkeypatch.setattr(tail, "_PART", part)
    (tmp_path / "f").write_bytes(b"a\nb\nc\n")
    it = Tail(str(tmp_path / "f"), Lines(sink[0]))
    assert it.skip_to(lines) == shown.count(b"\n")
    it.pump()
    assert sink[1]() == shown


@pytest.mark.parametrize(("lines", "shown"), [(0, b""), (1, b"d\n"), (2, b"c\nd\n"), (9, b"a\nb\nc\nd\n")])
def test_the_last_lines_of_several_files(tmp_path, sink, lines, shown):
    tails = [Tail(str(tmp_path / name), Lines(sink[0])) for name in ("o", "none", "e", "empty")]
    for name, text in {"o": b"a\nb\n", "e": b"c\nd\n", "empty": b""}.items():
        (tmp_path / name).write_bytes(text)
    tail.skip(tails, lines)
    for each in tails:
        each.all()
    assert sink[1]() == shown


def test_a_last_line_without_end_counts(tmp_path, sink):
    (tmp_path / "f").write_bytes(b"a\nb")
    it = Tail(str(tmp_path / "f"), Lines(sink[0]))
    it.skip_to(1)
    it.pump()
    assert sink[1]() == b"b"


def test_growth_is_shown_once_and_a_truncated_file_again(tmp_path, sink):
    path = tmp_path / "f"
    it = Tail(str(path), Lines(sink[0]))
    assert it.pump() is False
    path.write_bytes(b"one\n")
    assert it.pump() is True
    with path.open("ab") as file:
        file.write(b"two\n")
    it.pump()
    assert sink[1]() == b"one\ntwo\n"
    os.truncate(path, 0)
    it.pump()
    path.write_bytes(b"new\n")
    it.pump()
    assert sink[1]() == b"new\n"


def test_prefixes_stand_before_whole_lines(tmp_path, sink):
    path = tmp_path / "f"
    path.write_bytes(b"a\nb")
    it = Tail(str(path), Lines(sink[0], b"7: "))
    it.pump()
    assert sink[1]() == b"7: a\n"
    with path.open("ab") as file:
        file.write(b"c")
    it.pump()
    it.close()
    assert sink[1]() == b"7: bc\n"


def test_what_is_no_file_is_left_alone(tmp_path, sink):
    os.mkfifo(tmp_path / "fifo")
    assert Tail(str(tmp_path / "fifo"), Lines(sink[0])).pump() is False
    assert Tail("/dev/null", Lines(sink[0])).pump() is False


def test_following_ends_when_told_and_shows_what_came_last(tmp_path, sink):
    path = tmp_path / "f"
    path.write_bytes(b"first\n")
    read_end, write_end = os.pipe()
    tails = [Tail(str(path), Lines(sink[0]))]
    calls = []

    def wake(ready: list[int]) -> bool:
        calls.append(ready)
        if not ready:
            with path.open("ab") as file:
                file.write(b"last\n")
            os.write(write_end, b"x")
        return read_end in ready

    follow(lambda: tails, lambda: [read_end], wake)
    os.close(read_end)
    os.close(write_end)
    assert sink[1]() == b"first\nlast\n"


def test_what_another_job_writes_into_a_file_that_was_used_again_is_not_shown(tmp_path, sink):
    path = tmp_path / "1.1.err"
    path.write_bytes(b"")
    it = Tail(str(path), Lines(sink[0]), kept=True)
    it.pump()
    path.rename(tmp_path / "2.1.out")
    (tmp_path / "2.1.out").write_bytes(b"not mine\n")
    assert it.pump() is False
    assert sink[1]() == b""


def test_appended_output_begins_behind_what_was_there(tmp_path, sink):
    path = tmp_path / "f"
    path.write_bytes(b"old\nnew\n")
    it = Tail(str(path), Lines(sink[0]))
    it.begin_at(4)
    it.pump()
    assert sink[1]() == b"new\n"


@pytest.fixture
def holed(tmp_path):
    """A file of numbered lines with a hole in the middle; how many bytes that is."""
    path = tmp_path / "kept"
    path.write_bytes(b"".join(b"%15d\n" % number for number in range(1 << 14)))
    holes.punch(str(path), 1 << 14)
    with path.open("rb") as file:
        [(_, begin), (end, _)] = holes.extents(file.fileno())
    return path, end - begin


@pytest.mark.parametrize("part", [1000, 1 << 18])
@pytest.mark.parametrize("lines", [None, 2, 700, 1 << 20])
def test_a_hole_is_left_out_and_told_of_where_it_would_have_been_shown(holed, sink, monkeypatch, lines, part):
    monkeypatch.setattr(tail, "_PART", part)
    path, size = holed
    told = []
    it = Tail(str(path), Lines(sink[0]), limit=1 << 14, tell=told.append)
    if lines is not None:
        it.skip_to(lines)
    it.pump()
    it.close()
    whole = [int(line) for line in path.read_bytes().replace(b"\0", b"").split(b"\n") if line.strip()]
    shown = [int(line) for line in sink[1]().split()]
    assert shown == whole[-(lines or len(whole)) :]
    assert told == ([] if lines == 2 else [size])


def test_who_is_ahead_of_the_hole_misses_nothing(tmp_path, sink):
    path = tmp_path / "kept"
    path.write_bytes(b"x" * (1 << 15))
    told = []
    it = Tail(str(path), Lines(sink[0]), limit=1 << 14, tell=told.append)
    it.pump()
    holes.punch(str(path), 1 << 14)
    with path.open("ab") as file:
        file.write(b"new\n")
    it.pump()
    it.close()
    assert sink[1]() == b"x" * (1 << 15) + b"new\n"
    assert told == []


@pytest.mark.parametrize("other", [False, True])
def test_a_file_that_the_output_goes_into_is_not_shown(tmp_path, other):
    path, link = tmp_path / "f", tmp_path / "link"
    path.write_bytes(b"once\n")
    link.symlink_to("f")
    with path.open("ab") as file, open(os.devnull, "wb") as null:
        # Shown on another descriptor, it would grow by what is shown of that one.
        lines = Lines(null.fileno(), sinks=(null.fileno(), file.fileno())) if other else Lines(file.fileno())
        it = Tail(str(link), lines)
        assert it.pump() is False
        it.all()
        assert it.itself
    assert path.read_bytes() == b"once\n"


def test_others_have_their_turn(tmp_path, sink, monkeypatch):
    monkeypatch.setattr(tail, "_PART", 4)
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    it = Tail(str(path), Lines(sink[0]))
    assert it.pump(8) is True
    assert sink[1]() == b"01234567"
    it.all()
    assert sink[1]() == b"89"


def test_the_end_is_where_it_was_when_it_was_asked_for(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"a\n")

    class Growing(Lines):
        def show(self, data):
            with path.open("ab") as file:
                file.write(data)

    Tail(str(path), Growing(1)).all()
    assert path.read_bytes() == b"a\na\n"
