"""A cluster or a disk that takes no more: the job is late, its end is told as it was, and nothing grows."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.kit import LONG, cli, until
from e2e.day import PROGRAM, kill, seat, started, submit
from e2e.test_slurm_faults import begun, ended, gate, info
from proctracker.linux import procfs
from proctracker.store import Home
from slurm import Cluster

__all__ = ["gate"]

GIB = 2**30


def fill(cluster: Cluster, most: int) -> list[str]:
    """Jobs of somebody else, which wait, until the cluster takes no more; their ids.

    22.05 takes one job fewer than MaxJobCount, 26.05 as many.
    """
    words = ("sbatch", "--parsable", "--hold", "--output=/dev/null", "--wrap=true")
    found: list[str] = []
    cluster.until(lambda: not cluster.call("squeue", "--noheader", "--states=all").strip(), "former jobs are forgotten")
    with contextlib.suppress(subprocess.TimeoutExpired):
        while len(found) < most:
            found.append(cluster.call(*words, timeout=5.0).strip())
    return found


def commands(home: Home) -> list[int]:
    """The processes of sbatch that hand over jobs of this home."""
    name = f"--job-name=proctracker-{home.uuid[:8]}".encode()
    return [pid for pid in procfs.pids() if any(word.startswith(name) for word in procfs.cmdline(pid))]


@pytest.mark.parametrize("killed", [False, True])
def test_a_cluster_that_takes_no_more_jobs(cluster: Cluster, home: Home, tmp_path: Path, killed: bool) -> None:
    """sbatch blocks then; a supervisor killed meanwhile makes no second job of it."""
    cluster.change(MaxJobCount="3", MinJobAge="2")
    others = fill(cluster, 3)
    job = submit("--", "sh", "-c", f"echo ran >>{tmp_path}/ran; exit 4")
    until(lambda: commands(home), "sbatch")
    with started("wait", "--timeout", str(LONG), job) as waiter:
        assert info(job)["job_state"] == "QUEUED"
        assert cli("ps").returncode == 0
        if killed:
            kill(seat(home).supervisor)
        cluster.call("scancel", *others)
        assert waiter.wait(2 * LONG) == 4
    assert info(job)["exit_status"] == 4
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_what_is_ended_while_the_cluster_takes_no_jobs_never_runs(cluster: Cluster, home: Home, tmp_path: Path) -> None:
    cluster.change(MaxJobCount="2", MinJobAge="2")
    others = fill(cluster, 2)
    job = submit("--", "touch", str(tmp_path / "ran"))
    (pid,) = until(lambda: commands(home), "sbatch")
    assert cli("terminate", "--grace", "0", job).returncode == 0
    os.kill(pid, signal.SIGKILL)  # as the supervisor does after a minute
    found = ended(job)
    assert (found["job_state"], found["job_sub_state"]) == ("FAILED", "terminated")
    cluster.call("scancel", *others)
    assert not (tmp_path / "ran").exists()


def test_a_controller_that_slows_down_who_asks_often(cluster: Cluster, home: Home) -> None:
    """With ``rl_enable`` (23.02 and newer) commands sleep and try again; 22.05 has no such limit and ignores the words."""
    cluster.change(SlurmctldParameters="rl_enable,rl_bucket_size=2,rl_refill_rate=1,rl_refill_period=1")
    jobs = [submit("--", "sh", "-c", f"exit {number}") for number in range(6)]
    assert [ended(job)["exit_status"] for job in jobs] == [*range(6)]


@pytest.fixture
def small(cluster: Cluster, home: Home) -> Iterator[Path]:
    """A folder of exit records on a file system of its own, which is full."""
    folder = Path(home.records)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700,size=64k", "records", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def crammed(folder: Path) -> Path:
    """A file that takes all the room there is."""
    path = folder / ".crammed"
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while os.statvfs(folder).f_bfree:
            file.write(bytes(4096))
    return path


@pytest.mark.parametrize("when", ["before", "later"])
def test_no_room_for_a_record(cluster: Cluster, home: Home, gate: Path, small: Path, when: str) -> None:
    """Slurm's own code is told then; what could not be written leaves nothing behind."""
    crumb = crammed(small) if when == "before" else None
    job, _ = begun("--", "sh", "-c", f"read line <{gate}; exit 7")
    crumb = crumb or crammed(small)
    gate.write_text("go\n")
    assert ended(job)["exit_status"] == 7
    crumb.unlink()
    assert ended(submit("--", "sh", "-c", "exit 8"))["exit_status"] == 8
    until(lambda: not os.listdir(small), "no file is left")


def test_what_prints_a_gigabyte_is_kept_on_disk_alone(cluster: Cluster, home: Home, gate: Path) -> None:
    other, _ = begun("--", "sh", "-c", f"read line <{gate}")
    with started("wait", other) as waiter:  # it keeps the supervisor here
        job = submit("--", "head", "-c", str(GIB), "/dev/zero")
        found = ended(job)
        assert (found["job_state"], found["exit_status"]) == ("DONE", 0)
        shown = subprocess.run(
            ["sh", "-c", '"$@" | wc -c', "sh", *PROGRAM, "logs", job], stdout=subprocess.PIPE, check=True, timeout=LONG
        )
        assert int(shown.stdout) == GIB
        for pid in seat(home):
            peak = int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0])
            assert peak < 100 * 1024, f"{peak} KiB"
        assert cli("reap", job).returncode == 0
        gate.write_text("go\n")
        assert waiter.wait(LONG) == 0
