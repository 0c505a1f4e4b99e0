"""The same job once more."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import until
from proctracker.errors import InvalidArgumentException, InvalidStateException
from proctracker.store import Home
from proctracker.tracker import resubmission
from proctracker.tracker.place import Place, at

LONG = 30.0


def test_command_directory_environment_and_streams(
    session: pt.JobSession, served: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").write_text("input ")
    template = {
        "remote_command": "sh",
        "args": ["-c", "cat; pwd; echo $SEEN $CALLER"],
        "working_directory": str(tmp_path),
        "input_path": "in",
        "output_path": "out",
        "job_environment": {"SEEN": "job's"},
        "submit_as_hold": True,
    }
    monkeypatch.setenv("CALLER", "first")
    job = session.run_job(template)
    with pytest.raises(InvalidStateException, match=f"job {job.id} has not ended"):
        job.resubmit()
    job.terminate()
    job.wait_terminated(LONG)
    again = job.resubmit()
    assert again.wait_terminated(LONG).resubmitted_from == job.job_id
    assert (tmp_path / "out").read_text() == f"input {tmp_path}\njob's first\n"
    assert again.job_template == pt.JobTemplate(
        {name: value for name, value in template.items() if name != "submit_as_hold"}
    )


def test_some_tasks_of_an_array(session: pt.JobSession, served: Home) -> None:
    array = session.run_bulk_jobs({"remote_command": "sh", "args": ["-c", "exit $(($TASK_ID % 2))"]}, 1, 5)
    array.wait_terminated(LONG)
    again = array.resubmit(failed=True)
    assert [job.job_id.partition("_")[2] for job in again.jobs] == ["1", "3", "5"]
    assert [info.exit_status for info in again.wait_terminated(LONG)] == [1, 1, 1]
    assert [info.resubmitted_from for info in again.wait_terminated(LONG)] == [
        f"{array.id}_{task}" for task in (1, 3, 5)
    ]
    one = array.jobs[1].resubmit()
    assert one.get_info().resubmitted_from == array.jobs[1].id
    assert (one.job_id.endswith("_2"), one.wait_terminated(LONG).exit_status) == (True, 0)
    with pytest.raises(InvalidArgumentException, match="no task has failed"):
        session.run_bulk_jobs({"remote_command": "true", "submit_as_hold": True}, 1, 2).resubmit(failed=True)
    with pytest.raises(InvalidStateException, match="has not ended"):
        session.run_bulk_jobs({"remote_command": "true", "submit_as_hold": True}, 1, 2).resubmit()


def test_a_passed_input_is_gone(served: Home, session: pt.JobSession, monkeypatch: pytest.MonkeyPatch) -> None:
    place = at(served.path)
    job = session.run_job({"remote_command": "true"})
    job.wait_terminated(LONG)
    row = place.hosts.row(job.job_id)
    monkeypatch.setattr(place.reader, "spec", lambda number: {"template": {}, "stdin": "passed"})
    with pytest.raises(InvalidStateException, match="input_path"):
        resubmission.resubmit(place, [row])
    monkeypatch.setattr(place.reader, "spec", lambda number: {})
    with pytest.raises(InvalidArgumentException, match="no longer known"):
        resubmission.resubmit(place, [row])


@pytest.mark.parametrize("dropped", [False, True], ids=["a moment after the end", "when it is dropped"])
def test_the_environment_is_the_callers(
    served: Home, session: pt.JobSession, monkeypatch: pytest.MonkeyPatch, dropped: bool
) -> None:
    template = {"remote_command": "sh", "args": ["-c", "echo $CALLER $GIVEN; umask"], "job_environment": {"GIVEN": "x"}}
    monkeypatch.setenv("CALLER", "first")
    job = session.run_job(template)
    job.wait_terminated(LONG)
    reader, row = at(served.path).reader, at(served.path).hosts.row(job.job_id)
    until(lambda: not dropped or "env" not in (reader.context(reader.spec_context(row.spec)) or {}))
    assert resubmission.same_environment(at(served.path), row)
    monkeypatch.setenv("CALLER", "second")
    old = os.umask(0o007)
    try:
        with pytest.warns(UserWarning, match="environment"):
            again = job.resubmit()
    finally:
        os.umask(old)
    again.wait_terminated(LONG)
    assert again.read_output() == f"second x\n{old:04o}\n".encode()
    assert again.job_template == job.job_template


def test_nothing_is_known_of_a_job_of_an_older_release(
    served: Home, session: pt.JobSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = session.run_job({"remote_command": "true"})
    job.wait_terminated(LONG)
    monkeypatch.setattr(at(served.path).reader, "context", lambda key: None)
    assert job.resubmit().wait_terminated(LONG).job_state == pt.JobState.DONE


def test_kept_input_is_copied(served: Home, tmp_path: Path) -> None:
    place = Place(served.path)
    place.home.prepare()
    (tmp_path / "in").write_text("x")
    copy = resubmission._copied(place, str(tmp_path / "in"))
    assert (Path(copy).read_text(), os.path.dirname(copy)) == ("x", served.kept_dir)
    os.unlink(copy)
    before = sorted(os.listdir(served.kept_dir))
    with pytest.raises(InvalidArgumentException, match="nope"):
        resubmission._copied(place, str(tmp_path / "nope"))
    assert sorted(os.listdir(served.kept_dir)) == before


def test_texts_of_tasks_go_with_them(served: Home, session: pt.JobSession) -> None:
    place = at(served.path)
    session.run_job({"remote_command": "true"})
    from proctracker.tracker import submission, surroundings

    target = place.target("process", place.config())
    template = pt.JobTemplate(remote_command="echo")
    spec = submission.prepare(template, target, place.config(), environ=os.environ, cwd="/")
    array = place.client().submit(
        session.session_name,
        spec,
        surroundings.now(os.environ),
        contact="process",
        indices=[1, 2],
        items=["one", "two"],
    )
    jobs = session.get_job_array(array).jobs
    assert json.loads(place.hosts.row(jobs[1].job_id).command) == ["echo", "two"]
    jobs[1].wait_terminated(LONG)
    again = jobs[1].resubmit()
    again.wait_terminated(LONG)
    assert again.read_output() == b"two\n"
