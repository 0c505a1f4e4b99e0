"""Enumerations and constants of DRMAA2, with the numbers of the C binding (GFD.198)."""

from __future__ import annotations

from enum import IntEnum


class Named(IntEnum):
    """A number that is shown by its name, in every Python."""

    def __str__(self) -> str:
        return self.name

    def __format__(self, spec: str) -> str:
        return format(int(self) if spec[-1:] in _NUMERIC else self.name, spec)


_NUMERIC = tuple("bcdoxXneEfFgG%")
"""How formats of numbers end (``f"{state:d}"``)."""


class JobState(Named):
    """Lists the states of a job, with the groups that waits go by: ``queued started ended``."""

    UNDETERMINED = 0
    QUEUED = 1
    QUEUED_HELD = 2
    RUNNING = 3
    SUSPENDED = 4
    REQUEUED = 5
    REQUEUED_HELD = 6
    DONE = 7
    FAILED = 8

    @property
    def queued(self) -> bool:
        """Waits for a start, the first one or another."""
        return self in (JobState.QUEUED, JobState.QUEUED_HELD, JobState.REQUEUED, JobState.REQUEUED_HELD)

    @property
    def started(self) -> bool:
        """In the specification's group Started."""
        return JobState.RUNNING <= self <= JobState.REQUEUED_HELD

    @property
    def ended(self) -> bool:
        """DONE or FAILED."""
        return self >= JobState.DONE


class OperatingSystem(Named):
    """Operating systems of machines."""

    OTHER_OS = 0
    AIX = 1
    BSD = 2
    LINUX = 3
    HPUX = 4
    IRIX = 5
    MACOS = 6
    SUNOS = 7
    TRU64 = 8
    UNIXWARE = 9
    WIN = 10
    WINNT = 11


class CpuArchitecture(Named):
    """Processor architectures of machines."""

    OTHER_CPU = 0
    ALPHA = 1
    ARM = 2
    ARM64 = 3
    CELL = 4
    PARISC = 5
    PARISC64 = 6
    X86 = 7
    X64 = 8
    IA64 = 9
    MIPS = 10
    MIPS64 = 11
    PPC = 12
    PPC64 = 13
    SPARC = 14
    SPARC64 = 15
    PPC64LE = 16


class ResourceLimitType(Named):
    """Lists the keys of JobTemplate.resource_limits: KiB, seconds, OPEN_FILES a count."""

    CORE_FILE_SIZE = 0
    CPU_TIME = 1
    DATA_SIZE = 2
    FILE_SIZE = 3
    OPEN_FILES = 4
    STACK_SIZE = 5
    VIRTUAL_MEMORY = 6
    WALLCLOCK_TIME = 7


class DrmaaEvent(Named):
    """What a Notification tells of."""

    NEW_STATE = 0
    MIGRATED = 1
    ATTRIBUTE_CHANGE = 2


class DrmaaCapability(Named):
    """What an implementation may or may not be able to do."""

    ADVANCE_RESERVATION = 0
    RESERVE_SLOTS = 1
    CALLBACK = 2
    BULK_JOBS_MAXPARALLEL = 3
    JT_EMAIL = 4
    JT_STAGING = 5
    JT_DEADLINE = 6
    JT_MAXSLOTS = 7
    JT_ACCOUNTINGID = 8
    RT_STARTNOW = 9
    RT_DURATION = 10
    RT_MACHINEOS = 11
    RT_MACHINEARCH = 12


class StatusCode(Named):
    """drmaa2_error of the C binding."""

    SUCCESS = 0
    DENIED_BY_DRMS = 1
    DRM_COMMUNICATION = 2
    TRY_LATER = 3
    SESSION_MANAGEMENT = 4
    TIMEOUT = 5
    INTERNAL = 6
    INVALID_ARGUMENT = 7
    INVALID_SESSION = 8
    INVALID_STATE = 9
    OUT_OF_RESOURCE = 10
    UNSUPPORTED_ATTRIBUTE = 11
    UNSUPPORTED_OPERATION = 12
    IMPLEMENTATION_SPECIFIC = 13
    LASTERROR = 14


class Time(Named):
    """Special times."""

    ZERO_TIME = 0
    INFINITE_TIME = -1
    NOW = -2


Os = OperatingSystem
Cpu = CpuArchitecture
ResourceLimit = ResourceLimitType
Event = DrmaaEvent
Capability = DrmaaCapability

ZERO_TIME, INFINITE_TIME, NOW = 0, -1, -2
HOME_DIR = HOME_DIRECTORY = "$DRMAA2_HOME_DIR$"
WORKING_DIR = WORKING_DIRECTORY = "$DRMAA2_WORKING_DIR$"
PARAMETRIC_INDEX = "$DRMAA2_INDEX$"
