"""Where a job's output is read from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import DrmCommunicationException, InvalidArgumentException
from proctracker.linux import holes
from proctracker.model import JobRow, JobState
from proctracker.store import Home, Store
from proctracker.tracker import output
from proctracker.tracker.place import Place
from stores import submit


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(Home(str(tmp_path / "home")))
    yield made
    made.close()


@pytest.fixture
def place(store: Store) -> Place:
    return Place(store.home.path)


def started(store: Store, **values: Any) -> JobRow:
    return submit(store, dispatched=1.0, state=3, host=store.home.host, **values)[0]


def test_kept_files(store: Store, place: Place) -> None:
    row = started(store)
    for stream in ("out", "err"):
        path = Path(store.home.kept(row.id, 1, stream))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(stream.encode() + b"\xff")
    assert (output.read(place, row), output.read(place, row, "stderr")) == (b"out\xff", b"err\xff")


def test_a_kept_file_with_a_hole(store: Store, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    row = started(store)
    monkeypatch.setattr(place.hosts, "spec", lambda row: {"output_limit": 1 << 14})
    for stream in ("out", "err"):
        path = Path(store.home.kept(row.id, 1, stream))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * (1 << 16))
        holes.punch(str(path), 1 << 14)
    assert output.read(place, row) == output.read(place, row, "stderr") == b"x" * (3 << 12)


def test_files_of_its_own(store: Store, place: Place, tmp_path: Path) -> None:
    path = tmp_path / "both"
    path.write_text("x")
    row = started(store, output=str(path), error=str(path))
    assert (output.read(place, row), output.read(place, row, "stderr")) == (b"x", b"")


def test_before_the_start_there_is_none(store: Store, place: Place) -> None:
    assert output.read(place, submit(store)[0]) == b""
    for state in (JobState.QUEUED, JobState.REQUEUED):
        row = submit(store, dispatched=1.0, container="c", runtime="podman", state=int(state))[0]
        assert output.read(place, row) == b""


def test_a_start_that_failed_left_none(store: Store, place: Place) -> None:
    assert output.read(place, started(store, exit_status=127, annotation="no such command")) == b""


def test_a_kept_file_that_stayed_empty_was_given_to_another_job(store: Store, place: Place) -> None:
    row = started(store, exit_status=0, finished=2.0)
    assert (output.read(place, row), output.read(place, row, "stderr")) == (b"", b"")


def test_a_file_that_has_gone(store: Store, place: Place, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentException, match="has gone"):
        output.read(place, started(store, output=str(tmp_path / "gone")))
    with pytest.raises(InvalidArgumentException, match="directory"):
        output.read(place, started(store, output=str(tmp_path)))


def test_a_stream_that_is_none(store: Store, place: Place) -> None:
    with pytest.raises(InvalidArgumentException, match="stdout or stderr"):
        output.read(place, started(store), "stdin")


def test_the_engines_log(store: Store, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "podman"
    program.write_text("#!/bin/sh\necho out; echo err >&2\n")
    program.chmod(0o755)
    row = started(store, container="c", runtime="podman")
    spec: dict[str, Any] = {"engine": {"command": [str(program)], "env": {"PATH": os.environ["PATH"]}}}
    monkeypatch.setattr(place.hosts, "spec", lambda row: spec)
    assert (output.read(place, row), output.read(place, row, "stderr")) == (b"out\n", b"err\n")
    spec["join"] = True
    assert (output.read(place, row), output.read(place, row, "stderr")) == (b"out\nerr\n", b"")
    program.write_text("#!/bin/sh\necho no such container >&2; exit 1\n")
    with pytest.raises(DrmCommunicationException, match="no such container"):
        output.read(place, row)


def test_output_saved_just_as_the_container_went(store: Store, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    row = started(store, container="c", runtime="podman")
    store.update(JobRow(**{**vars(row), "saved": 1}), ["saved"])
    path = Path(store.home.kept(row.id, 1, "out"))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"kept")

    def gone(*args: object) -> bytes:
        raise DrmCommunicationException("no such container")

    monkeypatch.setattr(output, "_from_engine", gone)
    assert output.read(place, row) == b"kept"


def test_a_log_cut_off_as_the_container_went(store: Store, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    row = started(store, container="c", runtime="podman")
    path = Path(store.home.kept(row.id, 1, "out"))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"first last")

    def cut(*args: object) -> bytes:
        store.update(JobRow(**{**vars(row), "saved": 1}), ["saved"])
        return b"first"

    monkeypatch.setattr(output, "_from_engine", cut)
    assert output.read(place, row) == b"first last"
