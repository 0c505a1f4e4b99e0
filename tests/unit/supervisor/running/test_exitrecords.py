"""Records that jobs write of themselves."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.running import exitrecords
from proctracker.supervisor.running.exitrecords import ExitRecords


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def _written(folder: Path, name: str, text: str) -> None:
    (folder / ".new").write_text(text)
    (folder / ".new").rename(folder / name)


def test_what_is_new_is_told_once(loop: Loop, tmp_path: Path) -> None:
    records = ExitRecords(loop, str(tmp_path), lambda names: None)
    assert records.changed() == []
    _written(tmp_path, "a.0", "1")
    assert records.changed() == ["a.0"]
    assert records.changed() == []


def test_what_was_replaced_is_told_again(loop: Loop, tmp_path: Path) -> None:
    records = ExitRecords(loop, str(tmp_path), lambda names: None)
    _written(tmp_path, "a.0", "state running")
    assert records.changed() == ["a.0"]
    _written(tmp_path, "a.0", "state ended")
    assert records.changed() == ["a.0"]
    assert records.read("a.0") == "state ended"


def test_what_came_with_the_same_time_is_seen(loop: Loop, tmp_path: Path) -> None:
    """Some file systems count whole seconds: a second record of the same one does not change the directory's time."""
    records = ExitRecords(loop, str(tmp_path), lambda names: None)
    second = int(time.time())
    _written(tmp_path, "a.0", "1")
    os.utime(tmp_path, (second, second))
    assert records.changed() == ["a.0"]
    _written(tmp_path, "b.0", "2")
    os.utime(tmp_path, (second, second))
    assert records.changed() == ["b.0"]


def test_half_ones_are_none(loop: Loop, tmp_path: Path) -> None:
    records = ExitRecords(loop, str(tmp_path), lambda names: None)
    (tmp_path / ".a.0.n1.77").write_text("st")
    assert records.changed() == [] == records.all()


def test_a_removed_directory_tells_nothing(loop: Loop, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    records = ExitRecords(loop, str(folder), lambda names: None)
    _written(folder, "a.0", "1")
    records.changed()
    (folder / "a.0").unlink()
    folder.rmdir()
    assert records.changed() == [] == records.all()
    assert records.read("a.0") is None
    folder.mkdir()
    _written(folder, "a.0", "1")
    assert records.changed() == ["a.0"]


def test_no_links_are_followed(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "a.0").symlink_to(tmp_path / "secret")
    assert ExitRecords(loop, str(folder), lambda names: None).read("a.0") is None


def test_told_within_a_period(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exitrecords, "PERIOD", 0.02)
    came: list[str] = []
    records = ExitRecords(loop, str(tmp_path), came.extend)
    records.begin()
    loop.round()
    _written(tmp_path, "a.0", "1")
    while not came:
        loop.round()
    assert came == ["a.0"]
    records.drop(["a.0", "never"])
    assert records.all() == []
    records.rest()
    assert loop._wait() is None
