"""One start of a container: private files, the command, and what came of it."""

from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

import supervising
from proctracker.errors import UnsupportedAttributeException
from proctracker.linux import cgroups, oomscore, procfs
from proctracker.model import JobRow, JobState, Observation
from proctracker.runtimes.base import ATTACHED
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.control import clocks
from proctracker.supervisor.processes import spawn
from supervising import Boxes, Desk, box


@pytest.fixture(autouse=True)
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)


def _name(desk: Desk) -> str:
    return f"proctracker-{desk.home.uuid[:8]}-1-1"


_TELLS = "echo id-1 > {}/1.1/id"
"""A command's word that it made a container."""


def _tells(desk: Desk) -> None:
    Path(f"{desk.home.starts}/1.1/id").write_text("id-1")


def _failed(desk: Desk, job: Job) -> tuple[int | None, str | None, str | None]:
    row = desk.ended(job)
    assert (row.state, row.container, desk.service.queue.bound._starts) == (JobState.FAILED, None, 0)
    assert not os.path.exists(f"{desk.home.starts}/1.1")
    return row.exit_status, row.sub_state, row.annotation


def test_private_files_are_there_for_the_command_alone(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    boxes.files = {"env": b"SECRET=x\n"}
    boxes.words = (
        "sh",
        "-c",
        f"cat {desk.home.starts}/1.1/env; stat -c %a {desk.home.starts}/1.1/env {desk.home.starts}/1.1; exit 1",
    )
    boxes.failed_start = lambda completed: (125, completed.stdout)  # type: ignore[method-assign]
    assert _failed(desk, desk.submit("x", **box())) == (125, "start-failed", "SECRET=x\n600\n700\n")


def test_the_command_has_the_submitters_oom_score_adj(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes.words = ("sh", "-c", f"cat {oomscore.PATH} >&2; exit 1")
    monkeypatch.setattr(supervising, "AROUND", {"oom_score_adj": 900})
    assert _failed(desk, desk.submit("x", **box())) == (125, "start-failed", "900")


def test_files_go_once_it_runs(desk: Desk, boxes: Boxes) -> None:
    boxes.files = {"env": b"SECRET=x\n"}
    job = desk.submit("x", **box())
    desk.running(job)
    assert sorted(os.listdir(f"{desk.home.starts}/1.1")) == ["id", "pid", "start"]
    assert stat.S_IMODE(os.stat(f"{desk.home.starts}/1.1").st_mode) == 0o700


def test_the_row_says_which_container_before_the_call_is_made(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    boxes.words = ("sh", "-c", f"read x < {tmp_path}/gate; exit 1")
    job = desk.submit("x", **box())
    desk.until(lambda: job.row.pid and desk.here.ledger.clean)
    row = desk.row(job)
    assert (row.container, row.boot, row.state, row.pid) == (_name(desk), desk.here.boot, JobState.QUEUED, job.row.pid)
    assert desk.service.queue.bound._starts == 1
    (tmp_path / "gate").write_text("go\n")
    assert _failed(desk, job)[0] == 125


def test_it_is_called_with_its_engines_environment(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    boxes.words = ("sh", "-c", f"env; pwd > {tmp_path}/pwd; exit 1")
    boxes.failed_start = lambda completed: (126, completed.stdout)  # type: ignore[method-assign]
    job = desk.submit("x", **box(engine={"command": ["x"], "env": {"ENGINE": "1"}}, cwd=str(tmp_path)))
    status, sub_state, reason = _failed(desk, job)
    assert (status, sub_state) == (126, None)
    assert "ENGINE=1\n" in (reason or "")
    assert "JOB_ID" not in (reason or "")
    assert (tmp_path / "pwd").read_text() == f"{tmp_path}\n"


def test_a_command_that_is_missing(desk: Desk, boxes: Boxes) -> None:
    boxes.words = ("/nonexistent/engine", "run")
    assert _failed(desk, desk.submit("x", **box())) == (
        125,
        "start-failed",
        "/nonexistent/engine: no such file",
    )


def test_what_its_engine_refuses(desk: Desk, boxes: Boxes) -> None:
    boxes.code = 125
    boxes.pid_files = False
    job = desk.submit("x", **box("exit"))
    assert _failed(desk, job) == (125, "start-failed", "no")
    assert boxes.verbs() == ["look"]


def test_a_container_of_that_name_that_the_command_did_not_make(desk: Desk, boxes: Boxes) -> None:
    boxes.words = ("sh", "-c", "echo the name is in use >&2; exit 125")
    labels = desk.labels(JobRow("1", 1))
    boxes.says[_name(desk)] = Observation(JobState.DONE, exit_status=0, container_id="another", labels=labels)
    assert _failed(desk, desk.submit("x", **box())) == (125, "start-failed", "the name is in use")
    assert boxes.asked == [("look",)]


def test_what_an_earlier_try_has_told_is_not_believed(desk: Desk, boxes: Boxes) -> None:
    os.makedirs(f"{desk.home.starts}/1.1")
    _tells(desk)
    test_a_container_of_that_name_that_the_command_did_not_make(desk, boxes)


@pytest.mark.parametrize(("code", "word", "runs"), [
    (0, "odd", True), (0, "lost", True), (1, "odd", True), (1, "lost", False), (1, "dead", False),
])  # fmt: skip
def test_a_word_nobody_knows_is_no_failed_start(desk: Desk, boxes: Boxes, code: int, word: str, runs: bool) -> None:
    boxes.words = ("sh", "-c", f"{_TELLS.format(desk.home.starts)}; echo no >&2; exit {code}")
    boxes.says[_name(desk)] = Observation(JobState.UNDETERMINED, word, container_id="id-1")
    job = desk.submit("x", **box())
    if runs:
        desk.until(lambda: "end" in boxes.verbs())
        assert (job.row.state, "remove" in boxes.verbs()) == (JobState.RUNNING, False)
    else:
        assert _failed(desk, job)[:2] == (125, "start-failed")


def test_what_is_left_of_a_failed_start_is_removed(desk: Desk, boxes: Boxes) -> None:
    boxes.code = 127
    boxes.says[_name(desk)] = Observation(JobState.QUEUED)
    assert _failed(desk, desk.submit("x", **box("exit")))[2] == "no"
    assert boxes.verbs() == ["look", "ours", "remove"]


def test_a_call_that_is_cut_off_may_have_started_it(desk: Desk, boxes: Boxes) -> None:
    boxes.words = ("sh", "-c", f"{_TELLS.format(desk.home.starts)}; exec sleep 600")
    boxes.says[_name(desk)] = Observation(JobState.RUNNING, container_id="abc")
    job = desk.submit("x", **box(start_timeout=0.5))
    desk.until(lambda: job.row.state == JobState.RUNNING)
    assert (job.row.container_id, job.starting, desk.service.queue.bound._starts) == ("abc", False, 0)


def test_a_call_that_is_cut_off_and_started_nothing(desk: Desk, boxes: Boxes) -> None:
    boxes.words = ("sleep", "600")
    assert _failed(desk, desk.submit("x", **box(start_timeout=0.01)))[2] == "sleep: no answer within 0.01 s"


@pytest.mark.parametrize("left", [None, JobState.QUEUED, JobState.RUNNING])
def test_a_job_that_is_ended_while_its_engine_starts_it(desk: Desk, boxes: Boxes, left: JobState | None) -> None:
    boxes.words = ("sleep", "600")
    job = desk.submit("x", **box())
    desk.until(lambda: job.row.pid is not None)
    if left is not None:
        _tells(desk)
        boxes.says[_name(desk)] = Observation(left, container_id="abc")
    desk.service.actions.control([job.row.id], "terminate", "SIGTERM", 0.01, lambda outcome: None)
    if left == JobState.RUNNING:
        desk.until(lambda: "kill" in boxes.verbs())
        assert (job.row.container_id, job.ending) == ("abc", "terminating")
        return
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status) == (JobState.FAILED, "terminated", None)
    assert ("remove" in boxes.verbs()) == (left is not None)
    assert len(desk.service.calls) <= 1


@pytest.mark.parametrize("ended", [True, False])
def test_what_a_killed_command_has_made_and_not_told_of_goes_before_the_job_ends(
    desk: Desk, boxes: Boxes, ended: bool
) -> None:
    """ctr that is killed before it writes a pid down leaves a container, and one in three times its process."""
    boxes.words = ("sleep", "600")
    job = desk.submit("x", **box())
    desk.until(lambda: job.row.pid is not None)
    mark = {"proctracker.start": Path(f"{desk.home.starts}/1.1/start").read_text(encoding="ascii")}
    boxes.says[_name(desk)] = Observation(JobState.QUEUED, labels={**desk.labels(job.row), **mark})
    boxes.says["forged"] = Observation(JobState.RUNNING, labels={**desk.labels(job.row), "proctracker.start": "00"})
    if ended:
        desk.service.actions.control([job.row.id], "terminate", "SIGTERM", 0.0, lambda outcome: None)
    else:
        os.kill(job.row.pid or 0, signal.SIGKILL)
    desk.until(lambda: job.row.ended)
    assert [*boxes.says] == ["forged"]
    assert _failed(desk, job)[:2] == ((None, "terminated") if ended else (125, "start-failed"))


def test_a_start_that_is_over_soon_is_not_killed(
    desk: Desk, boxes: Boxes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "FINISH", {True: 600.0})
    os.mkfifo(tmp_path / "gate")
    boxes.words = ("sh", "-c", f"read x < {tmp_path}/gate; {_TELLS.format(desk.home.starts)}")
    boxes.says[_name(desk)] = Observation(JobState.RUNNING, container_id="id-1")
    job = desk.submit("x", **box())
    desk.until(lambda: job.row.pid is not None)
    told: list[object] = []
    desk.service.actions.control([job.row.id], "terminate", "SIGTERM", 0.0, told.append)
    desk.until(lambda: told)
    (tmp_path / "gate").write_text("go\n")
    desk.until(lambda: "kill" in boxes.verbs())
    assert boxes.asked[-1] == ("kill", _name(desk), "SIGKILL")


def test_an_engine_that_does_not_know_what_it_started(desk: Desk, boxes: Boxes) -> None:
    boxes.words = ("true",)
    assert _failed(desk, desk.submit("x", **box()))[2] == "the engine said it runs and does not know it"


@pytest.mark.parametrize("in_file", [True, False])
def test_what_an_engine_ignores_is_not_started(desk: Desk, boxes: Boxes, tmp_path: Path, in_file: bool) -> None:
    words = "Resource limits are not supported and ignored on cgroups V1 rootless systems"
    boxes.words = ("sh", "-c", f"echo '{words}' >&2; echo id")
    path = str(tmp_path / "err") if in_file else None
    boxes.stderr = path
    given = box(error=path)
    given["template"]["implementation_specific"] = {"memory_limit": "64M"}
    assert _failed(desk, desk.submit("x", **given)) == (125, "start-failed", words)
    assert boxes.verbs() == ["remove"]


def test_a_job_may_say_what_an_engine_would(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    boxes.words = ("sh", "-c", "echo not supported and ignored >&2; echo id-1")
    boxes.stderr = str(tmp_path / "err")
    boxes.says[_name(desk)] = Observation(JobState.RUNNING)
    job = desk.submit("x", **box(error=boxes.stderr))
    assert desk.until(lambda: job.row.state == JobState.RUNNING)


@pytest.mark.parametrize("mine", [True, False])
def test_another_homes_container_of_the_same_name(desk: Desk, boxes: Boxes, mine: bool) -> None:
    boxes.code = 125
    boxes.pid_files = False
    labels = {**desk.labels(JobRow("1", 1)), **({} if mine else {"proctracker.home": "another"})}
    boxes.says[_name(desk)] = Observation(JobState.RUNNING, labels=labels)
    job = desk.submit("x", **box("exit"))
    if mine:
        desk.until(lambda: job.row.state == JobState.RUNNING)
    else:
        assert _failed(desk, job)[0] == 125
        assert "remove" not in boxes.verbs()


def test_a_pid_of_another_machine_is_not_taken(desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: False)
    boxes.says[_name(desk)] = Observation(JobState.RUNNING)
    job = desk.submit("x", **box("exit"))
    desk.until(lambda: job.row.state == JobState.RUNNING)
    assert job.row.pid is None


def test_an_attached_command_runs_as_long_as_its_container(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("given")
    os.mkfifo(tmp_path / "gate")
    boxes.kind = ATTACHED
    boxes.words = ("sh", "-c", f"{_TELLS.format(desk.home.starts)}; cat > {tmp_path}/copy; read x < {tmp_path}/gate")
    job = desk.submit("x", **box(input=str(tmp_path / "in"), start_timeout=0.001))
    desk.until(lambda: len(boxes.asked) > 2)
    assert job.starting
    boxes.says[_name(desk)] = Observation(JobState.RUNNING, pid=os.getpid())
    desk.until(lambda: job.row.state == JobState.RUNNING)
    assert (tmp_path / "copy").read_text() == "given"
    assert len(desk.service.calls) >= 1
    desk.service.containers._unwatch(job)
    desk.here.jobs.started(job, None, None)
    boxes.says[_name(desk)] = Observation(JobState.FAILED, exit_status=4)
    (tmp_path / "gate").write_text("go\n")
    assert desk.ended(job).exit_status == 4


def test_an_attached_command_that_fails(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    boxes.kind = ATTACHED
    boxes.stderr = str(tmp_path / "err")
    boxes.words = ("sh", "-c", "echo first >&2; echo no image >&2; exit 125")
    assert _failed(desk, desk.submit("x", **box()))[2] == "first\nno image"


@pytest.mark.parametrize("raised", [
    UnsupportedAttributeException("a variable with a line break"),
    spawn.StartFailed(126, "not executable"),
    OSError(13, "Permission denied"),
])  # fmt: skip
def test_what_cannot_be_planned(desk: Desk, boxes: Boxes, raised: Exception) -> None:
    def launch(request: Any) -> Any:
        raise raised

    boxes.launch = launch  # type: ignore[method-assign]
    status, _, reason = _failed(desk, desk.submit("x", **box()))
    assert status == (126 if isinstance(raised, spawn.StartFailed) else 125)
    assert reason
    assert str(getattr(raised, "strerror", None) or raised) in reason


def test_when_a_process_started() -> None:
    assert 0 <= time.time() - procfs.started_at(os.getpid()) < 3600
    assert abs(procfs.started_at(2**22 + 1) - time.time()) < 60


def test_a_control_group_tells_the_process_and_the_engine_is_not_asked(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def first(places: Any, container_id: str) -> int:
        asked.append((places, container_id))
        return int(Path(f"{desk.home.starts}/1.1/pid").read_text(encoding="ascii"))

    monkeypatch.setattr(cgroups, "first", first)
    boxes.pid_files, boxes.groups = False, ("docker/{id}",)
    job = desk.submit("x", **box())
    desk.running(job)
    assert asked == [(("docker/{id}",), "id-1")]
    assert job.row.container_id == "id-1" and job.pidfd is not None
    assert boxes.asked == []


@pytest.mark.parametrize("where", ["captured", "said", "file"])
@pytest.mark.parametrize(("code", "kept"), [(0, True), (3, True), (127, False)])
def test_what_an_engine_warns_of_is_told(
    desk: Desk, boxes: Boxes, tmp_path: Path, where: str, code: int, kept: bool
) -> None:
    to = f">>{desk.home.starts}/1.1/said" if where == "said" else ">&2"
    boxes.stderr = None if where == "captured" else str(tmp_path / "err")
    script = f"{_TELLS.format(desk.home.starts)}; echo WARNING: image platform odd {to}; echo WARNING: no {to}"
    boxes.words = ("sh", "-c", script)
    boxes.says[_name(desk)] = Observation(JobState.RUNNING, container_id="id-1")
    job = desk.submit("x", **box(error=boxes.stderr))
    desk.until(lambda: job.row.state == JobState.RUNNING)
    told = "WARNING: image platform odd" + ("" if where == "file" else "; WARNING: no")
    assert job.row.annotation == told
    state = JobState.FAILED if code else JobState.DONE
    boxes.says[_name(desk)] = Observation(state, exit_status=code, container_id="id-1")
    desk.service.containers.gone(job)
    assert desk.ended(job).annotation == (told if kept else None)
