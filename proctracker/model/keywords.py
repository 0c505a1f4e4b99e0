"""Types what a template takes, for type checkers and editors only."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any, Dict, Mapping, Sequence, TypedDict, Union

from proctracker.model.enums import CpuArchitecture, OperatingSystem, ResourceLimitType

Word = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
"""Text, or a path."""

When = Union[datetime, timedelta, float, str]
"""A time: a datetime, epoch seconds, ISO 8601, or as a timedelta or +DURATION from now."""


class Attributes(TypedDict, total=False):
    """The attributes of JobTemplate but ``args``. None is UNSET."""

    remote_command: Word | None
    submit_as_hold: bool | None
    rerunnable: bool | None
    job_environment: Mapping[str, Word] | None
    working_directory: Word | None
    job_category: str | None
    email: Sequence[str] | None
    email_on_started: bool | None
    email_on_terminated: bool | None
    job_name: str | None
    input_path: Word | None
    output_path: Word | None
    error_path: Word | None
    join_files: bool | None
    reservation_id: str | None
    queue_name: str | None
    min_slots: int | None
    max_slots: int | None
    priority: int | None
    candidate_machines: Sequence[str] | None
    min_phys_memory: int | None
    machine_os: OperatingSystem | str | int | None
    machine_arch: CpuArchitecture | str | int | None
    start_time: When | None
    deadline_time: When | None
    stage_in_files: Mapping[str, str] | None
    stage_out_files: Mapping[str, str] | None
    resource_limits: Mapping[str, Any] | Mapping[ResourceLimitType, Any] | None
    accounting_id: str | None
    implementation_specific: Dict[str, Any] | None


class TemplateAttributes(Attributes, total=False):
    """The attributes of JobTemplate."""

    args: Sequence[Word] | None
