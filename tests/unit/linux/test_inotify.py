"""Being told of files."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from proctracker.linux import inotify


@pytest.fixture
def watcher() -> Iterator[inotify.Inotify]:
    with closing(inotify.Inotify()) as made:
        yield made


def test_a_file_that_appears(watcher: inotify.Inotify, tmp_path: Path) -> None:
    watch = watcher.add(str(tmp_path), inotify.APPEARS)
    assert watcher.read() == []
    (tmp_path / "pid").write_text("7")
    assert select.select([watcher], [], [], 5)[0] == [watcher]
    events = watcher.read()
    assert {(event.watch, event.name) for event in events} == {(watch, "pid")}
    assert [event.mask for event in events] == [inotify.CREATE, inotify.CLOSE_WRITE]


def test_a_file_renamed_into_place(watcher: inotify.Inotify, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    watcher.add(str(tmp_path / "folder"), inotify.APPEARS)
    (tmp_path / "new").write_text("7")
    (tmp_path / "new").rename(tmp_path / "folder" / "pid")
    assert [(event.mask, event.name) for event in watcher.read()] == [(inotify.MOVED_TO, "pid")]


def test_a_file_that_grows(watcher: inotify.Inotify, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    watch = watcher.add(str(log), inotify.GROWS)
    with log.open("a") as file:
        file.write("line\n")
    assert [(event.watch, event.mask, event.name) for event in watcher.read()] == [
        (watch, inotify.MODIFY, ""),
        (watch, inotify.CLOSE_WRITE, ""),
    ]


def test_a_watch_taken_back(watcher: inotify.Inotify, tmp_path: Path) -> None:
    watch = watcher.add(str(tmp_path), inotify.APPEARS)
    watcher.remove(watch)
    watcher.remove(watch)
    (tmp_path / "pid").touch()
    assert watcher.read() == []


def test_names_of_any_bytes(watcher: inotify.Inotify, tmp_path: Path) -> None:
    watcher.add(str(tmp_path), inotify.CREATE)
    with open(os.fsencode(str(tmp_path)) + b"/a \xff\n", "w"):
        pass
    assert [os.fsencode(event.name) for event in watcher.read()] == [b"a \xff\n"]


def test_a_missing_path_is_an_error(watcher: inotify.Inotify, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        watcher.add(str(tmp_path / "missing"), inotify.GROWS)


def test_the_descriptor_is_ours_alone(watcher: inotify.Inotify) -> None:
    assert not os.get_inheritable(watcher.fileno())
    assert not os.get_blocking(watcher.fileno())
    watcher.close()
    watcher.close()
