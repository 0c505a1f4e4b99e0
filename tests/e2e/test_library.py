"""The library in a program of its own: threads, forks, pickles, asyncio, many clients at once."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent

import pytest

import proctracker as pt
from contract.kit import LONG, cli, state, until
from proctracker.store import Home, home_path


def _script(code: str) -> dict[str, object]:
    return {"remote_command": "sh", "args": ["-c", code]}


def test_run(home: Home) -> None:
    info = pt.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True)
    assert (info.exit_status, info.job_state, info.stdout, info.stderr) == (3, pt.JobState.FAILED, b"out\n", b"err\n")


def test_nothing_is_left_open(home: Home) -> None:
    code = """
        import asyncio, os, sys
        import proctracker as pt

        async def awaited(job):
            return await job

        session = pt.create_job_session("night")
        events = session.events()
        pt.register_event_notification(lambda told: None)
        job = session.run_job({"remote_command": "true"})
        assert asyncio.run(awaited(job)).exit_status == 0 and next(events).job_id == job.id
        child = os.fork()
        assert session.run_job({"remote_command": "true"}).wait_terminated().exit_status == 0
        if child:
            sys.exit(os.waitpid(child, 0)[1])
    """
    command = [sys.executable, "-X", "dev", "-W", "error", "-W", "ignore::DeprecationWarning", "-c", dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


@pytest.mark.parametrize("words", [("run", "true"), ("submit", "true"), ("ps", "-a", "--json"), ("wait", "--all")])
def test_commands_leave_nothing_open(home: Home, words: tuple[str, ...]) -> None:
    pt.run(["true"])
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "proctracker", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_run_checks(home: Home) -> None:
    with pytest.raises(pt.JobFailedException) as failed:
        pt.run(["sh", "-c", "exit 3"], check=True)
    assert failed.value.info.exit_status == 3
    assert isinstance(failed.value, pt.ImplementationSpecificException)


def test_run_times_out_and_terminates(home: Home) -> None:
    with pytest.raises(pt.TimeoutException):
        pt.run(["sleep", "600"], timeout=0.2)
    [job] = pt.open_job_session("default").get_jobs()
    assert job.wait_terminated(LONG).job_sub_state == "terminated"


def test_submit(home: Home) -> None:
    job = pt.submit(["sh", "-c", "exit 5"], job_name="five")
    info = job.wait_terminated(LONG)
    assert (info.exit_status, info.job_name, info.session_name) == (5, "five", "default")


def test_job_session_opens_or_creates(home: Home) -> None:
    with pt.job_session("night") as session:
        job = session.run_job(_script("exit 0"))
    with pt.job_session("night") as session:
        assert session.get_jobs() == [job]
        job.wait_terminated(LONG)


def test_objects_travel_in_pickles(home: Home) -> None:
    session = pt.create_job_session("s")
    job, array = session.run_job(_script("exit 3")), session.run_bulk_jobs(_script("exit $TASK_ID"), 1, 2)
    code = (
        "import pickle, sys\n"
        "session, job, array = pickle.load(sys.stdin.buffer)\n"
        f"print(job.wait_terminated({LONG}).exit_status, [each.job_id for each in session.get_jobs()] != [])\n"
        f"array.wait_terminated({LONG}); print([each.get_info().exit_status for each in array.jobs])\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps((session, job, array)), capture_output=True, check=True
    )
    assert told.stdout.decode() == "3 True\n[1, 2]\n"
    assert pickle.loads(pickle.dumps(job)) == job
    assert {job: 1}[pickle.loads(pickle.dumps(job))] == 1


def test_exceptions_travel_in_pickles(home: Home) -> None:
    with pytest.raises(pt.JobFailedException) as failed:
        pt.run(["false"], check=True)
    again = pickle.loads(pickle.dumps(failed.value))
    assert (str(again), again.error_code, again.info) == (str(failed.value), failed.value.error_code, failed.value.info)


def test_a_fork_uses_what_its_parent_made(home: Home) -> None:
    session = pt.create_job_session("s")
    job = session.run_job(_script("exit 3"))
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 10 + (job.wait_terminated(LONG).exit_status or 0)
            session.run_job(_script("exit 0")).wait_terminated(LONG)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 13
    assert job.wait_terminated(LONG).exit_status == 3
    assert len(session.get_jobs()) == 2


def test_many_threads_submit(home: Home) -> None:
    session = pt.create_job_session("s")
    with ThreadPoolExecutor(8) as pool:
        jobs = [*pool.map(lambda code: session.run_job(_script(f"exit {code}")), range(64))]
        infos = [*pool.map(lambda job: job.wait_terminated(LONG), jobs)]
    assert [info.exit_status for info in infos] == [*range(64)]
    assert len({job.job_id for job in jobs}) == 64


def test_many_clients_start_one_supervisor(home: Home) -> None:
    with ThreadPoolExecutor(10) as pool:
        codes = [*pool.map(lambda code: cli("run", "--", "sh", "-c", f"exit {code}").returncode, range(10))]
    assert codes == [*range(10)]
    from e2e.day import seat

    def others() -> list[int]:
        return [pid for pid in _python_pids() if home.path in _words(pid) and pid not in seat(home)]

    # Who lost the race may still be leaving.
    assert until(lambda: not others(), "one supervisor")
    assert seat(home).keeper > 1


def test_as_completed_and_await_over_many(home: Home) -> None:
    session = pt.create_job_session("s")
    jobs = [session.run_job(_script(f"sleep 0.0{code}; exit {code}")) for code in range(10)]
    assert {job.job_id for job in pt.as_completed(jobs)} == {job.job_id for job in jobs}

    async def all_of_them() -> list[pt.JobInfo]:
        return await asyncio.gather(*(_await(job) for job in jobs))

    threads = threading.active_count()
    assert [info.exit_status for info in asyncio.run(all_of_them())] == [*range(10)]
    assert threading.active_count() == threads


def test_events_come_to_a_coroutine(home: Home) -> None:
    session = pt.create_job_session("s")

    async def first_end() -> pt.Notification:
        events = session.events()
        job = session.run_job(_script("exit 0"))
        async for note in events:
            if note.job_id == job.job_id and note.job_state == pt.JobState.DONE:
                return note
        raise AssertionError("no event")

    assert asyncio.run(asyncio.wait_for(first_end(), LONG)).session_name == "s"


def test_a_job_in_a_job_submits_to_the_same(home: Home) -> None:
    words = [sys.executable, "-m", "proctracker", "run", "--", "sh", "-c", "exit 4"]
    info = pt.run(words)
    assert info.exit_status == 4
    assert len(pt.open_job_session("default").get_jobs()) == 2


def test_jobs_get_the_callers_limits_and_umask(home: Home) -> None:
    cli("run", "--", "true")
    shell = "umask 027; ulimit -n 200; ulimit -c 0; exec \"$0\" -m proctracker run -- sh -c 'umask; ulimit -n; ulimit -c; nice'"
    done = subprocess.run(
        ["nice", "-n", "3", "sh", "-c", shell, sys.executable], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0027", "200", "0", "3"]


def test_suspend_stops_the_whole_tree(home: Home) -> None:
    session = pt.create_job_session("s")
    job = session.run_job(_script("setsid sh -c 'setsid sleep 600 & echo x; wait' & wait"))

    until(lambda: job.read_output() and len(_marked(job)) == 3, "the tree")
    job.suspend()
    pids = _marked(job)
    assert len(pids) == 3
    assert {_letter(pid) for pid in pids} == {"T"}
    job.resume()
    assert state(job) == pt.JobState.RUNNING


def test_terminate_ends_what_was_daemonised(home: Home) -> None:
    session = pt.create_job_session("s")
    job = session.run_job(_script("setsid sh -c 'setsid sleep 600 & sleep 600' & echo ready; wait"))

    until(lambda: job.read_output() == b"ready\n", "output")
    until(lambda: len(_marked(job)) >= 4, "the tree")
    job.terminate()
    job.wait_terminated(LONG)
    assert until(lambda: not _marked(job), "the end of all")


def test_a_normal_end_leaves_background_processes(home: Home) -> None:
    session = pt.create_job_session("s")
    job = session.run_job(_script("setsid sleep 600 >/dev/null 2>&1 & exit 0"))
    assert job.wait_terminated(LONG).exit_status == 0
    # In the midst of exec a process has no environment to be seen.
    assert until(lambda: _marked(job), "the background process")


async def _await(job: pt.Job) -> pt.JobInfo:
    return await job


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _marked(job: pt.Job) -> list[int]:
    """The processes that carry a job's mark."""
    mark = f"PROCTRACKER_JOB={Home(home_path(os.environ)).uuid}/{job.job_id}/"
    return [pid for pid in _pids() if mark in _environ(pid)]


def _python_pids() -> list[int]:
    return [pid for pid in _pids() if "supervisor.main" in _words(pid)]


def _read(pid: int, name: str) -> str:
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _words(pid: int) -> str:
    return _read(pid, "cmdline")


def _environ(pid: int) -> str:
    found = [line for line in _read(pid, "environ").split("\0") if line.startswith("PROCTRACKER_JOB=")]
    return found[0] if found else ""


def _letter(pid: int) -> str:
    return _read(pid, "stat").rpartition(")")[2].split()[0]


def test_a_dependency_that_ends_while_its_dependent_is_submitted(home: Home) -> None:
    session = pt.create_job_session("s")
    infos = []
    for number in range(100):
        first = session.run_job(_script("exit 0")) if number % 2 else session.run_bulk_jobs(_script("exit 0"), 1, 1)
        then = session.run_job({**_script("exit 0"), "implementation_specific": {"after": [first.id]}})
        infos.append(then.wait_terminated(LONG))
    assert [info.annotation for info in infos if info.job_state != pt.JobState.DONE] == []
