"""What scontrol prints of a cluster."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, CpuArchitecture, OperatingSystem
from proctracker.runtimes import slurm_cluster

NODE = (
    "NodeName=n1 Arch=x86_64 CoresPerSocket=4  CPUAlloc=0 CPUEfctv=8 CPUTot=8 CPULoad={load} AvailableFeatures=(null)"
    " NodeAddr=127.0.0.1 NodeHostName=vm Port=18401 Version=22.05.8 OS=Linux 6.1 #1 SMP  RealMemory=4000 AllocMem=0"
    " FreeMem=17907 Sockets=1 Boards=1 State={state} ThreadsPerCore=2 TmpDisk=0 Partitions=main,short "
    " Reason=Duplicate jobid [root@2026-11-30T09:36:52]\n"
)


def _done(text: str, code: int = 0, stderr: str = "") -> Completed:
    return Completed(("scontrol",), code, text, stderr)


@pytest.mark.parametrize(
    ("state", "available"),
    [
        ("IDLE", True),
        ("MIXED", True),
        ("ALLOCATED+COMPLETING", True),
        ("IDLE+DRAIN", False),
        ("DOWN*", False),
        ("IDLE*", False),
        ("UNKNOWN+NOT_RESPONDING", False),
    ],
)
def test_a_node(state: str, available: bool) -> None:
    (found,) = slurm_cluster.machines(_done(NODE.format(state=state, load="0.25")))
    assert (found.name, found.available) == ("n1", available)
    assert (found.sockets, found.cores_per_socket, found.threads_per_core) == (1, 4, 2)
    assert (found.load, found.phys_memory) == (0.25, 4_096_000)
    assert (found.machine_os, found.machine_arch) == (OperatingSystem.LINUX, CpuArchitecture.X64)


def test_a_node_that_is_down_tells_no_load() -> None:
    (found,) = slurm_cluster.machines(_done(NODE.format(state="DOWN", load="N/A")))
    assert found.load is None


def test_the_default_partition_comes_first() -> None:
    lines = (
        "PartitionName=a Default=NO State=UP\nPartitionName=b AllowGroups=ALL Default=YES\nPartitionName=c Default=NO\n"
    )
    assert [queue.name for queue in slurm_cluster.queues(_done(lines))] == ["b", "a", "c"]


def test_reservations() -> None:
    line = (
        "ReservationName=r1 StartTime=2026-11-30T10:03:14 EndTime=2026-11-30T10:04:14 Duration=00:01:00 Nodes=n2 NodeCnt=1"
        " CoreCnt=8 Users=root,me Accounts=(null)\n"
    )
    (found,) = slurm_cluster.reservations(_done(line))
    assert (found.reservation_id, found.users_acl, found.reserved_slots) == ("r1", ["root", "me"], 8)
    assert found.reserved_start_time == datetime(2026, 11, 30, 10, 3, 14, tzinfo=timezone.utc)
    assert slurm_cluster.reservations(_done("No reservations in the system\n")) == []


def test_a_controller_that_does_not_answer() -> None:
    said = "slurm_load_node error: Unable to contact slurm controller (connect failure)"
    for parse in (slurm_cluster.machines, slurm_cluster.queues, slurm_cluster.reservations):
        with pytest.raises(DrmCommunicationException, match="controller"):
            parse(_done("", 1, said))
