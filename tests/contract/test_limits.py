"""What the supervisor sees to, for every runtime: start time, deadline, time limit, max_running, priority."""

from __future__ import annotations

import os
import warnings
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, state, states, until
from proctracker.store import Home, Reader, home_path
from proctracker.wire import confinement


def test_a_start_time_is_waited_for(kit: Kit, session: pt.JobSession) -> None:
    # A state that a scheduler is asked for may take some seconds.
    when = datetime.now(timezone.utc) + timedelta(seconds=10 if kit.runtime == "slurm" else 1)
    job = session.run_job(kit.script("exit 0", start_time=when))
    assert state(job) == pt.JobState.QUEUED
    info = job.wait_terminated(LONG)
    assert info.dispatch_time is not None and info.dispatch_time >= when


def test_a_time_limit_ends_the_job(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper(resource_limits={"WALLCLOCK_TIME": 1}))
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state) == (pt.JobState.FAILED, "time-limit")
    assert info.wallclock_time is not None and info.wallclock_time >= 0.9


def test_resource_limits_hold_or_the_job_does_not_start(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    out = tmp_path / "out"
    template = kit.script("grep core /proc/self/limits", output_path=str(out), resource_limits={"CORE_FILE_SIZE": 64})
    if kit.runtime == "ctr":
        with pytest.raises(pt.UnsupportedAttributeException, match="resource_limits"):
            session.run_job(template)
        return
    info = session.run_job(template).wait_terminated(LONG)
    assert info.job_state == pt.JobState.DONE, info.annotation
    assert out.read_text().split()[4:6] == [str(64 * 1024)] * 2


def test_a_deadline_ends_a_running_job(kit: Kit, session: pt.JobSession) -> None:
    when = datetime.now(timezone.utc) + timedelta(seconds=2)
    info = session.run_job(kit.sleeper(deadline_time=when)).wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state) == (pt.JobState.FAILED, "deadline")
    assert info.finish_time is not None and info.finish_time >= when - timedelta(seconds=0.1)


def test_a_deadline_ends_a_queued_job(kit: Kit, session: pt.JobSession) -> None:
    info = session.run_job(kit.sleeper(submit_as_hold=True, deadline_time="+1s")).wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state, info.dispatch_time) == (pt.JobState.FAILED, "deadline", None)


def test_a_deadline_in_the_past_is_refused(kit: Kit, session: pt.JobSession) -> None:
    with pytest.raises(pt.InvalidArgumentException, match="deadline"):
        session.run_job(kit.sleeper(deadline_time=datetime.now(timezone.utc) - timedelta(seconds=1)))
    assert session.get_jobs() == []


def test_max_running_of_a_session(kit: Kit, session: pt.JobSession) -> None:
    session.max_running = 2
    assert session.max_running == 2
    jobs = [session.run_job(kit.sleeper()) for _ in range(3)]
    session.wait_all_started(jobs[:2], LONG)
    assert states(jobs) == [pt.JobState.RUNNING, pt.JobState.RUNNING, pt.JobState.QUEUED]
    jobs[0].terminate()
    jobs[2].wait_started(LONG)


def test_a_raised_max_running_starts_more(kit: Kit, session: pt.JobSession) -> None:
    session.max_running = 1
    jobs = [session.run_job(kit.sleeper()) for _ in range(2)]
    jobs[0].wait_started(LONG)
    assert cli("session", "set", session.session_name, "max_running=2").returncode == 0
    jobs[1].wait_started(LONG)
    assert session.max_running == 2


def test_a_suspended_job_keeps_its_slot(kit: Kit, session: pt.JobSession) -> None:
    session.max_running = 1
    jobs = [session.run_job(kit.sleeper()) for _ in range(2)]
    jobs[0].wait_started(LONG)
    jobs[0].suspend()
    assert states(jobs) == [pt.JobState.SUSPENDED, pt.JobState.QUEUED]


def test_a_job_of_two_slots_takes_two(kit: Kit, session: pt.JobSession) -> None:
    session.max_running = 2
    wide, narrow = session.run_job(kit.sleeper(min_slots=2)), session.run_job(kit.sleeper())
    wide.wait_started(LONG)
    assert states([wide, narrow]) == [pt.JobState.RUNNING, pt.JobState.QUEUED]
    assert wide.get_info().slots == 2


def test_a_memory_limit_holds_or_the_job_does_not_start(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    template = kit.extended(kit.script("exit 0"), memory_limit="64M")
    if kit.runtime == "process" and not confinement.describe()["delegated"]:
        with pytest.raises(pt.UnsupportedAttributeException, match=r"memory_limit.*resource_limits"):
            session.run_job(template)
        return
    jobs = [session.run_job({**template, **files}) for files in ({}, {"error_path": str(tmp_path / "err")})]
    infos = [job.wait_terminated(LONG) for job in jobs]
    if kit.name == "podman-rootless" and not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        assert [(info.exit_status, info.job_sub_state) for info in infos] == [(125, "start-failed")] * 2
        assert all("ignored" in (info.annotation or "") for info in infos)
        assert "proctracker-" not in kit.listed()
    elif kit.runtime == "apptainer" and infos[0].exit_status:
        assert [info.exit_status for info in infos] == [125] * 2
        assert all("cgroups" in (info.annotation or "") for info in infos)
    else:
        assert [info.job_state for info in infos] == [pt.JobState.DONE] * 2


def test_the_higher_priority_goes_first(kit: Kit, session: pt.JobSession) -> None:
    session.max_running = 1
    first = session.run_job(kit.sleeper())
    low, high = session.run_job(kit.script("exit 0", priority=-5)), session.run_job(kit.sleeper(priority=-1))
    first.wait_started(LONG)
    first.terminate()
    high.wait_started(LONG)
    assert states([low, high]) == [pt.JobState.QUEUED, pt.JobState.RUNNING]
    high.terminate()
    low.wait_terminated(LONG)


def test_a_dependent_starts_when_the_other_is_done(kit: Kit, session: pt.JobSession) -> None:
    first = session.run_job(kit.script("exit 0", submit_as_hold=True))
    then = session.run_job(kit.extended(kit.script("exit 4"), after=[first.job_id]))
    assert state(then) == pt.JobState.QUEUED
    first.release()
    assert then.wait_terminated(LONG).exit_status == 4


def test_a_dependent_of_a_failure_fails(kit: Kit, session: pt.JobSession) -> None:
    first = session.run_job(kit.script("exit 1"))
    then = session.run_job(kit.extended(kit.script("exit 0"), after=[first.job_id]))
    info = then.wait_terminated(LONG)
    assert (info.job_state, info.dispatch_time) == (pt.JobState.FAILED, None)
    assert first.job_id in (info.annotation or "")
    anyway = session.run_job(kit.extended(kit.script("exit 0"), after_any=[first.job_id]))
    assert anyway.wait_terminated(LONG).job_state == pt.JobState.DONE


def test_a_failed_job_is_tried_again(kit: Kit, session: pt.JobSession) -> None:
    script = kit.script('echo "try $PROCTRACKER_ATTEMPT"; test "$PROCTRACKER_ATTEMPT" = 2')
    job = session.run_job(kit.extended(script, retries=2))
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.exit_status, info.attempt) == (pt.JobState.DONE, 0, 2)
    assert job.read_output() == b"try 2\n"


def test_the_output_of_earlier_attempts_is_shown(kit: Kit, session: pt.JobSession) -> None:
    script = kit.script('echo "try $PROCTRACKER_ATTEMPT"; exit 3')
    job = session.run_job(kit.extended(script, retries=1, retry_delay=5))
    until(lambda: state(job) == pt.JobState.REQUEUED, "the retry")
    assert job.get_info().annotation == "attempt 1: exit status 3"
    assert cli("logs", job.job_id).stdout == "try 1\n"
    assert job.read_output() == b"try 1\n"
    assert job.wait_terminated(LONG).attempt == 2
    assert cli("logs", job.job_id).stdout == "try 2\n"
    assert cli("logs", "--attempt", "1", job.job_id).stdout == "try 1\n"
    assert cli("logs", "--attempt", "all", job.job_id).stdout == "try 1\ntry 2\n"
    assert [job.read_output(attempt=number) for number in (1, 2)] == [b"try 1\n", b"try 2\n"]
    assert job.get_info().annotation is None


def test_a_time_out_of_run_has_the_job_that_has_ended_and_its_output(kit: Kit, session: pt.JobSession) -> None:
    more: dict[str, Any] = {"job_category": kit.image} if kit.image else {}
    script = "trap 'echo bye; exit 0' TERM; echo out; echo err >&2; while :; do sleep 0.1; done"
    with pytest.raises(pt.TimeoutException) as caught:
        pt.run(["sh", "-c", script], timeout=2, session=session, **more)
    over = caught.value
    assert over.job.get_state() == (pt.JobState.FAILED, "terminated")
    assert over.stdout == b"out\nbye\n"
    assert over.stderr is not None and over.stderr.startswith(b"err\n")  # a shell may tell of its sleep's end


def test_retries_end(kit: Kit, session: pt.JobSession) -> None:
    info = session.run_job(kit.extended(kit.script("exit 5"), retries=1)).wait_terminated(LONG)
    assert (info.job_state, info.exit_status, info.attempt) == (pt.JobState.FAILED, 5, 2)


def test_a_resubmitted_job_is_a_new_one(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 6", job_name="again"))
    job.wait_terminated(LONG)
    other = job.resubmit()
    info = other.wait_terminated(LONG)
    assert other.job_id != job.job_id
    assert (info.exit_status, info.job_name, info.resubmitted_from) == (6, "again", job.job_id)


def test_a_resubmitted_job_has_what_was_given_to_the_first_one(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("echo $GIVEN; exit 6", job_environment={"GIVEN": "kept"}))
    job.wait_terminated(LONG)
    last = pt.run(["true"])
    with closing(Reader(Home(home_path(os.environ)))) as reader:
        row = reader.jobs([str(last.job_id)])[0]
        until(lambda: "env" not in (reader.context(reader.spec_context(row.spec)) or {}))
    with warnings.catch_warnings():
        warnings.simplefilter("error" if kit.containers else "ignore")
        other = job.resubmit()
    other.wait_terminated(LONG)
    assert other.read_output() == b"kept\n"
    assert job.job_template.job_environment == other.job_template.job_environment == {"GIVEN": "kept"}


def test_dependencies_are_those_of_the_first_time(kit: Kit, session: pt.JobSession) -> None:
    before = session.run_job(kit.script("exit 1"))
    job = session.run_job(kit.extended(kit.script("exit 0"), after=[before.job_id]))
    assert job.wait_terminated(LONG).job_state == pt.JobState.FAILED
    with pytest.raises(
        pt.InvalidArgumentException, match=rf"job {job.id} followed on {before.id}, .* or say after {before.id}$"
    ):
        job.resubmit()
    first, second = cli("resubmit", job.job_id, before.job_id).stdout.split()
    again = session.get_job(first)
    again.wait_terminated(LONG)
    assert (again.job_template.implementation_specific or {})["after"] == [second]
    assert (again.get_state(), again.get_info().dispatch_time) == ((pt.JobState.FAILED, "dependency"), None)
    other = job.resubmit(after_any=before)
    assert other.wait_terminated(LONG).job_state == pt.JobState.DONE


def test_a_live_job_is_not_resubmitted(kit: Kit, session: pt.JobSession) -> None:
    for job in (session.run_job(kit.sleeper()), session.run_job(kit.sleeper(submit_as_hold=True))):
        with pytest.raises(pt.InvalidStateException, match=f"job {job.id} has not ended"):
            job.resubmit()
    array = session.run_bulk_jobs(kit.sleeper(submit_as_hold=True), 1, 2)
    with pytest.raises(pt.InvalidStateException, match="has not ended"):
        array.resubmit()
    assert len(session.get_jobs()) == 4


def test_events_tell_of_every_state(kit: Kit, session: pt.JobSession) -> None:
    seen: list[pt.Notification] = []
    pt.register_event_notification(seen.append)
    try:
        job = session.run_job(kit.script("exit 0"))
        job.wait_terminated(LONG)
        until(lambda: pt.JobState.DONE in [note.job_state for note in seen], "the last event")
    finally:
        pt.register_event_notification(None)
    states_of = [note.job_state for note in seen if note.job_id == job.job_id]
    assert states_of[-2:] == [pt.JobState.RUNNING, pt.JobState.DONE]
    assert states_of == sorted(states_of, key=lambda each: each or 0)
    times, info = [note.time for note in seen if note.job_id == job.job_id and note.time is not None], job.get_info()
    assert times == sorted(times)
    assert (times[-2], times[-1]) == (info.dispatch_time, info.finish_time)


def test_the_output_of_every_attempt_is_followed(kit: Kit, session: pt.JobSession) -> None:
    script = kit.script('echo "try $PROCTRACKER_ATTEMPT"; [ $PROCTRACKER_ATTEMPT != 1 ] || sleep 6; exit 4')
    job = session.run_job(kit.extended(script, retries=2))
    assert cli("logs", "-f", job.job_id).stdout == "try 1\ntry 2\ntry 3\n"
    assert job.get_state()[0] == pt.JobState.FAILED


def test_run_shows_every_attempt(kit: Kit, session: pt.JobSession) -> None:
    image = ["--image", kit.image] if kit.image else []
    script = 'echo "try $PROCTRACKER_ATTEMPT"; exit 4'
    done = cli("-s", session.session_name, "run", *image, "--retries", "2", "--", "sh", "-c", script)
    assert (done.stdout, done.stderr, done.returncode) == ("try 1\ntry 2\ntry 3\n", "", 4)
