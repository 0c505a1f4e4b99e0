"""Starts: what a job is given, what fails, what is tried again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobRow, JobState
from proctracker.supervisor.processes import spawn
from proctracker.supervisor.running import process_start
from supervising import PATH, Boxes, Desk, box


def _env(desk: Desk, job_id: str) -> dict[str, str]:
    text = Path(desk.home.kept(job_id, 1, "out")).read_text()
    return dict(line.split("=", 1) for line in text.splitlines())


def test_what_a_job_finds_in_its_environment(desk: Desk) -> None:
    job = desk.submit("env", env={"HOME": "/h", "JOB_ID": "another"}, session="night")
    row = desk.ended(job)
    expected = {
        "PATH": PATH,
        "HOME": "/h",
        "JOB_ID": row.id,
        "PROCTRACKER_SESSION": "night",
        "PROCTRACKER_ATTEMPT": "1",
    }
    assert _env(desk, row.id) == {**expected, "PROCTRACKER_JOB": f"{desk.home.uuid}/{row.id}/1"}


def test_what_a_task_finds(desk: Desk) -> None:
    job = desk.submit("sh", "-c", "env; echo A=$1", "sh", indices=[4], items=["an item"], over=True)
    found = _env(desk, desk.ended(job).id)
    assert {found[name] for name in ("TASK_ID", "TASK_ITEM", "A", "JOB_ID")} == {"4", "an item", job.row.id}


def test_names_and_labels(desk: Desk) -> None:
    row = JobRow("3_1", 3, 1, session="s", attempt=2)
    assert desk.home.container(row.id, row.attempt) == f"proctracker-{desk.home.uuid[:8]}-3_1-2"
    assert desk.labels(row) == {
        "proctracker.home": desk.home.uuid,
        "proctracker.session": "s",
        "proctracker.job": "3_1",
        "proctracker.attempt": "2",
        "proctracker.owner": str(os.getuid()),
        "proctracker.array": "3",
        "proctracker.index": "1",
    }


def test_a_process_is_told_by_pid_and_start(desk: Desk) -> None:
    job = desk.submit("sleep", "600")
    pid = desk.running(job)
    desk.until(lambda: desk.here.ledger.clean)
    row = desk.row(job)
    assert (row.state, row.pid, row.ticks, row.boot) == (JobState.RUNNING, pid, spawn.ticks(pid), desk.here.boot)
    assert desk.seat.journal.read() == ([], [])


@pytest.mark.parametrize(("command", "more", "status", "reason"), [
    (["no-such-command"], {}, 127, "no-such-command: command not found"),
    (["/etc/passwd"], {}, 126, "/etc/passwd: not executable"),
    (["true"], {"cwd": "/nonexistent"}, 125, "working directory /nonexistent: No such file or directory"),
    (["cat"], {"input": "/nonexistent"}, 125, "/nonexistent: No such file or directory"),
    (["cat"], {"input": "x", "output": "x"}, 125, "/x: input and output are the same file"),
    (["cat"], {"stdin": "passed"}, 125, "its standard input went with the client or supervisor that had it"),
    (["tr\0ue"], {}, 125, "ValueError: "),
])  # fmt: skip
def test_a_start_that_never_works(
    desk: Desk, command: list[str], more: dict[str, Any], status: int, reason: str
) -> None:
    row = desk.ended(desk.submit(*command, **more))
    assert (row.state, row.exit_status) == (JobState.FAILED, status)
    assert (row.annotation or "").startswith(reason)
    assert (row.dispatched, desk.seat.journal.read()[0]) == (None, [])


def test_an_environment_that_was_dropped(desk: Desk) -> None:
    job = desk.submit("true")
    job.spec_context = "gone"
    assert desk.ended(job).annotation == "its environment is no longer known"


def test_an_environment_that_cannot_be_encoded(desk: Desk) -> None:
    with pytest.raises(InvalidArgumentException, match="surrogates not allowed"):
        desk.submit("true", env={"A": "\ud800"})
    assert desk.ended(desk.submit("true")).state == JobState.DONE


def test_a_system_short_of_something(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> int:
        raise spawn.StartLater("Resource temporarily unavailable")

    monkeypatch.setattr(process_start, "RETRY", 0.0)
    job = desk.submit("true")
    with monkeypatch.context() as patch:
        patch.setattr(spawn, "spawn", refuse)
        desk.until(lambda: job.row.annotation and desk.here.ledger.clean)
        row = desk.row(job)
    assert (row.state, row.annotation, row.dispatched) == (JobState.QUEUED, "Resource temporarily unavailable", None)
    row = desk.ended(job)
    assert (row.state, row.annotation) == (JobState.DONE, None)


def test_a_descriptor_that_was_handed_over(desk: Desk) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"piped")
    row = desk.ended(desk.submit("head", "-c", "5", stdin="passed", stdin_fd=read_end))
    assert Path(desk.service.outputs.paths(row, None)[0]).read_text() == "piped"
    with pytest.raises(BrokenPipeError):
        os.write(write_end, b"nobody has it any more")
    os.close(write_end)


def test_every_task_has_the_descriptor(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("text")
    fd = os.open(tmp_path / "in", os.O_RDONLY)
    job = desk.submit("sh", "-c", "cat < /proc/self/fd/0", stdin="passed", stdin_fd=fd, indices=[1, 2])
    for task in [job, *desk.here.jobs.task_jobs(job.row.num)]:
        desk.ended(task)
        assert Path(desk.service.outputs.paths(task.row, None)[0]).read_text() == "text"


def test_a_second_attempt_appends(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    desk.ended(desk.submit("sh", "-c", "echo $PROCTRACKER_ATTEMPT; exit 1", retries=1, output=str(out)))
    assert out.read_text() == "1\n2\n"
    desk.ended(desk.submit("echo", "anew", output=str(out)))
    assert out.read_text() == "anew\n"
    desk.ended(desk.submit("echo", "more", output=str(out), append=True))
    assert out.read_text() == "anew\nmore\n"


def test_engine_starts_are_bounded(desk: Desk, boxes: Boxes) -> None:
    begun, starts = [], desk.service.queue.bound
    starts.limit = 1
    boxes.launch = lambda request: begun.append(request.job_id)  # type: ignore[assignment, method-assign, return-value]
    jobs = [desk.submit("x", **box()) for _ in range(3)]
    process = desk.submit("true")
    starts._starts = 1
    desk.ended(process)
    assert ([job.starting for job in jobs], begun) == ([False] * 3, [])


@pytest.mark.parametrize("kept", [True, False])
def test_a_close_that_tells_of_the_jobs_writes_is_no_failed_start(
    desk: Desk, tmp_path: Path, refused_late: None, kept: bool
) -> None:
    job = desk.submit("sh", "-c", "exit 3", **({} if kept else {"output": str(tmp_path / "out")}))
    row = desk.ended(job)
    assert (row.state, row.exit_status, row.annotation) == (JobState.FAILED, 3, None)
