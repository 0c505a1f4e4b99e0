"""``submit`` and ``run``."""

from __future__ import annotations

import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import proctracker as pt
from proctracker.sessions import calls
from proctracker.store import Home
from proctracker.tracker.place import Place
from proctracker.tracker.track import Track

LONG = 30.0


def test_words_attributes_and_extensions() -> None:
    found = calls.template_of(
        ["a", Path("/b")], "podman", {"job_name": "n", "volumes": ["x:/y"], "implementation_specific": {"user": "1"}}
    )
    assert (found.remote_command, found.args, found.job_name) == ("a", ["/b"], "n")
    assert found.implementation_specific == {"user": "1", "volumes": ["x:/y"], "contact": "podman"}


def test_one_word_is_the_command() -> None:
    for word in ("ls", b"ls", Path("ls")):
        found = calls.template_of(word, None, {})
        assert (found.remote_command, found.args, found.implementation_specific) == ("ls", None, None)
    assert calls.template_of(None, None, {"job_category": "i"}).remote_command is None


@pytest.mark.parametrize("args", [5, {"a": "b"}, [1], [["a"]]])
def test_words_that_are_none(args: Any) -> None:
    with pytest.raises(pt.InvalidArgumentException):
        calls.template_of(args, None, {})


def test_the_command_is_said_once() -> None:
    with pytest.raises(pt.InvalidArgumentException, match="first argument"):
        calls.template_of(["a"], None, {"args": ["b"]})
    with pytest.raises(pt.InvalidArgumentException, match="job_name"):
        calls.template_of(["a"], None, {"jobname": "b"})


def test_run_tells_how_it_ended(served: Home) -> None:
    info = pt.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True, session="calls")
    assert (info.exit_status, info.stdout, info.stderr, info.session_name) == (3, b"out\n", b"err\n", "calls")
    assert pt.run("true", session="calls").stdout is None


def test_run_checks(served: Home) -> None:
    assert pt.run("true", check=True, session="calls").job_state == pt.JobState.DONE
    with pytest.raises(pt.JobFailedException, match="FAILED with exit status 4") as failed:
        pt.run(["sh", "-c", "exit 4"], check=True, session="calls")
    assert failed.value.info.exit_status == 4
    with pytest.raises(pt.JobFailedException, match="by SIGKILL"):
        pt.run(["sh", "-c", "kill -9 $$"], check=True, session="calls")
    with pytest.raises(pt.JobFailedException, match=r"127.*not found"):
        pt.run("no-such-command", check=True, session="calls")


@pytest.mark.parametrize("raised", [pt.TimeoutException, KeyboardInterrupt])
def test_run_terminates_what_it_gives_up(session: pt.JobSession, monkeypatch: pytest.MonkeyPatch, raised: Any) -> None:
    if raised is KeyboardInterrupt:
        monkeypatch.setattr(pt.Job, "wait_terminated", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(raised):
        pt.run(["sleep", "600"], timeout=0.1, session=session)
    monkeypatch.undo()
    monkeypatch.setenv("PROCTRACKER_HOME", session._place.home.path)
    [job] = session.get_jobs()
    assert job.wait_terminated(LONG).job_sub_state == "terminated"


@pytest.mark.parametrize("capture", [True, False])
def test_a_time_out_has_the_job_that_has_ended_and_what_it_wrote(session: pt.JobSession, capture: bool) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo out; echo err >&2; while :; do sleep 0.05; done"
    with pytest.raises(pt.TimeoutException) as caught:
        pt.run(["sh", "-c", script], timeout=timedelta(seconds=0.5), session=session, capture_output=capture)
    over = caught.value
    assert over.stdout == b"out\nbye\n"
    assert over.stderr is not None and over.stderr.startswith(b"err\n")  # a shell may tell of its sleep's end
    assert over.job.get_state() == (pt.JobState.FAILED, "terminated")
    again = pickle.loads(pickle.dumps(over))
    assert (again.job, again.stdout, str(again)) == (over.job, over.stdout, str(over))
    with pytest.raises(pt.TimeoutException) as waited:
        session.run_job({"remote_command": "sleep", "args": ["60"]}).wait_terminated(0)
    assert (waited.value.job, waited.value.stdout, waited.value.stderr) == (None, None, None)


@pytest.mark.parametrize("name", ["env", "cwd", "time_limit", "text", "input", "timeout"])
def test_names_of_subprocess_get_a_hint(session: pt.JobSession, name: str) -> None:
    given: Any = {name: 1}
    for call in (pt.submit, pt.run) if name != "timeout" else (pt.submit,):
        with pytest.raises(pt.InvalidArgumentException, match=rf"'{name}' \("):
            call("true", session=session, **given)
    assert session.get_jobs() == []


def test_giving_up_what_has_just_ended(session: pt.JobSession) -> None:
    job = session.run_job({"remote_command": "true"})
    job.wait_terminated(LONG)
    calls._end(job)
    assert job.get_state()[0] == pt.JobState.DONE


def test_submit_goes_to_a_session_by_name_or_itself(session: pt.JobSession) -> None:
    assert pt.submit("true", session=session).session_name == session.session_name
    assert pt.submit("true", session="calls").session_name == "calls"
    assert pt.submit("true").session_name == "default"
    for wrong in (5, "", "a\nb"):
        with pytest.raises(pt.InvalidArgumentException, match="session"):
            pt.submit("true", session=wrong)


def test_jobs_are_dependencies(session: pt.JobSession) -> None:
    first = pt.submit(["sh", "-c", "exit 1"], session=session)
    after = pt.submit("true", session=session, after_any={first})
    never = pt.submit("true", session=session, after=first)
    array = session.run_bulk_jobs({"remote_command": "true"}, 1, 2)
    assert pt.submit("true", session=session, after=[array]).wait_terminated(LONG).job_state == pt.JobState.DONE
    template = {"remote_command": "true", "implementation_specific": {"after": [array], "after_any": first}}
    assert session.run_job(template).wait_terminated(LONG).job_state == pt.JobState.DONE
    assert after.wait_terminated(LONG).job_state == pt.JobState.DONE
    assert never.wait_terminated(LONG).job_state == pt.JobState.FAILED


@pytest.mark.parametrize("timeout", ["5", -2, float("nan")])
def test_run_leaves_no_job_where_its_time_out_is_none(session: pt.JobSession, timeout: Any) -> None:
    with pytest.raises(pt.InvalidArgumentException, match="timeout"):
        pt.run(["sleep", "600"], timeout=timeout, session=session)
    assert session.get_jobs() == []


def test_the_null_device_is_input_and_output(session: pt.JobSession) -> None:
    null = dict.fromkeys(("input_path", "output_path", "error_path"), "/dev/null")
    assert pt.run("cat", session=session, **null).job_state == pt.JobState.DONE


def test_a_held_job_does_not_overwrite_its_input(session: pt.JobSession, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_text("x")
    (tmp_path / "link").symlink_to(source)
    job = pt.submit("cat", session=session, submit_as_hold=True, input_path=source, output_path=tmp_path / "link")
    job.release()
    info = job.wait_terminated(LONG)
    assert (info.exit_status, info.job_sub_state, source.read_text()) == (125, "start-failed", "x")


def test_a_job_of_another_home_is_no_dependency(session: pt.JobSession, tmp_path: Path) -> None:
    job = pt.submit("true", session=session)
    other = type(job)(Track(Place(str(tmp_path)), "s"), job.id)
    for given in (other, [other], {job, other}):
        with pytest.raises(pt.InvalidArgumentException, match="of another state directory"):
            pt.submit("true", session=session, after=given)
    assert session.get_jobs() == [job]
