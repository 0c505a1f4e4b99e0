"""Arrays: tasks, max_parallel, controls that act on all."""

from __future__ import annotations

import collections
from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, state, states, text, until


def test_ten_tasks_are_ten_jobs(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.sleeper(submit_as_hold=True), 1, 10, 1)
    assert [job.job_id for job in array.jobs] == [f"{array.job_array_id}_{task}" for task in range(1, 11)]
    assert sorted(job.job_id for job in session.get_jobs()) == sorted(job.job_id for job in array.jobs)
    assert session.get_job_array(array.job_array_id).jobs == array.jobs


def test_every_second_task(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.sleeper(submit_as_hold=True), 11, 110, 2)
    assert [job.get_info().task_id for job in array.jobs] == list(range(11, 111, 2))


def test_a_range_that_means_nothing_is_refused(kit: Kit, session: pt.JobSession) -> None:
    for begin, end, step in [(1, 10, 0), (1, 10, -1), (5, 4, 1), (0, 3, 1), (-3, -1, 1)]:
        with pytest.raises(pt.InvalidArgumentException):
            session.run_bulk_jobs(kit.job("true"), begin, end, step)
    assert session.get_jobs() == []


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_than_max_parallel_run_at_once(kit: Kit, session: pt.JobSession, tmp_path: Path, most: int) -> None:
    log = tmp_path / "log"
    log.touch()
    log.chmod(0o666)
    # The first ones wait for each other, however long an engine takes to start the second.
    together = (
        f"echo + >>{{0}}; until [ $(grep -c + {{0}}) -ge {most} ]; do sleep 0.02; done; sleep 0.2; echo - >>{{0}}"
    )
    if kit.containers:
        template = kit.extended(kit.script(together.format("/log")), volumes=[f"{log}:/log"])
    else:
        template = kit.script(together.format(log))
    array = session.run_bulk_jobs(template, 1, 4, 1, most)
    array.wait_terminated(LONG)
    running, peak = 0, 0
    for mark in text(log).split():
        running += 1 if mark == "+" else -1
        peak = max(peak, running)
    assert len(text(log).split()) == 8
    assert peak == most


def test_without_max_parallel_all_run_at_once(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.sleeper(), 1, 4)
    array.wait_started(LONG)
    assert until(lambda: states(array.jobs) == [pt.JobState.RUNNING] * 4, "four running")


def test_queued_tasks_start_as_others_end(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.sleeper(), 1, 4, 1, 1)
    array.jobs[0].wait_started(LONG)
    assert states(array.jobs)[1:] == [pt.JobState.QUEUED] * 3
    array.jobs[2].terminate()
    array.jobs[0].terminate()
    array.jobs[1].wait_started(LONG)
    assert states(array.jobs) == [pt.JobState.FAILED, pt.JobState.RUNNING, pt.JobState.FAILED, pt.JobState.QUEUED]
    array.jobs[1].terminate()
    array.jobs[3].wait_started(LONG)
    assert state(array.jobs[3]) == pt.JobState.RUNNING


def test_terminate_ends_every_task(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.sleeper(), 1, 4, 1, 2)
    array.jobs[0].wait_started(LONG)
    array.terminate()
    array.wait_terminated(LONG)
    assert collections.Counter(states(array.jobs)) == {pt.JobState.FAILED: 4}


def test_suspend_and_resume_of_all(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.sleeper(), 1, 3)
    session.wait_all_started(array.jobs, LONG)
    array.suspend()
    assert states(array.jobs) == [pt.JobState.SUSPENDED] * 3
    array.resume()
    assert states(array.jobs) == [pt.JobState.RUNNING] * 3


def test_hold_and_release_of_all(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.script("exit 0", submit_as_hold=True), 1, 3)
    assert states(array.jobs) == [pt.JobState.QUEUED_HELD] * 3
    array.release()
    array.wait_terminated(LONG)
    assert states(array.jobs) == [pt.JobState.DONE] * 3


def test_a_control_acts_on_the_tasks_it_fits(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.sleeper(), 1, 3, 1, 1)
    array.jobs[0].wait_started(LONG)
    array.hold()
    assert states(array.jobs) == [pt.JobState.RUNNING, pt.JobState.QUEUED_HELD, pt.JobState.QUEUED_HELD]
    array.suspend()
    assert states(array.jobs) == [pt.JobState.SUSPENDED, pt.JobState.QUEUED_HELD, pt.JobState.QUEUED_HELD]


def test_a_control_that_fits_no_task_is_refused(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.script("exit 0"), 1, 2)
    array.wait_terminated(LONG)
    for control in (array.suspend, array.hold, array.terminate):
        with pytest.raises(pt.InvalidStateException):
            control()


def test_the_command_tries_all_and_names_the_one_that_failed(kit: Kit, session: pt.JobSession) -> None:
    ended, runs = session.run_job(kit.script("exit 0")), session.run_job(kit.sleeper())
    ended.wait_terminated(LONG)
    runs.wait_started(LONG)
    done = cli("terminate", ended.job_id, "4711", runs.job_id)
    assert done.returncode == 1
    assert ended.job_id in done.stderr and "4711" in done.stderr
    assert runs.wait_terminated(LONG).job_sub_state == "terminated"


def test_a_single_job_is_no_array(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.job("true"))
    with pytest.raises(pt.InvalidArgumentException):
        session.get_job_array(job.job_id)
    job.wait_terminated(LONG)


def test_tasks_that_would_write_the_same_file_are_refused(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    with pytest.raises(pt.InvalidArgumentException, match="out"):
        session.run_bulk_jobs(kit.job("true", output_path=str(tmp_path / "out")), 1, 2)
    assert session.get_jobs() == []
    array = session.run_bulk_jobs(kit.job("true", output_path="/dev/null"), 1, 2)
    array.wait_terminated(LONG)
    assert states(array.jobs) == [pt.JobState.DONE] * 2


def test_the_command_waits_for_an_array_and_tells_the_first_failure(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.script("test $TASK_ID = 2 && exit 7; exit 0"), 1, 3)
    done = cli("wait", array.job_array_id)
    assert (done.returncode, done.stdout) == (7, "")
    assert f"1 of 3 failed: {array.job_array_id}_2" in done.stderr


def test_the_command_names_queued_tasks_in_one_row(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.sleeper(submit_as_hold=True), 1, 5)
    assert f"{array.job_array_id}_[1-5]" in cli("-s", session.session_name, "ps").stdout


def test_an_array_is_awaited(kit: Kit, session: pt.JobSession) -> None:
    import asyncio

    async def ended() -> object:
        return await session.run_bulk_jobs(kit.script("exit $TASK_ID"), 1, 2)

    infos = asyncio.run(ended())
    assert [info.exit_status for info in infos] == [1, 2]  # type: ignore[attr-defined]


def test_tasks_made_of_fields_have_their_own_command(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    (tmp_path / "table").write_text("a,1\nb c,2\n", encoding="utf-8")
    given = ["--over", str(tmp_path / "table"), "--colsep", ","]
    words = ["sh", "-c", 'echo "$0|$1|$TASK_ITEM"', "{2}-{1}", "{}"]
    image = ["--image", kit.image] if kit.image else []
    done = cli("-c", kit.contact, "-s", session.session_name, "array", *given, *image, "--", *words)
    first = done.stdout.strip()
    assert cli("wait", first).returncode == 0
    again = cli("resubmit", first).stdout.strip()
    assert cli("wait", again).returncode == 0
    for array in (first, again):
        shown = cli("logs", array).stdout.splitlines()
        assert shown == [f"{array}_1: 1-a|a 1|a 1", f"{array}_2: 2-b c|b c 2|b c 2"]


def test_an_array_is_halted(kit: Kit, session: pt.JobSession) -> None:
    image = ["--image", kit.image] if kit.image else []
    where = ["-c", kit.contact, "-s", session.session_name]
    words = ["sh", "-c", 'test $TASK_ID != 1 || exit 3; trap "exit 0" TERM; sleep 600 & wait']
    done = cli(*where, "array", "1-4%3", "--halt", "1", *image, "--", *words)
    assert cli("wait", done.stdout.strip()).returncode == 3
    states = cli(*where, "ps", "-a", "--columns", "exit,state,reason", "--tsv").stdout.splitlines()[1:]
    assert [line.split("\t")[1] for line in states] == ["FAILED"] * 4
    assert "was halted: 1 of its tasks has failed" in states[3]
