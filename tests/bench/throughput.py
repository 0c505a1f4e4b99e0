"""Jobs a second, from the first submit until all have ended, beside a bare loop and task-spooler."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import proctracker as pt
from measure import Row, median, rate, timed
from place import Place, call, popen_loop

_TRUE = {"remote_command": "/bin/true"}


def rows(where: Place) -> Iterator[Row]:
    """Single submits, then an array, each round beside the bare loop and tsp."""
    count, rounds = where.count(1000, 50), where.count(5, 1)
    seconds: dict[str, list[float]] = {"bare": [], "single": [], "array": [], "tsp": []}
    tsp = shutil.which("tsp")
    with pt.job_session("throughput") as session:
        session.run_job(_TRUE).wait_terminated()
        for _ in range(rounds):
            seconds["bare"].append(timed(lambda: popen_loop(count)))
            seconds["single"].append(timed(lambda: _single(session, count)))
            seconds["array"].append(timed(lambda: session.run_bulk_jobs(_TRUE, 1, count).wait_terminated()))
            if tsp:
                seconds["tsp"].append(timed(lambda: _spooler(tsp, where.folder, count)))
    pt.destroy_job_session("throughput")
    yield _row(f"{count:,} single submits of /bin/true", seconds["single"], seconds["bare"], count, 1.2)
    if tsp:
        yield _row("the same beside task-spooler", seconds["single"], seconds["tsp"], count, 1.0)
    else:
        raise SystemExit("bench: task-spooler is missing: apt install task-spooler")
    yield _row(f"an array of {count:,} /bin/true", seconds["array"], seconds["bare"], count, 1.5)


def _row(what: str, ours: list[float], bare: list[float], count: int, goal: float) -> Row:
    factor = median([other / one for one, other in zip(ours, bare)])
    return Row(what, rate(count, median(ours)), rate(count, median(bare)), factor, goal, "x", "more")


def _single(session: pt.JobSession, count: int) -> None:
    session.wait_all_terminated([session.run_job(_TRUE) for _ in range(count)])


def _spooler(tsp: str, folder: str, count: int) -> None:
    """Submit to task-spooler, as many at a time as there are CPUs, and wait for all."""
    slots = os.cpu_count() or 1
    environ = {**os.environ, "TS_SOCKET": os.path.join(folder, "tsp"), "TS_SLOTS": str(slots), "TMPDIR": folder}
    call([tsp, "-S", str(slots)], environ)
    for _ in range(count):
        subprocess.run([tsp, "-n", "/bin/true"], env=environ, capture_output=True, check=True)
    # A new server counts from 0; with -n it prints no numbers.
    for number in range(max(0, count - 1 - 2 * slots), count):
        subprocess.run([tsp, "-w", str(number)], env=environ, capture_output=True, check=False)
    call([tsp, "-K"], environ)
