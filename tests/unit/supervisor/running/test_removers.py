"""Who just removes containers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from proctracker.model import JobState, Observation
from proctracker.supervisor.running import removers
from supervising import Boxes, Desk, box

_KILLED = Observation(JobState.FAILED, terminating_signal="SIGKILL")


@pytest.mark.parametrize(("words", "found", "ending", "removed"), [
    (("rm", "-f", "x"), _KILLED, None, True),
    (("inspect", "x"), _KILLED, None, False),
    (("rm", "-f", "x"), Observation(JobState.FAILED, exit_status=3), None, False),
    (("rm", "-f", "x"), _KILLED, "terminating", False),
])  # fmt: skip
def test_a_call_that_removes(
    desk: Desk,
    boxes: Boxes,
    tmp_path: Path,
    words: tuple[str, ...],
    found: Observation,
    ending: str | None,
    removed: bool,
) -> None:
    command = tmp_path / f"engine-{tmp_path.name[-8:]}"
    command.symlink_to("/bin/sh")
    job = desk.submit("x", **box(engine={"command": [str(command)]}), hold=True)
    job.ending = ending
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([command, "-c", "echo; read x", *words], **pipes) as call:
        assert call.stdout and call.stdout.read(1)  # its words can be read from now on
        assert removers.are_at(job, found, desk.service.calls) == removed
        call.communicate(b"go\n")
    assert not removers.are_at(job, found, desk.service.calls)
