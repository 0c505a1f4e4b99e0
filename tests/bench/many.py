"""Reading ten thousand ended jobs, beside a bare SQL query of the same rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import proctracker as pt
from measure import Row, absolute, median, milli, timed
from place import Place


def rows(where: Place) -> Iterator[Row]:
    """All states, and all jobs of a session as objects."""
    count, rounds = where.count(10_000, 100), where.count(11, 3)
    with pt.job_session("many") as session:
        array = session.run_bulk_jobs({"remote_command": "/bin/true"}, 1, count)
        array.wait_terminated()
        jobs = array.jobs
        with sqlite3.connect(where.home.database) as database:
            bare = [timed(database.execute("SELECT * FROM jobs").fetchall) for _ in range(rounds)]
        database.close()
        states = median([timed(lambda: [job.get_state() for job in jobs]) for _ in range(rounds)])
        yield absolute(f"states of {count:,} ended jobs", states, f"SELECT {milli(median(bare))}", 20)
        found = median([timed(session.get_jobs) for _ in range(rounds)])
        yield absolute(f"get_jobs() of {count:,}", found, f"SELECT {milli(median(bare))}", 60)
        assert len(session.get_jobs()) == count
    pt.destroy_job_session("many")
