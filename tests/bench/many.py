"""Reading ten thousand ended jobs, beside a bare SQL query of the same rows, and a page of them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator

import proctracker as pt
from measure import Row, absolute, median, milli, timed
from place import Place, call, command


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
        page = os.path.join(where.folder, "report.html")
        made = median([timed(lambda: call([*command(), "report", "-o", page])) for _ in range(min(rounds, 5))])
        yield absolute(f"report of {count:,}", made, f"{os.path.getsize(page) / 1e6:.1f} MB", 2000)
        assert os.path.getsize(page) < 8_000_000
    pt.destroy_job_session("many")
