"""``kill -9`` of whoever is there: the client, the supervisor, its keeper, one after the other, both, again and again."""

from __future__ import annotations

import collections
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import LONG, cli, state, text, until
from e2e.day import kill, running, seat, started, submit
from proctracker.client import start
from proctracker.client.client import Client
from proctracker.store import Home
from proctracker.wire import confinement
from supervising import gone

GATE = 'read line < "$0"; exit 7'
"""A job that ends with 7 once something is written to the pipe it is given."""

KILLS = int(os.environ.get("PROCTRACKER_TEST_KILLS", "20"))
"""How often the supervisor is killed while jobs are submitted; 200 before a release."""


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A named pipe that jobs wait at."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def _open(gate: Path) -> None:
    """Let a job at the gate go on."""
    gate.write_text("go\n")


def test_the_client_is_killed(home: Home, gate: Path) -> None:
    with started("run", "--", "sh", "-c", GATE, str(gate)) as client:
        [job] = running()
        client.kill()
    _open(gate)
    assert cli("wait", job).returncode == 7


def test_the_supervisor_is_killed(home: Home, gate: Path) -> None:
    job = submit("--", "sh", "-c", GATE, str(gate))
    running()
    before = seat(home)
    kill(before.supervisor)
    _open(gate)
    assert cli("wait", job).returncode == 7
    assert seat(home).supervisor != before.supervisor


def test_a_job_that_ends_while_there_is_no_supervisor(home: Home, gate: Path) -> None:
    job = submit("--", "sh", "-c", GATE, str(gate))
    running()
    os.kill(seat(home).keeper, signal.SIGSTOP)
    keeper, supervisor = seat(home)
    kill(supervisor)
    pid = json.loads(cli("info", "--json", job).stdout)[0]["pid"]
    _open(gate)
    until(lambda: _zombie(pid), "the end of the job")
    os.kill(keeper, signal.SIGCONT)
    assert cli("wait", job).returncode == 7


def test_the_keeper_is_killed(home: Home, gate: Path) -> None:
    job = submit("--", "sh", "-c", GATE, str(gate))
    running()
    kill(seat(home).keeper)
    _open(gate)
    assert cli("wait", job).returncode == 7


def test_the_keeper_then_the_supervisor(home: Home, gate: Path) -> None:
    job = submit("--", "sh", "-c", GATE, str(gate))
    running()
    before = seat(home)
    kill(before.keeper)
    after = until(lambda: (now := seat(home)).keeper != before.keeper and now, "another keeper")
    kill(after.supervisor)
    _open(gate)
    assert cli("wait", job).returncode == 7


def test_a_waiter_outlives_the_supervisor(home: Home, gate: Path) -> None:
    job = submit("--", "sh", "-c", GATE, str(gate))
    running()
    with started("wait", job) as waiter:
        kill(seat(home).supervisor)
        _open(gate)
        assert waiter.wait(LONG) == 7


@pytest.mark.parametrize("how", ["killed", "upgraded"])
@pytest.mark.parametrize("who", ["left by the job", "the job"])
def test_what_does_not_listen_is_killed_after_the_grace_whoever_supervises_then(
    home: Home, gate: Path, who: str, how: str
) -> None:
    deaf = f"trap '' TERM; echo $$ > {gate}; while :; do sleep 0.05; done"
    job = submit("--", "sh", "-c", deaf if who == "the job" else f"sh -c '{deaf.replace(chr(39), chr(34))}' & wait")
    pid = int(gate.read_text())
    began = time.monotonic()
    assert cli("terminate", "--grace", "3", job).returncode == 0
    if who == "left by the job":
        assert cli("wait", job).returncode == 143
    before = seat(home)
    if how == "killed":
        kill(before.supervisor)
    else:
        client = Client(home)
        client.call("upgrade", command=start.command(home, confinement.key()))
        client.close()
    in_time = time.monotonic() - began < 2.5
    assert not in_time or not _zombie(pid)
    assert seat(home).keeper == before.keeper
    assert gone(pid)
    assert not in_time or time.monotonic() - began > 2.5
    assert cli("wait", job).returncode == (143 if who == "left by the job" else 137)
    assert json.loads(cli("info", "--json", job).stdout)[0]["job_sub_state"] == "terminated"


def test_both_at_once_leave_the_job_running_and_controllable(home: Home) -> None:
    job = submit("--", "sleep", "600")
    running()
    kill(*seat(home))
    assert json.loads(cli("info", "--json", job).stdout)[0]["job_state"] == "RUNNING"
    assert cli("suspend", job).returncode == 0
    assert json.loads(cli("info", "--json", job).stdout)[0]["job_state"] == "SUSPENDED"
    assert cli("resume", job).returncode == 0
    assert cli("terminate", job).returncode == 0
    assert cli("wait", job).returncode in (125, 143)
    assert json.loads(cli("info", "--json", job).stdout)[0]["job_state"] in ("FAILED", "UNDETERMINED")


def test_a_code_that_nobody_could_see_is_lost_not_invented(home: Home, gate: Path) -> None:
    job = submit("--", "sh", "-c", GATE, str(gate))
    running()
    pid = json.loads(cli("info", "--json", job).stdout)[0]["pid"]
    kill(*seat(home))
    _open(gate)
    until(lambda: not os.path.exists(f"/proc/{pid}") or _zombie(pid), "the end of the job")
    assert cli("wait", job).returncode == 125
    [info] = json.loads(cli("info", "--json", job).stdout)
    assert (info["job_state"], info["job_sub_state"], info["exit_status"]) == ("UNDETERMINED", "lost", None)
    assert cli("reap", job).returncode == 0


def test_a_rerunnable_job_that_was_lost_runs_once_more(home: Home, gate: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f'echo "$PROCTRACKER_ATTEMPT" >> {log}; read line < {gate}; exit 3'
    session = pt.create_job_session("s")
    job = session.run_job({"remote_command": "sh", "args": ["-c", script], "rerunnable": True})
    job.wait_started(LONG)
    until(lambda: log.exists() and text(log) == "1\n", "the first run")
    pid = job.get_info().pid
    kill(*seat(home))
    _open(gate)
    until(lambda: not os.path.exists(f"/proc/{pid}") or _zombie(pid or 0), "the end of the first run")
    assert cli("session", "start").returncode == 0
    until(lambda: text(log) == "1\n2\n", "the second run")
    _open(gate)
    assert job.wait_terminated(LONG).exit_status == 3


def test_a_container_job_loses_nothing(podman: object, home: Home) -> None:
    image = ["-c", "podman", "--image", "localhost/busybox:test"]
    job = submit(*image, "--", "sh", "-c", "while ! test -e /tmp/go; do sleep 0.05; done; exit 7")
    running()
    [info] = json.loads(cli("info", "--json", job).stdout)
    kill(*seat(home))
    podman.cli("exec", info["container_id"], "touch", "/tmp/go")  # type: ignore[attr-defined]
    assert cli("wait", job).returncode == 7


def test_the_supervisor_is_killed_again_and_again_while_jobs_are_submitted(home: Home, tmp_path: Path) -> None:
    count, log = 1000, tmp_path / "log"
    script = f'echo "$JOB_ID" >> {log}; exit $((JOB_ID % 5))'
    session = pt.create_job_session("storm")
    jobs: list[pt.Job] = []
    failures: list[BaseException] = []

    def submit_all() -> None:
        try:
            for _ in range(count):
                jobs.append(session.run_job({"remote_command": "sh", "args": ["-c", script]}))
        except BaseException as error:
            failures.append(error)

    client = threading.Thread(target=submit_all)
    client.start()
    chance = random.Random(7)
    kills = 0
    for number in range(KILLS):
        after = number * count // KILLS + chance.randrange(count // KILLS or 1)
        until(lambda least=after: len(jobs) > least or not client.is_alive(), "a submit", 100)  # type: ignore[misc]
        try:
            kill(seat(home).supervisor)
            kills += 1
        except ProcessLookupError:
            continue
    client.join(100)
    assert failures == []
    session.wait_all_terminated(jobs, 100)
    infos = [job.get_info() for job in jobs]
    assert len({job.job_id for job in jobs}) == count
    wrong = [info for info in infos if info.exit_status != int(info.job_id or 0) % 5]
    assert wrong == []
    runs = collections.Counter(text(log).split())
    assert {job: times for job, times in runs.items() if times != 1} == {}
    assert len(runs) == count
    assert kills > KILLS // 2


def _holding(folder: str, secret: str) -> list[str]:
    """The files below a directory in which a secret stands."""
    paths = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
    return [path for path in paths if os.path.isfile(path) and secret.encode() in Path(path).read_bytes()]


@pytest.mark.parametrize("contact", ["process", "podman"])
def test_no_environment_stays_after_the_end_whoever_was_killed(
    home: Home, podman: object, monkeypatch: pytest.MonkeyPatch, contact: str
) -> None:
    callers, given = "s3cretOfTheCaller", "s3cretOfTheJob"
    monkeypatch.setenv("CALLERS", callers)
    image = ["-c", "podman", "--image", "localhost/busybox:test"] if contact == "podman" else []
    keep = submit("--", "sleep", "600")  # so it is one supervisor's day
    jobs = [submit(*image, "-e", f"GIVEN={given}", "--", "sh", "-c", "exit 3") for _ in range(3)]
    kill(seat(home).supervisor)
    jobs += [submit(*image, "-e", f"GIVEN={given}", "--", "sh", "-c", "exit 3")]
    assert cli("wait", *jobs).returncode == 3
    kill(seat(home).supervisor)
    monkeypatch.delenv("CALLERS")
    assert cli("terminate", "--grace", "0", keep).returncode == 0
    until(lambda: not _holding(home.path, callers), "the going of the callers' environments")
    assert _holding(os.path.join(home.here, "starts"), given) == []
    assert cli("reap", *jobs).returncode == 0
    until(lambda: not _holding(home.path, given), "the going of what was given to the jobs")
    assert os.listdir(os.path.join(home.here, "starts")) == []


def test_a_thousand_jobs(home: Home) -> None:
    session = pt.create_job_session("many")
    jobs = [session.run_job({"remote_command": "true"}) for _ in range(500)]
    array = session.run_bulk_jobs({"remote_command": "sh", "args": ["-c", "exit $((TASK_ID % 2))"]}, 1, 500)
    session.wait_all_terminated([*jobs, *array.jobs], 100)
    found = json.loads(cli("-s", "many", "ps", "-a", "--json").stdout)
    assert collections.Counter(each["exit_status"] for each in found) == {0: 750, 1: 250}
    assert len({each["job_id"] for each in found}) == 1000
    assert cli("-s", "many", "reap", "--finished").returncode == 0
    assert session.get_jobs() == []


def test_a_terminal_that_goes_takes_nothing_along(home: Home, gate: Path) -> None:
    # A session of its own, its leader and all its processes killed: what a closed terminal does at its worst.
    script = 'proctracker() { "$PY" -m proctracker "$@"; }; proctracker submit -- sh -c "$JOB" "$PIPE"; sleep 600'
    shell = subprocess.Popen(
        ["sh", "-c", script],
        env={**os.environ, "PY": sys.executable, "JOB": GATE, "PIPE": str(gate)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert shell.stdout is not None
    job = shell.stdout.readline().strip()
    running()
    for number in (signal.SIGHUP, signal.SIGKILL):
        os.killpg(shell.pid, number)
    shell.communicate()
    _open(gate)
    assert cli("wait", job).returncode == 7


def test_the_supervisor_leaves_when_there_is_nothing_to_do(home: Home) -> None:
    assert cli("run", "--", "true").returncode == 0
    keeper, supervisor = seat(home)
    until(lambda: not os.path.exists(f"/proc/{supervisor}") and not os.path.exists(f"/proc/{keeper}"), "its leaving")
    assert cli("ps", "-a", "-q").stdout.split() != []


def test_a_controlled_job_knows_no_supervisor(home: Home) -> None:
    session = pt.create_job_session("s")
    job = session.run_job({"remote_command": "sh", "args": ["-c", "ls /proc/self/fd; tty; exit 0"]})
    job.wait_terminated(LONG)
    assert state(job) == pt.JobState.DONE
    # 0, 1, 2, and the directory that ls itself reads.
    assert job.read_output().decode().split()[:4] == ["0", "1", "2", "3"]
    assert b"not a tty" in job.read_output()


def _zombie(pid: int) -> bool:
    try:
        return text(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
