"""JobInfo: who, where, when, how long, how much."""

from __future__ import annotations

import getpass
import json
import os
import sys
from datetime import datetime, timedelta, timezone

import proctracker as pt
from contract.kit import LONG, Kit, cli, until
from proctracker.wire import confinement

BURN = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"


def test_who_and_where(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0", job_name="who"))
    info = job.wait_terminated(LONG)
    host = os.uname().nodename
    assert (info.job_id, info.job_name, info.session_name) == (job.job_id, "who", session.session_name)
    assert (info.submission_machine, info.host) == (host, host)
    assert info.allocated_machines is not None and next(iter(info.allocated_machines)) in kit.machines
    assert (info.job_owner, info.slots) == (getpass.getuser(), 1)
    assert (info.contact, info.runtime, info.job_category) == (kit.contact, kit.runtime, kit.image)
    assert (info.command, info.attempt, info.array_id, info.task_id) == (["sh", "-c", "exit 0"], 1, None, None)


def test_the_container_is_told(kit: Kit, session: pt.JobSession) -> None:
    info = session.run_job(kit.script("exit 0")).wait_terminated(LONG)
    assert bool(info.container_id) is kit.containers


def test_times_are_in_order_and_aware(kit: Kit, session: pt.JobSession) -> None:
    before = datetime.now(timezone.utc)
    info = session.run_job(kit.script("exit 0")).wait_terminated(LONG)
    times = [
        before - timedelta(seconds=1),
        info.submission_time,
        info.dispatch_time,
        info.finish_time,
        datetime.now(timezone.utc),
    ]
    assert times == sorted(time for time in times if time is not None)


def test_times_never_change(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    running = job.get_info()
    job.terminate()
    ended = job.wait_terminated(LONG)
    assert (running.submission_time, running.dispatch_time) == (ended.submission_time, ended.dispatch_time)


def test_the_wallclock_is_the_running_time(kit: Kit, session: pt.JobSession) -> None:
    info = session.run_job(kit.script("sleep 1")).wait_terminated(LONG)
    assert info.wallclock_time is not None and info.wallclock_time >= 0.95
    assert info.finish_time is not None and info.dispatch_time is not None
    assert info.wallclock_time <= (info.finish_time - info.dispatch_time).total_seconds() + 0.05


def test_the_wallclock_stands_while_suspended(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    job.suspend()
    first, second = job.get_info().wallclock_time, job.get_info().wallclock_time
    assert first == second is not None


def test_a_queued_job_has_not_been_dispatched(kit: Kit, session: pt.JobSession) -> None:
    info = session.run_job(kit.sleeper(submit_as_hold=True)).get_info()
    assert (info.job_state, info.slots) == (pt.JobState.QUEUED_HELD, 1)
    assert (info.dispatch_time, info.finish_time, info.pid) == (None, None, None)
    assert not info.wallclock_time


def test_a_running_job_tells_what_it_has_used(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script(f"{BURN}; echo burnt; sleep 600"))
    until(lambda: b"burnt" in job.read_output(), "some work")
    info = job.get_info()
    assert info.wallclock_time is not None and info.wallclock_time > 0
    assert not kit.measured or (info.cpu_time is not None and info.cpu_time > 0)


def test_usage_of_an_ended_job(kit: Kit, session: pt.JobSession) -> None:
    info = session.run_job(kit.script(BURN)).wait_terminated(LONG)
    if kit.runtime in ("process", "ctr"):
        assert info.cpu_time is not None and info.cpu_time > 0
        assert (info.max_rss or info.max_rss_at_most or 0) > 100
    else:
        # These engines tell nothing of an ended container; then nothing is invented.
        assert info.cpu_time is None or info.cpu_time >= 0


def test_a_peak_is_the_jobs_own_or_said_to_be_a_bound(kit: Kit, session: pt.JobSession) -> None:
    if kit.image:
        found = session.run_job(kit.script("exit 0")).wait_terminated(LONG)
        assert found.max_rss_at_most is None, "an engine tells of the container alone"
        return
    large = "x = bytearray(60 << 20); print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    big = session.run_job({"remote_command": sys.executable, "args": ["-I", "-S", "-c", large]})
    small = session.run_job({"remote_command": "sleep", "args": ["0.1"]})
    infos = [job.wait_terminated(LONG) for job in (big, small)]
    assert infos[0].max_rss_at_most is None
    assert 60 << 10 < (infos[0].max_rss or 0) < 100 << 10
    shown = cli("info", small.job_id).stdout
    [told] = json.loads(cli("info", "--json", small.job_id).stdout)
    if confinement.describe()["delegated"]:
        assert told["max_rss"] < 5_000
        assert told["max_rss_at_most"] is None
        assert f"max_rss: {told['max_rss']} KiB" in shown
    else:
        assert told["max_rss"] is None
        assert told["max_rss_at_most"] > 2_000
        assert f"max_rss: at most {-(-told['max_rss_at_most'] // 1024)} MiB" in shown


def test_json_has_the_promised_keys(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 3"))
    job.wait_terminated(LONG)
    [found] = json.loads(cli("info", "--json", job.job_id).stdout)
    keys = """job_id job_name exit_status terminating_signal annotation job_state job_sub_state allocated_machines
        submission_machine job_owner slots queue_name wallclock_time cpu_time submission_time dispatch_time finish_time
        session_name contact runtime job_category command pid container_id max_rss max_rss_at_most array_id task_id host
        working_directory input_path output_path error_path attempt resubmitted_from""".split()
    assert [key for key in keys if key not in found] == []
    assert (found["job_id"], found["job_state"], found["exit_status"]) == (job.job_id, "FAILED", 3)
    assert datetime.strptime(found["finish_time"], "%Y-%m-%dT%H:%M:%S.%fZ").year >= 2000
    assert isinstance(found["wallclock_time"], float)


def test_ps_shows_the_job(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper(job_name="asleep"))
    job.wait_started(LONG)
    head, row = cli("-s", session.session_name, "ps").stdout.splitlines()
    assert head.split() == "ID NAME STATE CONTACT COMMAND START WALL EXIT".split()
    cells = row.split()
    assert (cells[0], cells[1], cells[2]) == (job.job_id, "asleep", "RUNNING")
    assert "sleep 600" in row
    assert cli("-s", session.session_name, "ps", "-q").stdout == f"{job.job_id}\n"


def test_ps_shows_ended_jobs_when_asked(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 3"))
    job.wait_terminated(LONG)
    assert cli("-s", session.session_name, "ps", "-q").stdout == ""
    for options in (["-a"], ["--state", "FAILED"]):
        assert cli("-s", session.session_name, "ps", "-q", *options).stdout == f"{job.job_id}\n"


def test_a_new_process_finds_the_jobs_of_a_session(kit: Kit, session: pt.JobSession) -> None:
    ended, runs = session.run_job(kit.script("exit 3")), session.run_job(kit.sleeper())
    ended.wait_terminated(LONG)
    runs.wait_started(LONG)
    found = json.loads(cli("-s", session.session_name, "ps", "-a", "--json").stdout)
    assert {each["job_id"]: (each["job_state"], each["exit_status"]) for each in found} == {
        ended.job_id: ("FAILED", 3),
        runs.job_id: ("RUNNING", None),
    }


def test_a_live_job_tells_what_it_uses(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("while :; do :; done"))
    job.wait_started(LONG)
    if kit.runtime == "slurm":
        # Its accounting has it, where there is one, once a step is over: nothing is invented meanwhile.
        assert (job.get_info().cpu_time, job.get_info().max_rss) == (None, None)
        return
    until(lambda: (job.get_info().cpu_time or 0) > 0, "processor time")
    assert (job.get_info().max_rss or 0) > 100
    [found] = json.loads(cli("info", "--json", job.job_id).stdout)
    assert found["cpu_time"] > 0
    assert found["max_rss"] > 100
