"""Templates and infos of the Grid Engine DRMAA2 binding."""

from __future__ import annotations

from typing import Any

from proctracker import model
from proctracker.compat.gridengine.drmaa2_constants import Cpu, JobState, Os
from proctracker.compat.gridengine.drmaa2_object import (
    Drmaa2Object,
    Flag,
    Moment,
    Named,
    Number,
    Pairs,
    Real,
    Span,
    Text,
    Words,
)


class JobTemplate(Drmaa2Object):
    """What a job is to be."""

    remote_command, job_category, job_name, working_directory = Text(), Text(), Text(), Text()
    input_path, output_path, error_path = Text(), Text(), Text()
    reservation_id, queue_name, accounting_id = Text(), Text(), Text()
    args, email, candidate_machines = Words(), Words(), Words()
    submit_as_hold, rerunnable, join_files = Flag(), Flag(), Flag()
    email_on_started, email_on_terminated = Flag(), Flag()
    job_environment, stage_in_files, stage_out_files, resource_limits = Pairs(), Pairs(), Pairs(), Pairs()
    min_slots, max_slots, priority, min_phys_memory = Number(), Number(), Number(), Number()
    machine_os, machine_arch = Named(Os), Named(Cpu)
    start_time, deadline_time = Moment(), Moment()
    implementation_specific = Pairs()

    def __init__(self, template: Any = None) -> None:
        super().__init__({} if template is None else template)

    @classmethod
    def get_implementation_specific_keys(cls) -> list[str]:
        """Our extensions."""
        return list(model.EXTENSIONS)


class JobInfo(Drmaa2Object):
    """Tells everything about a job, or filters jobs."""

    job_id, job_name, terminating_signal, annotation, job_sub_state = Text(), Text(), Text(), Text(), Text()
    submission_machine, job_owner, queue_name = Text(), Text(), Text()
    exit_status, slots, cpu_time = Number(), Number(), Number()
    job_state = Named(JobState)
    allocated_machines = Words()
    wallclock_time = Span()
    submission_time, dispatch_time, finish_time = Moment(), Moment(), Moment()
    implementation_specific = Pairs()

    def __init__(self, job_info: Any = None) -> None:
        super().__init__({} if job_info is None else job_info)

    @classmethod
    def get_implementation_specific_keys(cls) -> list[str]:
        """What we tell besides."""
        return [name for name in model.JobInfo.names() if name not in cls.fields]


class MachineInfo(Drmaa2Object):
    """A machine."""

    name = Text()
    available = Flag()
    sockets, cores_per_socket, threads_per_core = Number(), Number(), Number()
    phys_memory, virt_memory = Number(), Number()
    load = Real()
    machine_os, machine_arch = Named(Os), Named(Cpu)
    machine_os_version = Pairs()
    implementation_specific = Pairs()


class QueueInfo(Drmaa2Object):
    """A queue."""

    name = Text()
    implementation_specific = Pairs()


class SlotInfo(Drmaa2Object):
    """Slots of a machine."""

    machine_name = Text()
    slots = Number()
    implementation_specific = Pairs()


class ReservationInfo(Drmaa2Object):
    """Kept for programs that name it: reservations are unsupported."""

    reservation_id, reservation_name = Text(), Text()
    reserved_start_time, reserved_end_time = Moment(), Moment()
    users_acl, reserved_machines = Words(), Words()
    reserved_slots = Number()
    implementation_specific = Pairs()


class ReservationTemplate(Drmaa2Object):
    """Kept for programs that name it: reservations are unsupported."""

    reservation_name, job_category = Text(), Text()
    start_time, end_time = Moment(), Moment()
    duration, min_slots, max_slots, min_phys_memory = Number(), Number(), Number(), Number()
    users_acl, candidate_machines = Words(), Words()
    machine_os, machine_arch = Named(Os), Named(Cpu)
    implementation_specific = Pairs()

    def __init__(self, template: Any = None) -> None:
        super().__init__({} if template is None else template)


class Version(Drmaa2Object):
    """A version: ``major`` and ``minor`` are texts."""

    major, minor = Text(), Text()
    implementation_specific = Pairs()

    @classmethod
    def get_drms_version(cls) -> Version:
        """The version of what runs the jobs."""
        return cls._of("get_drms_version")

    @classmethod
    def get_drmaa_version(cls) -> Version:
        """The version of DRMAA implemented."""
        return cls._of("get_drmaa_version")

    @classmethod
    def get_implementation_specific_attrs(cls) -> dict[str, str]:
        """There are none."""
        return {}

    @classmethod
    def _of(cls, name: str) -> Version:
        from proctracker.sessions import functions

        found = getattr(functions, name)()
        return cls({"major": found.major, "minor": found.minor})


class Sudo(Drmaa2Object):
    """Names whom to act as, which every call refuses with UnsupportedOperation."""

    username, groupname = Text(), Text()
    uid, gid = Number(), Number()

    def __init__(
        self, username: Any = None, groupname: Any = None, uid: Any = None, gid: Any = None, sudo_dict: Any = None
    ) -> None:
        own = {"username": username, "groupname": groupname, "uid": uid, "gid": gid}
        super().__init__({**(sudo_dict or {}), **{name: value for name, value in own.items() if value is not None}})
