"""The order of queued jobs."""

from __future__ import annotations

import heapq

from proctracker.model import JobRow
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.scheduling.lines import Entry, Lane, Line


def _entry(number: int, priority: int = 0) -> Entry:
    job = Job(JobRow(str(number), number), {}, "")
    job.ticket = number
    return Entry(-priority, number, 0, number, job)


def test_who_waits_no_longer_is_passed_over() -> None:
    lane, first, second = Lane(0), _entry(1), _entry(2)
    lane.entries = [first, second]
    assert lane.head() is first
    first.job.ticket = 0
    assert lane.head() is second


def test_the_best_of_all_lanes_that_have_room() -> None:
    line, plain, full, engines = Line(), Lane(0), Lane(1), Lane(0)
    line.lanes = {(0, False): plain, (5, False): full, (0, True): engines, (6, False): Lane(0)}
    heapq.heappush(plain.entries, _entry(3))
    heapq.heappush(full.entries, _entry(1))
    heapq.heappush(engines.entries, _entry(2))
    full.running = 1
    assert [line.head(each).num for each in (True, False)] == [2, 3]  # type: ignore[union-attr]
    assert (6, False) not in line.lanes
