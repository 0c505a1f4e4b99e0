"""One inotify for all: who is called for what, once or always."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctracker.linux import inotify
from proctracker.linux.inotify import APPEARS, CREATE, MODIFY, ONESHOT
from proctracker.supervisor.base.files import Files
from proctracker.supervisor.base.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def files(loop: Loop) -> Iterator[Files]:
    made = Files(loop)
    yield made
    made.close()


def test_every_watch_of_a_directory_is_called_with_the_name(loop: Loop, files: Files, tmp_path: Path) -> None:
    said: list[str] = []
    first = files.watch(str(tmp_path), CREATE, lambda name: said.append(f"1 {name}"))
    files.watch(str(tmp_path), CREATE, lambda name: said.append(f"2 {name}"))
    (tmp_path / "a").touch()
    loop.round()
    assert said == ["1 a", "2 a"]
    files.forget(first)
    files.forget(first)
    files.forget(None)
    (tmp_path / "b").touch()
    loop.round()
    assert said[2:] == ["2 b"]


def test_one_that_is_called_once_may_be_set_anew(loop: Loop, files: Files, tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "log"
    path.touch()

    def wrote(name: str) -> None:
        said.append(name)
        if len(said) < 2:
            files.watch(str(path), MODIFY | ONESHOT, wrote)

    watched = files.watch(str(path), MODIFY | ONESHOT, wrote)
    for _ in range(4):
        with path.open("a") as file:
            file.write("x")
        loop.after(0, lambda: None)
        loop.round()
    assert said == ["", ""]
    assert not watched.live
    assert files._watched == {}


def test_a_watch_that_another_ends_is_not_called(loop: Loop, files: Files, tmp_path: Path) -> None:
    said: list[str] = []
    files.watch(str(tmp_path), CREATE, lambda name: files.forget(second))
    second = files.watch(str(tmp_path), CREATE, said.append)
    (tmp_path / "a").touch()
    loop.round()
    assert said == []


def test_lost_events_call_everybody(loop: Loop, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    (tmp_path / "log").touch()
    files.watch(str(tmp_path), APPEARS, lambda name: said.append(f"folder{name}"))
    files.watch(str(tmp_path / "log"), MODIFY | ONESHOT, lambda name: said.append(f"file{name}"))
    lost = [inotify.Event(-1, inotify.OVERFLOW, "")]
    monkeypatch.setattr(inotify.Inotify, "read", lambda self: lost)
    (tmp_path / "a").touch()
    loop.round()
    assert said == ["folder", "file"]


def test_one_descriptor_from_the_first_watch_to_the_end(loop: Loop, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    files = Files(loop)
    assert len(os.listdir("/proc/self/fd")) == before
    files.watch(str(tmp_path), CREATE, lambda name: None)
    with pytest.raises(FileNotFoundError):
        files.watch(str(tmp_path / "none"), CREATE, lambda name: None)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    files.close()
    files.close()
    assert len(os.listdir("/proc/self/fd")) == before
