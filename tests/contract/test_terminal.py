"""On a terminal: an image that is missing is fetched where the user sees it, then the job runs; or it cannot be fetched."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import proctracker as pt
import registry
from contract.kit import LONG, Kit

MISSING = "127.0.0.1:1/missing:1"
"""An image of a registry that is not there: nobody listens on that port."""


def on_terminal(*words: str) -> tuple[int, str]:
    """Run ``proctracker`` with a terminal as its streams; the exit code, and what the terminal showed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "proctracker", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:
            pass  # that is how a terminal without users reads (EIO)
        finally:
            os.close(ours)
        return process.wait(LONG), shown.decode("utf-8", "replace").replace("\r\n", "\n")


def _fetching(kit: Kit) -> list[str]:
    """What makes a start fetch: ``ctr run`` fetches nothing by itself."""
    return ["-x", "pull=missing"] if kit.runtime == "ctr" else []


@pytest.mark.parametrize("command", [["run"], ["submit"], ["array", "1-2"]], ids=lambda words: words[0])
def test_an_image_that_cannot_be_fetched(kit: Kit, session: pt.JobSession, command: list[str]) -> None:
    if not kit.containers:
        # The first takes no image, the others fetch by themselves, slurm's apptainer on the node.
        assert kit.runtime in ("process", "apptainer", "slurm")
        return
    wanted = [*command, *_fetching(kit), "--image", MISSING, "true"]
    code, shown = on_terminal("-c", kit.contact, "-s", session.session_name, *wanted)
    assert "of ours" not in shown
    last = shown.splitlines()[-1]
    if kit.runtime == "ctr":
        # There it is the client alone that fetches: no job is made.
        assert (code, session.get_jobs()) == (125 if command == ["run"] else 1, [])
        assert last == f"proctracker: error: --image: {MISSING} could not be fetched"
        return
    jobs = session.get_jobs()
    session.wait_all_terminated(jobs, LONG)
    infos = [job.get_info() for job in jobs]
    assert {(info.job_state, info.exit_status, info.job_sub_state) for info in infos} == {
        (pt.JobState.FAILED, 125, "start-failed")
    }
    if command == ["run"]:
        assert (code, last) == (125, f"proctracker: job {jobs[0].job_id}: {infos[0].annotation}")
    else:
        assert (code, last) == (0, jobs[0].job_id.partition("_")[0])


@pytest.mark.parametrize("command", [["run"], ["submit"], ["array", "1-2"]], ids=lambda words: words[0])
def test_an_image_is_fetched_and_the_job_runs(
    kit: Kit, session: pt.JobSession, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kit.runtime not in ("podman", "docker", "ctr"):
        assert not kit.containers or kit.runtime == "nerdctl"  # its stand-in has no registries
        return
    with registry.serving(str(tmp_path / "image.tar")) as name:
        # Without encryption podman fetches where it was told to only.
        conf = tmp_path / "registries.conf"
        conf.write_text(f'[[registry]]\nlocation = "{name.partition("/")[0]}"\ninsecure = true\n')
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(conf))
        wanted = [*command, *_fetching(kit), "--image", f"{name}:{command[0]}", "echo", "told"]
        code, shown = on_terminal("-c", kit.contact, "-s", session.session_name, *wanted)
    assert code == 0, shown
    session.wait_all_terminated(session.get_jobs(), LONG)
    progress, _, last = shown.rstrip("\n").rpartition("\n")
    assert progress  # whatever it looks like
    jobs = session.get_jobs()
    assert {job.get_state()[0] for job in jobs} == {pt.JobState.DONE}
    assert last == ("told" if command == ["run"] else jobs[0].job_id.partition("_")[0])
