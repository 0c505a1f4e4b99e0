"""What can go wrong with a cluster, done to a real one: a job is submitted once or not at all, and what is told is true."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.kit import LONG, cli, until
from e2e.day import kill, seat, started, submit
from proctracker.linux import procfs
from proctracker.store import Home, Reader
from slurm import Cluster

SHIM = """#!/bin/sh
echo $$ >>{folder}/calls
[ ! -e {folder}/before ] || {{ echo >{folder}/there; read line <{folder}/gate; }}
{sbatch} "$@"
code=$?
[ ! -e {folder}/after ] || {{ echo >{folder}/there; read line <{folder}/gate; }}
exit $code
"""


def info(job: str) -> dict[str, Any]:
    """What is told of a job."""
    found: list[dict[str, Any]] = json.loads(cli("info", "--json", job).stdout)
    return found[0]


def ended(job: str) -> dict[str, Any]:
    """The same, once it has ended."""
    cli("wait", "--timeout", str(LONG), job)
    found = info(job)
    assert found["finish_time"] or found["job_state"] == "UNDETERMINED", brief(found)
    return found


def brief(found: dict[str, Any]) -> dict[str, Any]:
    """What is known of an end, for failures of these tests."""
    names = "job_state", "job_sub_state", "exit_status", "terminating_signal", "annotation", "scheduler_id"
    return {name: found[name] for name in names}


def begun(*words: str) -> tuple[str, str]:
    """A job that runs, and Slurm's id of it."""
    job = submit(*words)
    assert cli("wait", "--started", "--timeout", str(LONG), job).returncode == 0
    return job, until(lambda: info(job)["scheduler_id"], "its id", LONG)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A named pipe that jobs wait at."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


class Shim:
    """An sbatch that can be stopped before or after the real one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stop(self, where: str) -> None:
        (self.folder / where).touch()

    def there(self) -> None:
        until((self.folder / "there").exists, "the call")

    def pid(self) -> int:
        return int((self.folder / "calls").read_text().split()[-1])

    def go_on(self, where: str) -> None:
        (self.folder / where).unlink()
        with open(self.folder / "gate", "w"):
            pass


@pytest.fixture
def shim(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shim]:
    """In front of the others on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    os.mkfifo(folder / "gate")
    for program in ("squeue", "scontrol", "scancel", "sinfo", "sacct"):
        (folder / program).symlink_to(str(shutil.which(program)))
    (folder / "sbatch").write_text(SHIM.format(folder=folder, sbatch=shutil.which("sbatch")))
    (folder / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return Shim(folder)


@pytest.mark.parametrize("who", ["supervisor", "both", "all"])
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_submit_that_is_cut_off_is_made_once(shim: Shim, home: Home, tmp_path: Path, where: str, who: str) -> None:
    """Killed: the supervisor, its keeper with it, and sbatch too. Where Slurm has the job it is found, else submitted anew."""
    shim.stop(where)
    job = submit("--", "sh", "-c", f"echo ran >>{tmp_path}/ran; exit 4")
    shim.there()
    found = seat(home)
    kill(*{"supervisor": (found.supervisor,)}.get(who, (found.supervisor, found.keeper)))
    if who == "all":
        os.kill(shim.pid(), signal.SIGKILL)
        (shim.folder / where).unlink()
    else:
        shim.go_on(where)
    assert ended(job)["exit_status"] == 4
    assert (tmp_path / "ran").read_text() == "ran\n"


@pytest.mark.parametrize("told", [False, True])
def test_an_id_that_is_given_out_again_is_another_job(cluster: Cluster, home: Home, gate: Path, told: bool) -> None:
    """A controller whose last seconds were not saved forgets a job and gives its id to the next one.

    Nobody knows that job: it is lost, unless it was told to end before that came out.
    """
    cluster.end("slurmctld")
    shutil.copytree(cluster.path("state"), cluster.path("saved"))
    cluster.start()
    forgotten = submit("--hold", "--", "true")
    number = until(lambda: info(forgotten)["scheduler_id"], "its id", LONG)
    cluster.end("slurmctld", signal.SIGKILL)
    shutil.rmtree(cluster.path("state"))
    shutil.move(cluster.path("saved"), cluster.path("state"))
    with contextlib.ExitStack() as stack:
        if told:
            stack.enter_context(started("terminate", "--grace", "0", forgotten))
            reader = stack.enter_context(contextlib.closing(Reader(home)))
            until(lambda: reader.jobs([forgotten])[0].sub_state == "terminating", "that it is told to end", LONG)
        cluster.start()
        job, same = begun("--", "sh", "-c", f"read line <{gate}; exit 6")
        assert same == number
        assert cli("release", forgotten).returncode == 1
        gone = ended(forgotten)
    assert (gone["job_state"], gone["job_sub_state"]) == (
        ("FAILED", "terminated") if told else ("UNDETERMINED", "lost")
    )
    assert (gone["exit_status"], gone["terminating_signal"]) == (None, None)
    assert cli("terminate", "--grace", "0", forgotten).returncode == 1
    gate.write_text("go\n")
    assert ended(job)["exit_status"] == 6


def test_a_requeue_of_what_runs_begins_it_anew(cluster: Cluster, home: Home, gate: Path, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("rerunnable: true\n")
    script = f"echo $SLURM_RESTART_COUNT; read line <{gate}; exit 3"
    job, number = begun("-t", str(tmp_path / "job.yaml"), "--", "sh", "-c", script)
    cluster.call("scontrol", "requeue", number)
    until(lambda: info(job)["job_state"] == "REQUEUED", "the requeue", LONG)
    assert info(job)["job_sub_state"] == "requeued"
    cluster.call("scontrol", "update", f"jobid={number}", "StartTime=now")
    until(lambda: info(job)["job_state"] == "RUNNING", "another run", LONG)
    gate.write_text("go\n")
    assert ended(job)["exit_status"] == 3
    assert cli("logs", job).stdout == "\n1\n"


def test_what_has_ended_never_opens_again(cluster: Cluster, home: Home, tmp_path: Path) -> None:
    """A user may requeue a job that has ended, if it was submitted so."""
    (tmp_path / "job.yaml").write_text("rerunnable: true\n")
    job = submit("-t", str(tmp_path / "job.yaml"), "--", "sh", "-c", "exit 3")
    before = ended(job)
    cluster.call("scontrol", "requeue", before["scheduler_id"])
    cluster.call("scontrol", "update", f"jobid={before['scheduler_id']}", "StartTime=now")
    after = submit("--", "true")
    ended(after)
    assert info(job) == before


SCRIPTS = {
    "pending": "exit 0",
    "running": "sleep 100 & echo $! >child; echo >there; exec sleep 100",
    "shell": "echo >there; sleep 100; exit",
    "caught": "trap 'exit 0' TERM; echo >there; while :; do sleep 0.1; done",
}
CODES: dict[str, list[tuple[int | None, str | None]]] = {
    "pending": [(None, None)],
    "running": [(None, "SIGTERM")],
    "shell": [(None, "SIGTERM"), (143, None)],  # what its child's end is to it, where that got TERM first
    "caught": [(0, None)],
}


@pytest.mark.parametrize("state", SCRIPTS)
def test_scancel_by_hand(cluster: Cluster, home: Home, tmp_path: Path, state: str) -> None:
    """Every process of a job gets TERM, one after the other."""
    words = ("-w", str(tmp_path), "--", "sh", "-c", SCRIPTS[state])
    if state == "pending":
        job = submit("--hold", *words)
        number = until(lambda: info(job)["scheduler_id"], "its id", LONG)
    else:
        job, number = begun(*words)
        until((tmp_path / "there").exists, "its start")
    cluster.call("scancel", number)
    found = ended(job)
    assert (found["job_state"], found["job_sub_state"]) == ("FAILED", "cancelled")
    assert (found["exit_status"], found["terminating_signal"]) in CODES[state]
    if state == "running":
        until(lambda: not procfs.lives(int((tmp_path / "child").read_text())), "the end of its child")


def test_scancel_of_one_task(cluster: Cluster, home: Home, gate: Path) -> None:
    array = cli("array", "1-3", "--", "sh", "-c", f"read line <{gate}").stdout.strip()
    cli("wait", "--started", "--timeout", str(LONG), *(f"{array}_{task}" for task in (1, 2, 3)))
    number = until(lambda: info(f"{array}_2")["scheduler_id"], "its id", LONG)
    cluster.call("scancel", number)
    assert ended(f"{array}_2")["job_sub_state"] == "cancelled"
    assert info(f"{array}_1")["job_state"] == "RUNNING"
    cli("terminate", "--grace", "0", array)


def test_a_node_that_fails(cluster: Cluster, home: Home, gate: Path) -> None:
    job, number = begun("--", "sh", "-c", f"read line <{gate}")
    node = cluster.cut_off(number)
    cluster.call("scontrol", "update", f"nodename={node}", "state=down", "reason=cut-off")
    found = ended(job)
    assert (found["job_state"], found["job_sub_state"], found["exit_status"]) == ("FAILED", "node-fail", None)


def test_two_runs_at_once(cluster: Cluster, home: Home, tmp_path: Path) -> None:
    """What runs on a node that was cut off goes on beside its successor, and its end, told first, is not the job's."""
    for run in ("", "1"):
        os.mkfifo(tmp_path / f"gate{run}")
    (tmp_path / "job.yaml").write_text("rerunnable: true\n")
    script = f"echo run $SLURM_RESTART_COUNT; read code <{tmp_path}/gate$SLURM_RESTART_COUNT; echo $code; exit $code"
    job, number = begun("-t", str(tmp_path / "job.yaml"), "--", "sh", "-c", script)
    node = cluster.cut_off(number)
    cluster.call("scontrol", "update", f"nodename={node}", "state=down", "reason=cut-off")
    until(lambda: info(job)["job_state"] == "REQUEUED", "the requeue", LONG)
    cluster.call("scontrol", "update", f"jobid={number}", "StartTime=now")
    until(lambda: info(job)["job_state"] == "RUNNING", "the second run", LONG)
    assert info(job)["allocated_machines"] != [node]
    (tmp_path / "gate").write_text("3\n")
    until(lambda: "ended" in (Path(home.records) / f"{_name(home, job)}.0").read_text(), "the first run's end")
    cluster.node(node)
    until(cluster.ready, "the node is back")
    assert info(job)["job_state"] == "RUNNING"
    (tmp_path / "gate1").write_text("4\n")
    assert ended(job)["exit_status"] == 4
    assert cli("logs", job).stdout == "run\nrun 1\n3\n4\n"
    until(lambda: not os.listdir(home.records), "the records go")


def _name(home: Home, job: str) -> str:
    return home.container(job, 1)


def test_the_program_on_the_node_is_killed(cluster: Cluster, home: Home, gate: Path) -> None:
    job, _ = begun("--", "sh", "-c", f"read line <{gate}")
    record = f"record={home.records}/".encode()
    (pid,) = [pid for pid in procfs.pids() if any(word.startswith(record) for word in procfs.cmdline(pid))]
    os.kill(pid, signal.SIGKILL)
    found = ended(job)
    assert (found["job_state"], found["terminating_signal"]) == ("FAILED", "SIGKILL")
    gate.write_text("go\n")


@pytest.mark.parametrize("how", ["removed", "unwritable"])
def test_no_record_can_be_written(cluster: Cluster, home: Home, gate: Path, how: str) -> None:
    job, _ = begun("--", "sh", "-c", f"read line <{gate}; exit 7")
    shutil.rmtree(home.records)
    if how == "unwritable":
        Path(home.records).touch()
    gate.write_text("go\n")
    found = ended(job)
    assert found["exit_status"] == 7, brief(found)
    if how == "unwritable":
        os.unlink(home.records)
    assert ended(submit("--", "sh", "-c", "exit 8"))["exit_status"] == 8
    assert os.path.isdir(home.records)


def test_while_the_controller_is_down_nothing_is_lost(cluster: Cluster, home: Home, gate: Path) -> None:
    cluster.change(MessageTimeout="3")
    job, _ = begun("--", "sh", "-c", f"read line <{gate}; exit 9")
    cluster.end("slurmctld", signal.SIGKILL)
    later = submit("--", "sh", "-c", "exit 2")
    told = until(lambda: _said(cli("ps")), "that it is down", LONG)
    assert "controller" in told
    with started("wait", later) as waiter:
        gate.write_text("go\n")
        assert ended(job)["exit_status"] == 9
        assert waiter.poll() is None
        cluster.start()
        assert waiter.wait(3 * LONG) == 2, info(later)


def _said(done: Any) -> str:
    assert done.returncode == 0
    return str(done.stderr)


@pytest.mark.parametrize("daemon", ["slurmctld", "munged"])
def test_one_that_hangs(cluster: Cluster, home: Home, gate: Path, daemon: str) -> None:
    job, _ = begun("--", "sh", "-c", f"read line <{gate}; exit 9")
    pid = cluster.pid(daemon)
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        said = until(lambda: cli("ps").stderr, "a look at what runs", LONG)
        assert "no answer yet from the scheduler" in said  # squeue itself has not given up by then
        gate.write_text("go\n")
        later = submit("--", "sh", "-c", "exit 2")
        listed = cli("ps", "-a", "--json")
        assert {each["job_id"] for each in json.loads(listed.stdout)} == {job, later}
        if daemon == "slurmctld":
            assert ended(job)["exit_status"] == 9
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ended(later)["exit_status"] == 2
    assert ended(job)["exit_status"] == 9


def test_what_can_never_be(cluster: Cluster, home: Home) -> None:
    refused = ended(submit("-c", "slurm?partition=nowhere", "--", "true"))
    assert (refused["exit_status"], refused["job_sub_state"]) == (125, "start-failed")
    assert "partition" in refused["annotation"]
    job = submit("-c", "slurm?partition=short", "--time-limit", "1h", "--", "true")
    until(lambda: info(job)["job_sub_state"] == "never:PartitionTimeLimit", "why it never starts", LONG)
    assert info(job)["job_state"] == "QUEUED"
    assert "never:PartitionTimeLimit" in cli("ps", "--json").stdout
    cli("terminate", job)
    assert ended(job)["job_sub_state"] == "terminated"


def test_an_array_beyond_what_the_site_allows(cluster: Cluster, home: Home) -> None:
    array = cli("array", "1-10000", "--", "true").stdout.strip()
    found = ended(f"{array}_10000")
    assert found["exit_status"] == 125
    assert "MaxArraySize" in found["annotation"]
    assert "\n" not in found["annotation"]


def test_no_process_stays_for_what_only_pends(cluster: Cluster, home: Home) -> None:
    job = submit("--hold", "--", "sh", "-c", "exit 5")
    until(lambda: info(job)["job_state"] == "QUEUED_HELD", "it is held", LONG)
    pids = [*seat(home)]
    until(lambda: not any(map(procfs.lives, pids)), "their leave", LONG)
    cluster.call("scontrol", "release", info(job)["scheduler_id"])
    assert ended(job)["exit_status"] == 5


def test_two_hosts(cluster: Cluster, home: Home, gate: Path) -> None:
    """A job is the cluster's: the other host waits for it, reads it, ends it."""
    from e2e.test_hosts import on

    job = on("login1", "submit", "--", "sh", "-c", f"echo out; read line <{gate}; exit 3").stdout.strip()
    other = on("login1", "submit", "--", "sleep", "100").stdout.strip()
    assert on("login2", "wait", "--started", job, other).returncode == 0
    assert json.loads(on("login2", "info", "--json", job).stdout)[0]["job_state"] == "RUNNING"
    assert on("login2", "terminate", other).returncode == 0
    assert on("login2", "wait", other).returncode == 128 + signal.SIGTERM
    gate.write_text("go\n")
    assert on("login2", "wait", job).returncode == 3
    assert on("login2", "logs", job).stdout == "out\n"
    for name, sub_state in ((job, None), (other, "terminated")):
        found = json.loads(on("login1", "info", "--json", name).stdout)[0]
        assert (found["job_state"], found["job_sub_state"]) == ("FAILED", sub_state)


def test_doctor_tells_of_the_cluster_and_tries_it(cluster: Cluster, home: Home) -> None:
    checks = {each["name"]: each for each in json.loads(cli("doctor", "--json", "--probe", "-c", "slurm").stdout)}
    assert "no accounting, ended jobs are known for 10 s" in checks["tracker slurm"]["text"]
    assert checks["probe slurm"]["grade"] == "ok"
    assert "Python 3" in checks["probe slurm"]["text"]
    assert cli("ps", "-a", "-q").stdout == ""
