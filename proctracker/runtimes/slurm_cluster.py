"""What scontrol tells of a cluster: its nodes, partitions and reservations, a line each."""

from __future__ import annotations

import re

from proctracker.errors import DrmCommunicationException
from proctracker.model import (
    Completed,
    CpuArchitecture,
    MachineInfo,
    OperatingSystem,
    QueueInfo,
    ReservationInfo,
    moment,
)
from proctracker.runtimes import slurm_states, slurm_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping, Sequence

USABLE = ("IDLE", "MIXED", "ALLOCATED", "COMPLETING", "PLANNED")
"""Words of a node's state (sinfo(1)) with which it takes jobs, or will again by itself."""

ARCHITECTURES: Mapping[str, CpuArchitecture] = {
    "x86_64": CpuArchitecture.X64,
    "aarch64": CpuArchitecture.ARM64,
    "ppc64le": CpuArchitecture.PPC64LE,
    "ppc64": CpuArchitecture.PPC64,
    "i686": CpuArchitecture.X86,
}


def machines(done: Completed) -> Sequence[MachineInfo]:
    """``scontrol show node -o``."""
    return [_machine(each) for each in _lines(done, "NodeName")]


def queues(done: Completed) -> Sequence[QueueInfo]:
    """Parse ``scontrol show partition -o``, the default one first."""
    found = sorted(_lines(done, "PartitionName"), key=lambda each: each.get("Default") != "YES")
    return [QueueInfo(each["PartitionName"]) for each in found]


def reservations(done: Completed) -> Sequence[ReservationInfo]:
    """``scontrol show reservation -o``."""
    return [_reservation(each) for each in _lines(done, "ReservationName")]


def _lines(done: Completed, first: str) -> Iterator[dict[str, str]]:
    """Parse the values of each line that begins so, cut at the first space."""
    if done.returncode:
        raise DrmCommunicationException(slurm_words.told(done))
    for line in done.stdout.splitlines():
        if line.startswith(f"{first}="):
            yield dict(re.findall(r"(?:^|\s)([A-Za-z]\w*)=(\S*)", line))


def _machine(given: Mapping[str, str]) -> MachineInfo:
    words = re.split(r"[+]", given.get("State", "").rstrip("*$~#!%@^-"))
    memory = _number(given.get("RealMemory"))
    arch = given.get("Arch")
    return MachineInfo(
        name=given["NodeName"],
        available=bool(words[0]) and all(word in USABLE for word in words) and "*" not in given.get("State", ""),
        sockets=_number(given.get("Sockets")),
        cores_per_socket=_number(given.get("CoresPerSocket")),
        threads_per_core=_number(given.get("ThreadsPerCore")),
        load=_load(given.get("CPULoad")),
        phys_memory=None if memory is None else memory * 1024,
        machine_os=OperatingSystem.LINUX if given.get("OS") == "Linux" else None,
        machine_arch=None if arch is None else ARCHITECTURES.get(arch, CpuArchitecture.OTHER_CPU),
    )


def _reservation(given: Mapping[str, str]) -> ReservationInfo:
    users = given.get("Users", "(null)")
    return ReservationInfo(
        reservation_id=given["ReservationName"],
        reservation_name=given["ReservationName"],
        reserved_start_time=moment(slurm_states.moment(given.get("StartTime", ""))),
        reserved_end_time=moment(slurm_states.moment(given.get("EndTime", ""))),
        users_acl=None if users == "(null)" else users.split(","),
        reserved_slots=_number(given.get("CoreCnt")),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _load(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"\d+(\.\d+)?", text) else None
