"""What DRMAA2 tells back: JobInfo, machines, queues, notifications, reservations, versions."""

from __future__ import annotations

from datetime import datetime

from proctracker.model.enums import CpuArchitecture, DrmaaEvent, JobState, OperatingSystem
from proctracker.model.structs import Struct, member, seconds_of, when
from proctracker.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping


@record
class JobInfo(Struct):
    """Tells everything about a job (GFD.194 5.5), and what we add, or filters ``get_jobs``.

    What we add comes after ``finish_time``.

    Times are aware datetimes in UTC, durations float seconds, ``max_rss`` KiB, and where the kernel
    gives no more than a bound, ``max_rss_at_most`` alone. ``stdout`` and ``stderr`` (bytes) are
    set by ``run(capture_output=True)`` only. None is UNSET. A state may be given by its name, in a filter several as a
    list; times also as ISO 8601, durations as timedelta.
    """

    job_id: str | None = None
    job_name: str | None = None
    exit_status: int | None = None
    terminating_signal: str | None = None
    annotation: str | None = None
    job_state: JobState | None = None
    job_sub_state: str | None = None
    allocated_machines: List[str] | None = None
    submission_machine: str | None = None
    job_owner: str | None = None
    slots: int | None = None
    queue_name: str | None = None
    wallclock_time: float | None = None
    cpu_time: float | None = None
    submission_time: datetime | None = None
    dispatch_time: datetime | None = None
    finish_time: datetime | None = None
    session_name: str | None = None
    contact: str | None = None
    runtime: str | None = None
    job_category: str | None = None
    command: List[str] | None = None
    pid: int | None = None
    container_id: str | None = None
    scheduler_id: str | None = None
    max_rss: int | None = None
    max_rss_at_most: int | None = None
    array_id: str | None = None
    task_id: int | None = None
    host: str | None = None
    working_directory: str | None = None
    input_path: str | None = None
    output_path: str | None = None
    error_path: str | None = None
    attempt: int | None = None
    resubmitted_from: str | None = None
    stdout: bytes | None = None
    stderr: bytes | None = None

    @classmethod
    def get_implementation_specific_keys(cls) -> List[str]:
        """What we add to the specification's attributes."""
        return list(cls.names()[cls.names().index("finish_time") + 1 :])


@record
class Version(Struct):
    """A version, both parts as text."""

    major: str | None = None
    minor: str | None = None

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@record
class SlotInfo(Struct):
    """Slots on a machine."""

    machine_name: str | None = None
    slots: int | None = None


@record
class QueueInfo(Struct):
    """A queue."""

    name: str | None = None


@record
class MachineInfo(Struct):
    """A machine: memory in KiB, ``load`` the one-minute average."""

    name: str | None = None
    available: bool | None = None
    sockets: int | None = None
    cores_per_socket: int | None = None
    threads_per_core: int | None = None
    load: float | None = None
    phys_memory: int | None = None
    virt_memory: int | None = None
    machine_os: OperatingSystem | None = None
    machine_os_version: Version | None = None
    machine_arch: CpuArchitecture | None = None


@record
class Notification(Struct):
    """A state change. ``job_sub_state`` and ``time`` are ours."""

    event: DrmaaEvent | None = None
    job_id: str | None = None
    session_name: str | None = None
    job_state: JobState | None = None
    job_sub_state: str | None = None
    time: datetime | None = None

    @classmethod
    def get_implementation_specific_keys(cls) -> List[str]:
        """What we add to the specification's attributes."""
        return ["job_sub_state", "time"]


@record
class ReservationTemplate(Struct):
    """Exists for programs that build one, as reservations are unsupported."""

    reservation_name: str | None = None
    start_time: Any = None
    end_time: Any = None
    duration: Any = None
    min_slots: int | None = None
    max_slots: int | None = None
    job_category: str | None = None
    users_acl: List[str] | None = None
    candidate_machines: List[str] | None = None
    min_phys_memory: int | None = None
    machine_os: OperatingSystem | None = None
    machine_arch: CpuArchitecture | None = None
    implementation_specific: Dict[str, str] | None = None


@record
class ReservationInfo(Struct):
    """Exists for programs that name it, as reservations are unsupported."""

    reservation_id: str | None = None
    reservation_name: str | None = None
    reserved_start_time: datetime | None = None
    reserved_end_time: datetime | None = None
    users_acl: List[str] | None = None
    reserved_slots: int | None = None
    reserved_machines: List[SlotInfo] | None = None


JobInfo.reads = {
    "job_state": member(JobState, several=True),
    **dict.fromkeys(("submission_time", "dispatch_time", "finish_time"), when),
    **dict.fromkeys(("wallclock_time", "cpu_time"), seconds_of),
}
MachineInfo.reads = {"machine_os": member(OperatingSystem), "machine_arch": member(CpuArchitecture)}
Notification.reads = {"event": member(DrmaaEvent), "job_state": member(JobState), "time": when}
ReservationTemplate.reads = {
    **dict.fromkeys(("start_time", "end_time"), when),
    "duration": seconds_of,
    "machine_os": member(OperatingSystem),
    "machine_arch": member(CpuArchitecture),
}
ReservationInfo.reads = dict.fromkeys(("reserved_start_time", "reserved_end_time"), when)

_AT_LEAST = ("wallclock_time", "cpu_time", "submission_time", "dispatch_time", "finish_time", "max_rss")
"""Attributes of which a filter's value is the least: durations and times."""


def matches(info: JobInfo, wanted: Mapping[str, Any]) -> bool:
    """Return whether a job matches the attributes that a filter sets, but the annotation."""
    for name, value in wanted.items():
        given = getattr(info, name)
        if name == "annotation":
            continue
        if name in _AT_LEAST:
            if given is None or given < value:
                return False
        elif name == "allocated_machines":
            if not set(value) <= set(given or ()):
                return False
        elif name == "job_state" and isinstance(value, list):
            if given not in value:
                return False
        elif given != value:
            return False
    return True
