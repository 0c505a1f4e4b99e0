"""Sessions of the DRMAA 1 binding, on processes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import proctracker as pt
from proctracker.compat import drmaa1

LONG = 30


def submitted(drmaa: type[drmaa1.Session], code: str, **more: object) -> str:
    with drmaa1.JobTemplate(remoteCommand="sh", args=["-c", code], **more) as jt:
        return drmaa.runJob(jt)


def test_wait_tells_in_the_bindings_types_and_reaps(drmaa: type[drmaa1.Session]) -> None:
    name = submitted(drmaa, "exit 3")
    told = drmaa.wait(name, LONG)
    assert [type(each) for each in told] == [str, bool, bool, str, bool, bool, int, dict]
    assert (told.jobId, told.hasExited, told.exitStatus, told.terminatedSignal) == (name, True, 3, "")
    assert all(isinstance(each, str) for each in told.resourceUsage.values())
    for use in (
        lambda: drmaa.wait(name, LONG),
        lambda: drmaa.jobStatus(name),
        lambda: drmaa.control(name, drmaa1.JobControlAction.TERMINATE),
        lambda: drmaa.synchronize([name]),
    ):
        with pytest.raises(drmaa1.InvalidJobException, match=r"^code 18: "):
            use()


def test_time_outs(drmaa: type[drmaa1.Session]) -> None:
    name = submitted(drmaa, "exec sleep 100")
    for use in (
        lambda: drmaa.wait(name, drmaa.TIMEOUT_NO_WAIT),
        lambda: drmaa.wait(drmaa.JOB_IDS_SESSION_ANY, 0.05),
        lambda: drmaa.synchronize([name], drmaa.TIMEOUT_NO_WAIT),
        lambda: drmaa.synchronize([drmaa.JOB_IDS_SESSION_ALL], 0.05),
    ):
        with pytest.raises(drmaa1.ExitTimeoutException, match=r"^code 23: "):
            use()
    for wrong in (-2, None, float("nan"), True):
        with pytest.raises(drmaa1.InvalidArgumentException, match=r"^code 4: timeout"):
            drmaa.wait(name, wrong)  # type: ignore[arg-type]
    drmaa.control(name, drmaa1.JobControlAction.TERMINATE)
    told = drmaa.wait(name.encode(), drmaa.TIMEOUT_WAIT_FOREVER)
    assert (told.hasSignal, told.terminatedSignal, told.hasExited) == (True, "SIGTERM", False)


def test_controls_and_states(drmaa: type[drmaa1.Session]) -> None:
    name = submitted(drmaa, "exec sleep 100", jobSubmissionState=drmaa1.JobSubmissionState.HOLD_STATE)
    action, state = drmaa1.JobControlAction, drmaa1.JobState
    assert drmaa.jobStatus(name) == state.USER_ON_HOLD
    with pytest.raises(drmaa1.SuspendInconsistentStateException, match="code 20"):
        drmaa.control(name, action.SUSPEND)
    drmaa.control(name, action.RELEASE)
    pt.open_job_session(_session()).get_job(name).wait_started(LONG)
    with pytest.raises(drmaa1.HoldInconsistentStateException, match="code 21"):
        drmaa.control(name, action.HOLD)
    with pytest.raises(drmaa1.ReleaseInconsistentStateException, match="code 22"):
        drmaa.control(name, action.RELEASE)
    with pytest.raises(drmaa1.ResumeInconsistentStateException, match="code 19"):
        drmaa.control(name, action.RESUME)
    drmaa.control(name, action.SUSPEND)
    assert drmaa.jobStatus(name) == state.USER_SUSPENDED
    with pytest.raises(drmaa1.InvalidArgumentException, match="'reap' is no action"):
        drmaa.control(name, "reap")
    drmaa.control(drmaa.JOB_IDS_SESSION_ALL, action.TERMINATE)
    drmaa.synchronize([name], LONG, False)
    assert drmaa.jobStatus(name) == state.FAILED
    with pytest.raises(drmaa1.InvalidJobException):
        drmaa.control(name, action.TERMINATE)


def _session() -> str:
    from proctracker.compat.drmaa1.active import active

    return active().session.session_name


def test_all_of_the_session(drmaa: type[drmaa1.Session]) -> None:
    action = drmaa1.JobControlAction
    drmaa.control(drmaa.JOB_IDS_SESSION_ALL, action.TERMINATE)
    first, second = submitted(drmaa, "exit 0"), submitted(drmaa, "exec sleep 100")
    drmaa.synchronize([first], LONG)
    with pytest.raises(drmaa1.ResumeInconsistentStateException):
        drmaa.control(drmaa.JOB_IDS_SESSION_ALL, action.RESUME)
    drmaa.control(drmaa.JOB_IDS_SESSION_ALL, action.TERMINATE)
    drmaa.control(drmaa.JOB_IDS_SESSION_ALL, action.TERMINATE)
    drmaa.synchronize([drmaa.JOB_IDS_SESSION_ALL.decode()], LONG, True)
    for name in (first, second):
        with pytest.raises(drmaa1.InvalidJobException):
            drmaa.jobStatus(name)
    with pytest.raises(drmaa1.InvalidJobException, match="no job of the session is left"):
        drmaa.wait(drmaa.JOB_IDS_SESSION_ANY)


def test_any_of_the_session(drmaa: type[drmaa1.Session]) -> None:
    names = [submitted(drmaa, f"exit {code}") for code in (1, 2, 3)]
    found = [drmaa.wait(drmaa.JOB_IDS_SESSION_ANY, LONG) for _ in names]
    assert {each.jobId: each.exitStatus for each in found} == dict(zip(names, (1, 2, 3)))


def test_any_goes_on_where_another_has_reaped_one(drmaa: type[drmaa1.Session]) -> None:
    first, second = submitted(drmaa, "exit 1"), submitted(drmaa, "exit 2")
    job = pt.open_job_session(_session()).get_job(first)
    job.wait_terminated(LONG)
    job.reap()
    assert drmaa.wait(drmaa.JOB_IDS_SESSION_ANY, LONG).jobId == second
    drmaa.synchronize([drmaa.JOB_IDS_SESSION_ALL], LONG, True)


def test_one_of_two_threads_gets_a_job(drmaa: type[drmaa1.Session]) -> None:
    name, found = submitted(drmaa, "sleep 0.1; exit 3"), []

    def wait() -> None:
        try:
            found.append(drmaa.wait(name, LONG).exitStatus)
        except drmaa1.InvalidJobException:
            found.append(None)

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=str) == [3, None]


@pytest.mark.parametrize(
    ("begin", "end", "step", "tasks"), [(1, 5, 2, [1, 3, 5]), (10, 2, -3, [4, 7, 10]), (2, 2, 1, [2])]
)
def test_bulk(drmaa: type[drmaa1.Session], tmp_path: Path, begin: int, end: int, step: int, tasks: list[int]) -> None:
    jt = drmaa.createJobTemplate()
    jt.remoteCommand, jt.args, jt.joinFiles = "sh", ["-c", "echo out; echo err >&2"], True
    jt.outputPath = f":{tmp_path}/out.{jt.PARAMETRIC_INDEX}"
    names = drmaa.runBulkJobs(jt, begin, end, step)
    assert [int(name.partition("_")[2]) for name in names] == tasks
    drmaa.synchronize(names, LONG, True)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {f"out.{n}": "out\nerr\n" for n in tasks}


@pytest.mark.parametrize("wrong", [(0, 5, 1), (5, 1, 1), (1, 5, 0)])
def test_no_indices(drmaa: type[drmaa1.Session], jt: drmaa1.JobTemplate, wrong: tuple[int, int, int]) -> None:
    jt.remoteCommand = "true"
    with pytest.raises(drmaa1.InvalidArgumentException, match=r"^code 4: "):
        drmaa.runBulkJobs(jt, *wrong)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({}, "remote_command"),
        ({"remoteCommand": "true", "nativeSpecification": "-pe smp 4"}, "-pe is Grid Engine's"),
        ({"remoteCommand": "true", "nativeSpecification": "--image x"}, "job_category"),
        ({"remoteCommand": "true", "jobCategory": "busybox"}, "job_category"),
        ({"remoteCommand": "true", "email": ["a@b"]}, "email"),
        ({"remoteCommand": "true", "workingDirectory": "/nonexistent"}, "/nonexistent"),
    ],
)
def test_denied(drmaa: type[drmaa1.Session], attributes: dict[str, object], said: str) -> None:
    with pytest.raises(drmaa1.DeniedByDrmException, match=f"^code 17: .*{said}"):
        drmaa.runJob(drmaa1.JobTemplate(**attributes))


def test_a_command_that_is_not_there_is_no_success(drmaa: type[drmaa1.Session], jt: drmaa1.JobTemplate) -> None:
    jt.remoteCommand = "/nonexistent/command"
    name = drmaa.runJob(jt)
    drmaa.synchronize([name], LONG)
    assert drmaa.jobStatus(name) == drmaa1.JobState.FAILED
    told = drmaa.wait(name)
    assert (told.wasAborted, told.hasExited, told.exitStatus) == (True, False, 127)


def test_a_deleted_template(drmaa: type[drmaa1.Session], jt: drmaa1.JobTemplate) -> None:
    drmaa.deleteJobTemplate(jt)
    with pytest.raises(drmaa1.InvalidArgumentException, match="was deleted"):
        drmaa.runJob(jt)
    with pytest.raises(drmaa1.InvalidArgumentException, match="a job template is expected"):
        drmaa.runJob({})  # type: ignore[arg-type]


def test_a_context_and_coming_back(session: pt.JobSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCTRACKER_SESSION", session.session_name)
    with drmaa1.Session() as first:
        assert (first.contact, str(first.version)) == ("process", "1.0")
        assert first.drmsInfo.startswith("proctracker")
        name, contact = submitted(drmaa1.Session, "exit 3"), first.contact
    with drmaa1.Session(contact) as second:
        assert second.wait(name, LONG).exitStatus == 3
