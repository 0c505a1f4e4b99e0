"""Opens the streams of the command that starts a container, and its kept files."""

from __future__ import annotations

import os

from proctracker.linux import netfs
from proctracker.runtimes.base import PASSED, Launch, Request
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.processes.streams import open_streams
from proctracker.supervisor.running.outputs import Outputs


def make_kept(outputs: Outputs, request: Request, launch: Launch, opened: dict[str | None, int]) -> None:
    """Make the kept files that the job will write, for readers that come first.

    Those that are the command's own streams stay open, in ``opened``.
    """
    kept = [] if request.output else [request.keep_output]
    kept += [] if request.error or request.template.join_files else [request.keep_error]
    for path in kept:
        fd = outputs.open(path)
        if path in (launch.stdout, launch.stderr):
            opened[path] = fd
        else:
            netfs.let_go(fd)


def streams_of(
    launch: Launch, job: Job, umask: int | None, given: dict[str | None, int]
) -> tuple[int, int | None, int | None]:
    """Return descriptors for the command, None being captured."""
    if job.stdin is not None:
        given[PASSED] = os.dup(job.stdin)
    opened = open_streams(launch, umask, given)
    out = opened[1] if launch.stdout else None
    err = opened[2] if launch.stderr else None
    for fd in {opened[1], opened[2]} - {out, err}:
        netfs.let_go(fd)
    return opened[0], out, err
