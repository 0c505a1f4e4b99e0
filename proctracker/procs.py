"""Reads processes and the machine through psutil, as its only user."""

from __future__ import annotations

import os

from proctracker.model import CpuArchitecture, JobInfo, JobState, MachineInfo, OperatingSystem, Version, moment
from proctracker.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PREFIX = "pid-"
"""Ids of processes that are no jobs of ours begin with it, in monitoring sessions."""

ARCHITECTURES = {
    "x86_64": CpuArchitecture.X64,
    "i386": CpuArchitecture.X86,
    "i686": CpuArchitecture.X86,
    "aarch64": CpuArchitecture.ARM64,
    "armv7l": CpuArchitecture.ARM,
    "ppc64le": CpuArchitecture.PPC64LE,
    "ppc64": CpuArchitecture.PPC64,
    "mips64": CpuArchitecture.MIPS64,
    "alpha": CpuArchitecture.ALPHA,
    "ia64": CpuArchitecture.IA64,
    "sparc64": CpuArchitecture.SPARC64,
}
"""What uname(2) calls a machine -> DRMAA2's name."""

_SUSPENDED = ("stopped", "tracing-stop")
_FIELDS = ("pid", "name", "cmdline", "create_time", "status", "username", "cpu_times", "memory_info", "cwd")


class Usage(NamedTuple):
    """Holds what a process and its descendants use: seconds, KiB of memory, their number.

    ``peak`` is the most memory that one of them ever had, as the kernel tells of ended ones, too.
    """

    cpu: float
    rss: int
    processes: int
    peak: int = 0


def usage(pid: int) -> Usage | None:
    """Return what a process and its descendants use, or None if it exited.

    Ended and awaited children count in ``cpu``.
    """
    import psutil

    try:
        root = psutil.Process(pid)
        found = [_one(each) for each in (root, *root.children(recursive=True))]
    except psutil.Error:
        return None
    known = [each for each in found if each is not None]
    if not found[0]:
        return None
    peak = max(each.peak for each in known)
    return Usage(sum(each.cpu for each in known), sum(each.rss for each in known), len(known), peak)


def _one(process: Any) -> Usage | None:
    import psutil

    try:
        with process.oneshot():
            times = process.cpu_times()
            cpu = times.user + times.system + times.children_user + times.children_system
            return Usage(cpu, process.memory_info().rss // 1024, 1, _peak(process.pid))
    except psutil.Error:
        return None


def _peak(pid: int) -> int:
    """Return the peak of resident memory in KiB (VmHWM, proc(5)), or 0."""
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            found = file.read().partition(b"VmHWM:")[2].split()
    except OSError:
        return 0
    return int(found[0]) if found else 0


def machine() -> MachineInfo:
    """This machine."""
    import psutil

    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    sockets = _sockets()
    memory = psutil.virtual_memory().total // 1024
    release = [*os.uname().release.split("."), "0"][:2]
    return MachineInfo(
        os.uname().nodename,
        True,
        sockets,
        max(1, cores // sockets),
        max(1, (psutil.cpu_count() or 1) // cores),
        os.getloadavg()[0],
        memory,
        memory + psutil.swap_memory().total // 1024,
        OperatingSystem.LINUX,
        Version(*release),
        architecture(),
    )


def architecture() -> CpuArchitecture:
    """This machine's."""
    return ARCHITECTURES.get(os.uname().machine, CpuArchitecture.OTHER_CPU)


def memory() -> int:
    """This machine's physical memory in KiB."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024


def _sockets() -> int:
    """Return the number of processor packages (proc(5), cpuinfo), or 1."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return len({line for line in file if line.startswith("physical id")}) or 1
    except OSError:
        return 1


def all_processes() -> list[JobInfo]:
    """Return every process we may see but zombies as a job ``pid-123``, RUNNING or SUSPENDED."""
    import psutil

    found = []
    host = os.uname().nodename
    for process in psutil.process_iter():
        try:
            facts = process.as_dict(_FIELDS)
        except psutil.Error:
            continue
        if facts["status"] not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            found.append(_info(facts, host))
    return found


def _info(facts: dict[str, Any], host: str) -> JobInfo:
    times, memory_info, started = facts["cpu_times"], facts["memory_info"], moment(facts["create_time"])
    return JobInfo(
        job_id=f"{PREFIX}{facts['pid']}",
        job_name=facts["name"],
        job_state=JobState.SUSPENDED if facts["status"] in _SUSPENDED else JobState.RUNNING,
        job_sub_state=facts["status"],
        allocated_machines=[host],
        submission_machine=host,
        job_owner=facts["username"],
        slots=1,
        cpu_time=None if times is None else times.user + times.system,
        submission_time=started,
        dispatch_time=started,
        command=facts["cmdline"] or [facts["name"]],
        pid=facts["pid"],
        max_rss=None if memory_info is None else memory_info.rss // 1024,
        host=host,
        runtime="process",
        working_directory=facts["cwd"],
    )
