"""Describes one look at a job as its engine tells it, and what an exit code says."""

from __future__ import annotations

from proctracker.model.enums import JobState
from proctracker.model.signals import FATAL, signal_name
from proctracker.records import field, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Tuple


@record(frozen=True)
class Observation:
    """Holds what was seen.

    Times are epoch seconds, ``cpu_time`` seconds, ``max_rss`` KiB, and None is "not told".
    """

    state: JobState
    sub_state: str | None = None
    exit_status: int | None = None
    terminating_signal: str | None = None
    annotation: str | None = None
    started: float | None = None
    finished: float | None = None
    pid: int | None = None
    container_id: str | None = None
    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    command: Tuple[str, ...] | None = None
    oom: bool = False
    cpu_time: float | None = None
    max_rss: int | None = None
    recorded: bool = False
    """The end is a record that a start of ours has left: it is true though no time is known."""
    restart: int = 0
    """How often its scheduler has started it anew."""
    nodes: Tuple[str, ...] = ()
    queue: str | None = None


LOST = "lost"
"""Sub-state of what nobody can tell any more."""


def of_former_boot(seen: Observation | None, began: float) -> Observation:
    """Judge a look at a job whose machine was booted anew, at epoch second ``began``.

    Engines end what they find dead with made-up codes: podman with 0 and no time, docker with 0 or 255 as of now;
    containerd forgets its tasks. So an end counts if it came before, and what runs was started again by its engine.
    """
    if (
        seen is not None
        and seen.state.ended
        and (seen.recorded or (seen.finished is not None and seen.finished < began))
    ):
        return seen
    if seen is not None and seen.state in (JobState.RUNNING, JobState.SUSPENDED):
        return seen
    return Observation(JobState.UNDETERMINED, LOST, annotation="the machine was started anew while it ran")


def ended(exit_code: int, *, oom: bool = False, error: str | None = None, **rest: Any) -> Observation:
    """Return the end an exit code stands for.

    0 is DONE, 128+N with a fatal signal N a death by it, an OOM kill always FAILED.
    """
    number = exit_code - 128
    fatal = number in FATAL or 34 <= number <= 64
    return Observation(
        JobState.DONE if exit_code == 0 and not oom else JobState.FAILED,
        "oom-killed" if oom else None,
        None if fatal else exit_code,
        signal_name(number) if fatal else None,
        error or None,
        oom=oom,
        **rest,
    )
