"""A job as the store keeps it."""

from __future__ import annotations

from proctracker.model.enums import JobState
from proctracker.records import record


@record
class JobRow:
    """Holds one job's record.

    Times are epoch seconds, durations seconds, ``max_rss`` KiB, ``ticks`` clock ticks since boot.

    ``since`` (seconds after the start of ``boot``, ``running_since`` on the clock that nobody can set) and ``ran``
    together are the running time, suspended parts left out. ``keeper`` names the supervisor (confinement) that owns the
    row. ``finished`` is set on every end, the lost and the removed included; ``unseen``: that is when its end was found
    out, and nobody knows when it was. ``changed``: when its state last did. ``kill_at`` (seconds after the start of
    ``boot``): it was told to end, and what there is of it then is killed; unset once that has been seen to. ``rss_floor``: what the
    kernel counts into ``max_rss`` of the process that started it: not above that, it is a bound only.
    ``due`` (seconds after the start of a boot): its next attempt waits until then.
    ``nodes`` (names with commas between them) and ``queue``: where a scheduler has it run.
    """

    id: str
    num: int
    task: int | None = None
    session: str = "default"
    contact: str = "process"
    runtime: str = "process"
    name: str | None = None
    spec: int = 0
    state: int = int(JobState.QUEUED)
    sub_state: str | None = None
    annotation: str | None = None
    exit_status: int | None = None
    signal: str | None = None
    submitted: float = 0.0
    dispatched: float | None = None
    finished: float | None = None
    running_since: float | None = None
    ran: float = 0.0
    cpu: float | None = None
    max_rss: int | None = None
    pid: int | None = None
    ticks: int | None = None
    boot: str | None = None
    host: str = ""
    container: str | None = None
    container_id: str | None = None
    attempt: int = 1
    priority: int = 0
    slots: int = 1
    keeper: str = "main"
    reported: int = 0
    saved: int = 0
    resubmitted_from: str | None = None
    workdir: str | None = None
    input: str | None = None
    output: str | None = None
    error: str | None = None
    command: str = "[]"
    category: str | None = None
    kill_at: float | None = None
    since: float | None = None
    changed: float | None = None
    unseen: int | None = None
    rss_floor: int | None = None
    nodes: str | None = None
    queue: str | None = None
    due: float | None = None

    @property
    def ended(self) -> bool:
        """Nothing more will happen to this job."""
        return self.finished is not None

    @property
    def address(self) -> str:
        """Return what its engine is asked for, the container's id once that is known.

        A name may be another's by now.
        """
        return self.container_id or self.container or ""

    def running_time(self, now: float) -> float:
        """Return the seconds it has run until ``now`` (after the start of ``boot``), the suspended ones left out."""
        return self.ran + (0.0 if self.since is None else max(0.0, now - self.since))
