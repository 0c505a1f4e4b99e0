"""One look at a job as its engine tells it, and what an exit code says (API.md, "States and ends")."""

from __future__ import annotations

from proctracker.model.enums import JobState
from proctracker.model.records import field, record
from proctracker.model.signals import FATAL, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Tuple


@record(frozen=True)
class Observation:
    """What was seen. Times are epoch seconds, ``cpu_time`` seconds, ``max_rss`` KiB; None is "not told"."""

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


def ended(exit_code: int, *, oom: bool = False, error: str | None = None, **rest: Any) -> Observation:
    """The end an exit code stands for: 0 is DONE, 128+N with a fatal signal N a death by it, an OOM kill always FAILED."""
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
