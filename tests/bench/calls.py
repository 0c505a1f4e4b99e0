"""Python calls as jobs beside processes of ProcessPoolExecutor that serve one call each, and beside a pool that goes on."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

import proctracker as pt
from measure import Row, pairs, ratio
from place import Place

WORKERS = 2


def rows(where: Place) -> Iterator[Row]:
    """One call, then many, each round beside the peer."""
    few, many, rounds = where.count(20, 4), where.count(100, 4), where.count(3, 1)
    with pt.JobExecutor("calls", max_running=WORKERS) as executor:
        executor.submit(abs, -1).result()
        ours, bare = pairs(where.count(10, 2), lambda: _one(executor), _fresh_one)
        yield ratio("a call as a job, beside a fresh pool of one", ours, bare, 1.0)
        ours, bare = pairs(rounds, lambda: _many(executor, few, 1), lambda: _fresh(few))
        yield ratio(f"{few} calls, a job each, beside a fresh process each", ours, bare, 1.0)
        with _pool(WORKERS) as pool:
            pool.submit(abs, -1).result()
            ours, bare = pairs(rounds, lambda: _many(executor, many, many // WORKERS), lambda: _many(pool, many, 1))
        yield ratio(f"{many} calls in {WORKERS} jobs, beside a pool that runs already", ours, bare, 8)
        yield from _beside_submitit(executor, rounds, few)
    pt.destroy_job_session("calls")


def _beside_submitit(executor: Executor, rounds: int, count: int) -> Iterator[Row]:
    """The same beside submitit's local executor, which starts a process for each call; nothing where it is not installed."""
    try:
        import submitit
    except ImportError:
        print("not measured, not installed here: submitit (pip install submitit)")
        return
    with tempfile.TemporaryDirectory() as folder:
        other = submitit.LocalExecutor(folder=folder)
        ours, bare = pairs(rounds, lambda: _one(executor), lambda: other.submit(abs, -1).result())
        yield ratio("a call as a job, beside submitit's local executor", ours, bare, 1.0)

        def theirs() -> None:
            for each in [other.submit(abs, -number) for number in range(count)]:
                each.result()

        ours, bare = pairs(rounds, lambda: _many(executor, count, 1), theirs)
        yield ratio(f"{count} calls, a job each, {WORKERS} at a time, beside submitit, all at once", ours, bare, 1.0)


def _pool(workers: int) -> ProcessPoolExecutor:
    """A pool whose processes are made as a job is: a new Python each, not a fork."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def _one(executor: Executor) -> None:
    executor.submit(abs, -1).result()


def _fresh_one() -> None:
    with _pool(1) as pool:
        _one(pool)


def _many(executor: Executor, count: int, chunk: int) -> None:
    list(executor.map(abs, range(count), chunksize=chunk))


def _fresh(count: int) -> None:
    """A process for each call, as many at a time as there are workers."""
    for _ in range(0, count, WORKERS):
        with _pool(WORKERS) as pool:
            _many(pool, WORKERS, 1)
