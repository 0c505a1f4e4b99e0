"""What psutil tells, on this very process and its children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from proctracker import procs
from proctracker.model import CpuArchitecture, JobState, OperatingSystem


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_usage_is_that_of_the_tree() -> None:
    code = "import subprocess; c = subprocess.Popen(['sleep', '600']); print(flush=True); c.wait()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = procs.usage(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
    assert used is not None
    assert (used.processes, used.cpu > 0, used.rss > 1000) == (2, True, True)
    assert procs.usage(process.pid) is None


def test_machine_is_this_one() -> None:
    found = procs.machine()
    assert (found.name, found.available, found.machine_os) == (os.uname().nodename, True, OperatingSystem.LINUX)
    assert (found.sockets or 0) * (found.cores_per_socket or 0) * (found.threads_per_core or 0) <= (os.cpu_count() or 1)
    assert (found.virt_memory or 0) >= (found.phys_memory or 0) > 1000
    assert isinstance(found.machine_arch, CpuArchitecture)


def test_every_process_is_told_of(child: subprocess.Popen[bytes]) -> None:
    found = {info.job_id: info for info in procs.all_processes()}
    mine, other = found[f"pid-{os.getpid()}"], found[f"pid-{child.pid}"]
    assert (other.job_state, other.command, other.pid) == (JobState.RUNNING, ["sleep", "600"], child.pid)
    assert mine.allocated_machines == [os.uname().nodename]
    assert (mine.cpu_time or 0) > 0


def test_a_stopped_process_is_suspended(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED)
    state = next(info.job_state for info in procs.all_processes() if info.pid == child.pid)
    assert state == JobState.SUSPENDED


def test_memory_is_what_the_machine_has() -> None:
    assert (
        procs.memory() == procs.machine().phys_memory or abs(procs.memory() - (procs.machine().phys_memory or 0)) < 1024
    )
