"""Starts the next job, as a process, as a container or by a scheduler."""

from __future__ import annotations

from proctracker import runtimes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.jobs import Job
    from proctracker.supervisor.base.lifecycle import Lifecycle

    Start = Callable[[Job], None]


class Launcher:
    """Knows by which of three ways a job is started."""

    def __init__(self, lifecycle: Lifecycle, process: Start, container: Start, handover: Start) -> None:
        self._lifecycle = lifecycle
        self._process, self._container, self._handover = process, container, handover

    def start(self, job: Job) -> None:
        """Start a job."""
        self._lifecycle.starting(job)
        runtime = runtimes.get(job.row.runtime)
        if runtime.batch is not None:
            self._handover(job)
        elif runtime.containers:
            self._container(job)
        else:
            self._process(job)
