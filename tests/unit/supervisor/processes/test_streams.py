"""Streams of what is started, and one file met under two names."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proctracker.runtimes.base import Launch
from proctracker.supervisor.processes import streams
from proctracker.supervisor.processes.command import StartFailed, StartLater


def _fds() -> set[str]:
    """What is open, less the directory listed to know."""
    return {fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """All descriptors are closed again."""
    before = _fds()
    yield
    assert _fds() == before


def _launch(here: Path, **plan: object) -> Launch:
    return Launch("supervised", ("true",), directory=str(here), **plan)  # type: ignore[arg-type]


def _close(fds: tuple[int, int, int]) -> None:
    for fd in {*fds}:
        os.close(fd)


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize(
    ("other", "make"),
    [
        ("./K", lambda here: None),
        ("sub/../K", lambda here: (here / "sub").mkdir()),
        ("link", lambda here: (here / "link").symlink_to("K")),
        ("hard", lambda here: ((here / "K").touch(), os.link(here / "K", here / "hard"))),
    ],
)
def test_one_file_by_two_names_is_opened_once(
    tmp_path: Path, other: str, make: Callable[[Path], object], append: bool
) -> None:
    make(tmp_path)
    (tmp_path / "K").write_text("old\n")
    found = streams.open_streams(_launch(tmp_path, stdout="K", stderr=other, append=append), None)
    os.write(found[1], b"long output\n")
    os.write(found[2], b"error\n")
    _close(found)
    assert (tmp_path / "K").read_text() == ("old\n" if append else "") + "long output\nerror\n"


def test_two_files_are_two(tmp_path: Path) -> None:
    (tmp_path / "err").write_text("old\n")
    found = streams.open_streams(_launch(tmp_path, stdout="out", stderr="err"), None)
    assert found[1] != found[2]
    _close(found)
    assert (tmp_path / "err").read_text() == ""


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_an_output_that_is_the_input_is_not_emptied(tmp_path: Path, stream: str, append: bool) -> None:
    (tmp_path / "F").write_text("data\n")
    os.link(tmp_path / "F", tmp_path / "G")
    with pytest.raises(StartFailed, match="G: it is the input too"):
        streams.open_streams(_launch(tmp_path, stdin="F", append=append, **{stream: "G"}), None)
    assert (tmp_path / "F").read_text() == "data\n"


def test_devices_may_be_all_three(tmp_path: Path) -> None:
    _close(streams.open_streams(_launch(tmp_path, stdin="/dev/null", stdout="/dev/null", stderr="/dev//null"), None))


def test_a_file_that_cannot_be_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, size: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(StartFailed, match="out: Operation not permitted"):
        streams.open_streams(_launch(tmp_path, stdout="out"), None)


def test_too_many_open_files_is_for_later(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(fd) for fd in os.listdir("/proc/self/fd"))
    fillers = [os.dup(0)]
    while fillers[-1] < highest + 1:
        fillers.append(os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, hard))
    try:
        with pytest.raises(StartLater, match="Too many open files"):
            streams.open_streams(_launch(tmp_path, stdout="out", stderr="err"), None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in fillers:
            os.close(fd)
