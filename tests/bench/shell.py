"""What a command costs from the shell, in starts of a bare Python."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import proctracker as pt
from measure import Row, pairs, ratio
from place import Place, call, command


def rows(where: Place) -> Iterator[Row]:
    """``run`` with and without a supervisor, ``--help``, ``ps`` with ten jobs."""
    rounds = where.count(25, 3)
    run = [*command(), "run", "--", "true"]
    call(run)
    yield _row("run -- true, supervisor running", rounds, lambda: call(run), 5.0)
    ours, bare = [], []
    for _ in range(rounds):
        where.end_supervisor()
        one, other = pairs(1, lambda: call(run), _bare)
        ours += one
        bare += other
    yield ratio("run -- true, supervisor not running", ours, bare, 9.0)
    yield _row("--help", rounds, lambda: call([*command(), "--help"]), 3.5)
    with pt.job_session("shell") as session:
        array = session.run_bulk_jobs({"remote_command": "sleep", "args": ["600"]}, 1, 10)
        array.wait_started()
        yield _row("ps with 10 jobs", rounds, lambda: call([*command(), "ps"]), 5.5)
        array.terminate()
        array.wait_terminated()
    pt.destroy_job_session("shell")


def _row(what: str, rounds: int, ours: Callable[[], None], goal: float) -> Row:
    ours()
    return ratio(what, *pairs(rounds, ours, _bare), goal)


def _bare() -> None:
    """The least a Python program costs, by the same interpreter."""
    call([sys.executable, "-I", "-c", "pass"])
