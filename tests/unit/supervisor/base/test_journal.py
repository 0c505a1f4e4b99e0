"""Journals: every line comes back, also to another process and after a kill."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctracker.linux import clock
from proctracker.supervisor.base.journal import End, Journal, Start

_pids, _ticks = st.integers(1, 2**22), st.integers(0, 2**40)
_times = st.integers(0, 2**52).map(lambda micros: micros / 1e6)
_ids = st.integers(1, 10**6).map(str) | st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)).map(
    "{0[0]}_{0[1]}".format
)
_starts = st.tuples(_ids, st.integers(1, 99), _times, st.none() | st.tuples(_pids, _ticks))
_ends = st.tuples(_pids, _ticks, st.integers(-64, 255), _times, st.none() | st.tuples(_times, _ticks))


@given(st.lists(st.one_of(_starts, _ends)))
def test_what_was_written_is_read(entries: list[tuple[Any, ...]]) -> None:
    journal = Journal()
    starts, ends = [], []
    for entry in entries:
        if len(entry) == 4:
            job, attempt, now, became = entry
            journal.opened(job, attempt, now)
            if became:
                journal.started(*became)
            starts.append((job, attempt, now, *(became or (None, None))))
        else:
            pid, ticks, status, now, used = entry
            journal.ended(pid, ticks, status, now)
            if used:
                journal.used(pid, *used)
            ends.append((pid, ticks, status, now, *(used or (None, None))))
    found = journal.read()
    assert [_rounded(each[:5]) for each in found[0]] == [_rounded(each) for each in starts]
    assert [_rounded(each) for each in found[1]] == [_rounded(each) for each in ends]
    os.close(journal.fd)


def _rounded(entry: tuple[Any, ...]) -> list[Any]:
    return [round(value, 5) if isinstance(value, float) else value for value in entry]


def test_clearing_forgets_all_of_it() -> None:
    journal = Journal()
    journal.opened("1", 1, 5.0)
    journal.clear()
    assert journal.read() == ([], [])
    journal.ended(7, 8, -9, 6.0)
    assert journal.read() == ([], [End(7, 8, -9, 6.0)])
    assert os.fstat(journal.fd).st_size < 60


@pytest.mark.parametrize(("step", "expected"), [(-3600.0, 400.0), (0.01, 4000.0), (7200.0, 11200.0)])
def test_a_clock_that_was_set_since_moves_the_time_of_an_end(
    monkeypatch: pytest.MonkeyPatch, step: float, expected: float
) -> None:
    journal, began = Journal(), clock.since(0.0)
    journal.ended(7, 8, 0, 4000.0)
    monkeypatch.setattr(clock, "since", lambda seconds: began + step + seconds)
    assert journal.read()[1][0].time == pytest.approx(expected, abs=0.1)


def test_an_end_that_an_older_release_put_down() -> None:
    journal = Journal()
    os.write(journal.fd, b"R 7 8 0 5.000000\n")
    assert journal.read() == ([], [End(7, 8, 0, 5.0)])


def test_two_processes_share_one() -> None:
    journal = Journal()
    journal.opened("1", 1, 5.0)
    child = os.fork()
    if not child:
        Journal(journal.fd).clear()
        Journal(journal.fd).opened("2", 1, 6.0)
        os._exit(0)
    os.waitpid(child, 0)
    journal.started(7, 8)
    [start], ends = journal.read()
    assert (start._replace(born=0, after=0), ends) == (Start("2", 1, 6.0, 7, 8), [])


def test_half_a_line_does_not_count() -> None:
    journal = Journal()
    journal.ended(7, 8, 0, 6.0)
    os.write(journal.fd, b"R 9 9")
    assert journal.read() == ([], [End(7, 8, 0, 6.0)])


def test_a_usage_whose_end_was_cleared_is_nobodys() -> None:
    journal = Journal()
    journal.used(7, 1.0, 5)
    journal.ended(8, 1, 0, 6.0)
    journal.used(7, 1.0, 5)
    assert journal.read() == ([], [End(8, 1, 0, 6.0)])


def test_it_is_not_inherited() -> None:
    assert not os.get_inheritable(Journal().fd)
