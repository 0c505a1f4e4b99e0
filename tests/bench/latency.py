"""How long one submit takes, and how soon an end is told."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import proctracker as pt
from measure import Row, absolute, median, milli, p95, timed
from place import Place, popen_loop

_SETTLE = 0.02
"""Seconds after which a waiter surely blocks."""


def rows(where: Place) -> Iterator[Row]:
    """Submit latency and the way from an end to the waiter, of processes."""
    count = where.count(300, 20)
    with pt.job_session("latency") as session:
        ours, bare = [], []
        for _ in range(count):
            began = time.perf_counter()
            job = session.run_job({"remote_command": "/bin/true"})
            ours.append(time.perf_counter() - began)
            job.wait_terminated()
            bare.append(timed(lambda: popen_loop(1)))
        middle = median(ours)
        yield Row("submit, median", milli(middle), milli(median(bare)), middle / median(bare), 0.8, "x Popen+wait")
        yield Row("submit, p95", milli(p95(ours)), milli(p95(bare)), p95(ours) / middle, 3.0, "x median")
        told, known = [], []
        for _ in range(where.count(200, 10)):
            job = session.run_job({"remote_command": "sleep", "args": ["60"]})
            job.wait_started()
            told.append(until_told(_pid(job), job.wait_terminated))
            with subprocess.Popen(["sleep", "60"]) as process:
                known.append(until_told(process.pid, process.wait))
        yield absolute("end of a process to return of wait_terminated", median(told), milli(median(known)), 0.6)
    pt.destroy_job_session("latency")


def until_told(pid: int, wait: Callable[[], object]) -> float:
    """Seconds from the KILL of a process until a wait for it, already blocking, returns."""
    killed: list[float] = []

    def kill() -> None:
        time.sleep(_SETTLE)
        killed.append(time.perf_counter())
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    wait()
    returned = time.perf_counter()
    killer.join()
    return returned - killed[0]


def _pid(job: pt.Job) -> int:
    pid = job.get_info().pid
    assert pid is not None
    return pid
