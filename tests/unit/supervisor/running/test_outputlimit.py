"""Kept output that outgrows its limit."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proctracker.linux import clock, libc
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.running import outputlimit
from supervising import Desk

LIMIT = 1 << 17
SIZE = 1 << 20


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow one another at once."""
    monkeypatch.setattr(outputlimit, "AGAIN", 0.0)
    monkeypatch.setattr(outputlimit, "TOGETHER", 0.01)


def _file(desk: Desk, job: Job, stream: str = "out") -> Path:
    return Path(desk.home.kept(job.row.id, job.row.attempt, stream))


def _used(path: Path) -> int:
    return path.stat().st_blocks * 512


def _sleeper(desk: Desk, **more: Any) -> Job:
    job = desk.submit("sleep", "600", **{"output_limit": LIMIT, **more})
    desk.running(job)
    return job


def _watched(desk: Desk, count: int) -> None:
    desk.until(lambda: len(desk.service.output_limits._watched) == count, "the watches")


def _write(path: Path, size: int = SIZE) -> None:
    """What the job itself would write."""
    with open(path, "ab") as file:
        file.write(b"x" * size)


def test_the_middle_of_what_is_too_much_becomes_a_hole(desk: Desk) -> None:
    job = _sleeper(desk)
    _watched(desk, 2)
    path = _file(desk, job)
    for round in (1, 2):
        _write(path)
        desk.until(lambda: _used(path) <= LIMIT, "the hole")
        assert path.stat().st_size == round * SIZE
        _watched(desk, 2)
    data = path.read_bytes()
    begin, end = data.index(b"\0"), data.rindex(b"\0") + 1
    assert (begin, end) == (LIMIT // 4, 2 * SIZE - LIMIT // 2)
    assert data[begin:end].strip(b"\0") == b""
    assert _used(_file(desk, job, "err")) == 0


def test_what_is_within_the_limit_stays_and_is_looked_at_again(desk: Desk) -> None:
    job = _sleeper(desk)
    _watched(desk, 2)
    _write(_file(desk, job, "err"), 5)
    _watched(desk, 1)
    assert job.timers["err"].due <= clock.boottime() + 1
    _watched(desk, 2)
    assert _file(desk, job, "err").read_bytes() == b"xxxxx"


def test_a_job_that_writes_nothing_wakes_nobody(desk: Desk) -> None:
    jobs = [_sleeper(desk) for _ in range(3)]
    _watched(desk, 6)
    assert not desk.service.output_limits._young
    assert not any({"out", "err"} & {*job.timers} for job in jobs)


def test_nothing_is_done_before_a_file_can_have_reached_the_limit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputlimit, "TOGETHER", 1000.0)
    job = _sleeper(desk, output_limit=100 * outputlimit.RATE)
    other = _sleeper(desk, output_limit=100 * outputlimit.RATE)
    [(due, names)] = desk.service.output_limits._young.items()
    assert due - clock.boottime() > 98
    assert names == [job.row.id, other.row.id]
    assert (desk.service.output_limits._watched, {*job.timers}) == ({}, set())


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"output_limit": 0}, 0),
        ({"join": True}, 1),
        ({"output": "/dev/null"}, 1),
        ({"output": "/dev/null", "error": "/dev/null"}, 0),
        ({"output": "/dev/null", "join": True}, 0),
    ],
)
def test_the_files_that_are_ours(desk: Desk, more: dict[str, Any], count: int) -> None:
    _sleeper(desk, **more)
    other = _sleeper(desk)
    _watched(desk, count + 2)
    assert sum(f"/{other.row.id}." not in path for path in desk.service.output_limits._watched) == count


def test_an_end_ends_the_watch_after_a_last_look(desk: Desk, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    job = desk.submit("sh", "-c", f"read x < {gate}; yes | head -c {SIZE}", output_limit=LIMIT)
    desk.running(job)
    _watched(desk, 2)
    gate.write_text("go\n")
    desk.ended(job)
    assert desk.service.output_limits._watched == {}
    assert _file(desk, job).stat().st_size == SIZE
    assert _used(_file(desk, job)) <= LIMIT


def test_another_supervisor_goes_on(old: Desk, follow: Callable[..., Desk]) -> None:
    job = _sleeper(old)
    old.here.ledger.flush()
    desk = follow()
    _watched(desk, 2)
    _write(_file(desk, job))
    assert desk.until(lambda: _used(_file(desk, job)) <= LIMIT, "the hole")


def test_a_file_that_was_removed(desk: Desk) -> None:
    job = _sleeper(desk)
    other = _sleeper(desk)
    _file(desk, job).unlink()
    # Its first look came before it was removed, or finds nothing: no other look follows in either case.
    desk.until(lambda: not desk.service.output_limits._young, "the first looks")
    assert "out" not in job.timers
    assert sum(f"/{other.row.id}." in path for path in desk.service.output_limits._watched) == 2


def test_without_watches_it_is_looked_at_now_and_then(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> int:
        raise OSError(errno.ENOSPC, "no more watches")

    monkeypatch.setattr(outputlimit, "UNTOLD", 0.01)
    monkeypatch.setattr("proctracker.linux.inotify.Inotify.add", full)
    job = _sleeper(desk)
    _write(_file(desk, job))
    desk.until(lambda: _used(_file(desk, job)) <= LIMIT, "the hole")
    _write(_file(desk, job))
    assert desk.until(lambda: _used(_file(desk, job)) <= LIMIT, "the next hole")


def test_a_file_system_without_holes_is_told_of_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*args: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(libc, "allocate", refuse)
    job = _sleeper(desk)
    _watched(desk, 2)
    for stream in ("out", "err"):
        _write(_file(desk, job, stream))
    _watched(desk, 0)
    assert _used(_file(desk, job)) >= SIZE
    [line] = capfd.readouterr().err.splitlines()
    assert line.partition(": ")[2] == f"output_limit: {_file(desk, job)}: Operation not supported: it is left as it is"
    assert not {"out", "err"} & {*job.timers}
