"""Looks: batched, weighed against what is known, remembered for a moment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.linux.procfs import boot_id
from proctracker.model import Completed, JobRow, JobState, Observation
from proctracker.runtimes.base import Dialog, Engine
from proctracker.store import Home, Reader, Store
from proctracker.testing import ManualClock
from proctracker.tracker import looks
from stores import end, submit

RUNNING = int(JobState.RUNNING)


class Fake:
    """A runtime that says what it is told to, and counts."""

    batch = None

    def __init__(self) -> None:
        self.says: dict[str, Observation] = {}
        self.asked: list[list[str]] = []
        self.down = False
        self.meanwhile: Any = None

    def look(self, engine: Engine, names: Sequence[str]) -> Dialog[Mapping[str, Observation]]:
        self.asked.append(list(names))
        yield []
        if self.meanwhile:
            self.meanwhile()
        if self.down:
            raise DrmCommunicationException("the engine sleeps")
        return {name: seen for name, seen in self.says.items() if name in names}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake()
    monkeypatch.setattr(looks.runtimes, "get", lambda name: made)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(Home(str(tmp_path / "home")))
    yield made
    made.close()


@pytest.fixture
def reader(store: Store) -> Iterator[Reader]:
    made = Reader(store.home)
    yield made
    made.close()


def container(store: Store, name: str, **values: Any) -> JobRow:
    given = {"state": RUNNING, "dispatched": 1.0, "container": name, "host": store.home.host, "runtime": "fake"}
    return submit(store, **{**given, **values})[0]


def test_all_are_asked_in_one_call(store: Store, reader: Reader, fake: Fake) -> None:
    rows = [container(store, name) for name in "abc"]
    fake.says = {
        "a": Observation(JobState.RUNNING),
        "b": Observation(JobState.SUSPENDED),
        "c": Observation(JobState.DONE, exit_status=0),
    }
    found = looks.look(rows, reader)
    assert [found[row.id].state for row in rows] == [JobState.RUNNING, JobState.SUSPENDED, JobState.DONE]
    assert fake.asked == [["a", "b", "c"]]


def test_what_is_queued_ended_or_elsewhere_is_not_asked(store: Store, reader: Reader, fake: Fake) -> None:
    rows = [container(store, "q", state=1), container(store, "e", finished=2.0), container(store, "h", host="other")]
    assert looks.look(rows, reader) == {}
    assert fake.asked == []


def test_what_the_engine_does_not_know_was_removed(store: Store, reader: Reader, fake: Fake) -> None:
    row = container(store, "a")
    seen = looks.look([row], reader)[row.id]
    assert (seen.state, seen.sub_state) == (JobState.UNDETERMINED, "removed")


def test_an_end_recorded_meanwhile_counts_more(store: Store, reader: Reader, fake: Fake) -> None:
    row, other = container(store, "a"), container(store, "b")
    fake.says = {"b": Observation(JobState.FAILED, exit_status=1)}
    fake.meanwhile = lambda: [end(store, each, 5.0) for each in (row, other)]
    rows = reader.jobs()
    assert looks.look(rows, reader) == {}


def test_an_engine_that_cannot_be_asked_gives_its_reason(store: Store, reader: Reader, fake: Fake) -> None:
    row = container(store, "a")
    fake.down = True
    seen = looks.look([row], reader)[row.id]
    assert (seen.state, seen.sub_state, seen.annotation) == (JobState.UNDETERMINED, None, "the engine sleeps")


@pytest.mark.parametrize(
    ("row", "seen", "expected"),
    [
        ({"sub_state": "terminating"}, Observation(JobState.DONE, exit_status=0), (JobState.FAILED, "terminated")),
        ({"sub_state": "deadline"}, Observation(JobState.FAILED, exit_status=1), (JobState.FAILED, "deadline")),
        ({"sub_state": "terminating"}, Observation(JobState.RUNNING), (JobState.RUNNING, "terminating")),
        ({}, Observation(JobState.RUNNING, "restarting"), (JobState.RUNNING, "restarting")),
        ({"state": 4, "sub_state": "stopped"}, Observation(JobState.RUNNING), None),
    ],
)
def test_weighing(row: dict[str, Any], seen: Observation, expected: Any) -> None:
    found = looks.weigh(JobRow("1", 1, **{"state": RUNNING, **row}), seen)
    assert (found and (found.state, found.sub_state)) == expected


def process(store: Store, **values: Any) -> JobRow:
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    given = {
        "state": RUNNING,
        "dispatched": 1.0,
        "pid": os.getpid(),
        "ticks": int(stat[19]),
        "boot": boot_id(),
        "host": store.home.host,
    }
    return submit(store, **{**given, **values})[0]


def test_a_process_nobody_looks_after(store: Store, reader: Reader) -> None:
    lives, gone, reboot = process(store), process(store, ticks=1), process(store, boot="another")
    found = looks.look([lives, gone, reboot], reader)
    assert lives.id not in found
    assert {(found[row.id].state, found[row.id].sub_state) for row in (gone, reboot)} == {
        (JobState.UNDETERMINED, "lost")
    }


def test_a_process_with_a_supervisor_is_as_recorded(store: Store, reader: Reader) -> None:
    from proctracker.wire import election

    row = process(store, ticks=1)
    seat = election.claim(store.home.run, row.keeper)
    assert seat is not None
    assert looks.look([row], reader) == {}
    election.release(seat)


def test_an_answer_serves_as_long_as_the_look_took(store: Store, reader: Reader, fake: Fake) -> None:
    clock = ManualClock(100.0)
    kept = looks.Looks(reader, clock)
    row = container(store, "a")
    fake.says = {"a": Observation(JobState.SUSPENDED)}
    fake.meanwhile = lambda: clock.advance(0.2)
    kept.at([row], 15.0)
    clock.advance(0.19)
    seen = kept.known(row.id)
    assert seen is not None
    assert seen.observation is not None
    assert seen.observation.state == JobState.SUSPENDED
    clock.advance(0.02)
    assert kept.known(row.id) is None


def test_no_answer_serves_longer_than_half_a_second_or_past_a_control(store: Store, reader: Reader, fake: Fake) -> None:
    clock = ManualClock(100.0)
    kept = looks.Looks(reader, clock)
    row = container(store, "a")
    fake.meanwhile = lambda: clock.advance(9.0)
    kept.at([row], 15.0)
    clock.advance(0.49)
    assert kept.known(row.id) is not None
    kept.forget()
    assert kept.known(row.id) is None


def test_what_is_hinted_at(store: Store) -> None:
    row = container(store, "a")
    states = [
        (Observation(JobState.RUNNING), False),
        (Observation(JobState.SUSPENDED), True),
        (Observation(JobState.UNDETERMINED, "removed"), True),
        (Observation(JobState.UNDETERMINED, annotation="down"), False),
        (None, False),
    ]
    assert [bool(looks.differing([looks.Seen(row, seen)])) for seen, _ in states] == [hint for _, hint in states]


def test_a_runner_makes_the_calls(store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Engine, float]] = []

    class Caller:
        def __init__(self, engine: Engine, timeout: float) -> None:
            made.append((engine, timeout))

        def run(self, *argvs: Any) -> list[Completed]:
            return [Completed(argv, 0) for argv in argvs]

    monkeypatch.setattr(looks.runner, "Runner", Caller)
    monkeypatch.setattr(looks.runner, "converse_all", lambda pairs: [{} for _ in pairs])
    looks.look([container(store, "a", runtime="podman")], reader, timeout=3.0)
    assert [timeout for _, timeout in made] == [3.0]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Observation(JobState.FAILED, exit_status=255, finished=9e9), (JobState.UNDETERMINED, "lost", None)),
        (Observation(JobState.DONE, exit_status=0), (JobState.UNDETERMINED, "lost", None)),
        (Observation(JobState.QUEUED), (JobState.UNDETERMINED, "lost", None)),
        (None, (JobState.UNDETERMINED, "lost", None)),
        (Observation(JobState.FAILED, exit_status=3, finished=5.0), (JobState.FAILED, None, 3)),
        (Observation(JobState.RUNNING, pid=1), (JobState.RUNNING, None, None)),
    ],
)
def test_what_ran_before_the_machine_was_started_anew(
    store: Store, reader: Reader, fake: Fake, seen: Observation | None, expected: Any
) -> None:
    (row,) = submit(store, state=RUNNING, runtime="x", container="box", host=store.home.host, boot="another")
    fake.says = {"box": seen} if seen else {}
    found = looks.look([row], reader)[row.id]
    assert (found.state, found.sub_state, found.exit_status) == expected


def test_an_engine_that_forgot_what_ran(store: Store, reader: Reader, fake: Fake) -> None:
    (row,) = submit(store, state=RUNNING, runtime="x", container="box", host=store.home.host, boot=boot_id())
    fake.says = {"box": Observation(JobState.QUEUED)}
    found = looks.look([row], reader)[row.id]
    assert (found.state, found.sub_state) == (JobState.UNDETERMINED, "lost")
