"""Which job starts next: pure decisions, with a stand-in for the supervisor around them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proctracker.errors import OutOfResourceException
from proctracker.model import JobRow, JobState
from proctracker.store import Store
from proctracker.supervisor.base.jobs import Job, Jobs
from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.processes.spawn import StartLater
from proctracker.supervisor.scheduling import queue as module
from proctracker.supervisor.scheduling.queue import Queue
from stores import end, submit
from supervising import Desk


class Stand:
    """What a queue uses; its starts and refusals are written down."""

    key, stands_in = "main", False

    def __init__(self) -> None:
        self.loop, self.jobs, self.home = Loop(), Jobs(), SimpleNamespace(run="/nonexistent")
        self.settings = {"max_running": 0, "max_running_host": 0}
        self.store = Shelf()
        self.ledger = SimpleNamespace(flush=lambda: None)
        self.started: list[str] = []
        self.refused: list[tuple[str, str, str]] = []
        self.asked: list[Callable[[], None]] = []
        life = SimpleNamespace(refused=self._refuse, claimed=lambda job: None, unclaimed=lambda job: None)
        watch = SimpleNamespace(once=self.asked.append)
        self.queue = Queue(self, watch, life, lambda job: self.started.append(job.row.id))  # type: ignore[arg-type]
        self.queue.others = lambda: self.store.elsewhere > 0  # type: ignore[method-assign]

    def _refuse(self, job: Job, reason: str, sub_state: str) -> None:
        self.refused.append((job.row.id, reason, sub_state))

    def written(self) -> None:
        """Another supervisor has written."""
        calls = [*self.asked]
        self.asked.clear()
        for call in calls:
            call()
        self.rounds()

    def job(self, name: str, session: str = "s", spec: dict[str, Any] | None = None, **columns: Any) -> Job:
        num, _, task = name.partition("_")
        row = JobRow(name, int(num), int(task) if task else None, session, **columns)
        made = Job(row, spec or {}, "")
        self.jobs.add(made)
        return made

    def add(self, *jobs: Job) -> None:
        for job in jobs:
            self.queue.add(job)
        self.rounds()

    def rounds(self) -> None:
        """Serve all that is due now."""
        while self.loop._wait() == 0:
            self.loop.round()

    def end(self, job: Job, state: JobState = JobState.DONE) -> None:
        self.jobs.remove(job)
        job.row.state, job.row.finished = int(state), 1.0
        self.store.known[job.row.id] = job.row
        self.queue.give_back(job)
        self.queue.dependencies.ended(job)
        self.rounds()


class Shelf:
    """A store that says what it is told."""

    def __init__(self) -> None:
        self.limits: dict[str, int] = {}
        self.known: dict[str, JobRow] = {}
        self.arrays: dict[int, list[int]] = {}
        self.elsewhere = 0
        self.begin = self.commit = self.rollback = lambda: None
        self.outcome = lambda spec, name: None

    def session(self, name: str) -> tuple[str, int]:
        return "process", self.limits.get(name, 0)

    def running_slots(self, session: str | None, but: str) -> int:
        assert but == "main"
        return self.elsewhere

    def jobs(self, ids: list[str]) -> list[JobRow]:
        return [self.known[name] for name in ids if name in self.known]

    def array(self, num: int) -> Any:
        return SimpleNamespace(indices=self.arrays[num]) if num in self.arrays else None


@pytest.fixture
def stand() -> Iterator[Stand]:
    made = Stand()
    yield made
    made.loop.close()


def test_priority_then_age_then_task(stand: Stand) -> None:
    stand.store.limits["s"] = 1
    stand.add(stand.job("1"))
    jobs = [
        stand.job("3_10"),
        stand.job("3_9"),
        stand.job("2"),
        stand.job("9", priority=5),
        stand.job("4", priority=-1),
    ]
    stand.add(*jobs)
    assert stand.started == ["1"]
    for name in ("1", "9", "2", "3_9", "3_10"):
        found = stand.jobs.find(name)
        assert found is not None
        stand.end(found)
    assert stand.started == ["1", "9", "2", "3_9", "3_10", "4"]


def test_sessions_have_bounds_of_their_own(stand: Stand) -> None:
    stand.store.limits = {"a": 1, "b": 2}
    stand.add(*(stand.job(str(number), "abbcabbc"[number - 1]) for number in range(1, 9)))
    assert sorted(stand.started) == ["1", "2", "3", "4", "8"]
    stand.store.limits["a"] = 2
    stand.queue.limits_changed("a")
    stand.rounds()
    assert stand.started[-1] == "5"


def test_slots(stand: Stand) -> None:
    stand.store.limits["s"] = 4
    first, second, small = stand.job("1", slots=3), stand.job("2", slots=2), stand.job("3")
    stand.add(first, second, small)
    assert stand.started == ["1"]  # nobody overtakes: the second would never have its turn
    stand.end(first)
    assert stand.started == ["1", "2", "3"]


def test_more_slots_than_there_ever_are(stand: Stand) -> None:
    stand.store.limits["s"] = 2
    small, large = stand.job("1"), stand.job("2", slots=5)
    stand.add(small, large)
    assert stand.started == ["1"]
    stand.end(small)
    assert stand.started == ["1", "2"]


def test_a_slot_is_taken_and_given_back_once(stand: Stand) -> None:
    stand.store.limits["s"] = 1
    job, other, third = (stand.job(name) for name in "123")
    for _ in range(2):
        stand.queue.take(job)
    stand.add(other)
    for _ in range(2):
        stand.queue.give_back(job)
    stand.add(third)
    assert stand.started == ["2"]


def test_the_hosts_bound_counts_all_sessions(stand: Stand) -> None:
    stand.settings["max_running_host"] = 2
    jobs = [stand.job(str(number), session) for number, session in enumerate("abc")]
    stand.add(*jobs)
    assert stand.started == ["0", "1"]
    stand.end(jobs[0])
    assert stand.started == ["0", "1", "2"]


def test_sessions_take_turns(stand: Stand) -> None:
    stand.settings["max_running_host"] = 1
    many = [stand.job(f"1_{task}", "a") for task in range(1, 6)]
    stand.add(*many)
    stand.add(stand.job("2", "b"), stand.job("3", "b", priority=-5), stand.job("4", "c"))
    for _ in range(8):
        found = stand.jobs.find(stand.started[-1])
        assert found is not None
        stand.end(found)
    assert stand.started == ["1_1", "1_2", "2", "4", "1_3", "3", "1_4", "1_5"]
    assert [*stand.queue._lines] == []


def test_a_session_that_cannot_start_now_does_not_lose_its_turn(stand: Stand) -> None:
    stand.settings["max_running_host"], stand.store.limits["b"] = 2, 1
    first, second, small = stand.job("1", "a"), stand.job("2", "b"), stand.job("3", "b")
    stand.add(first, second, small, stand.job("4", "a"), stand.job("5", "a"))
    assert stand.started == ["1", "2"]
    stand.end(first)
    assert stand.started == ["1", "2", "4"]  # b is at its own bound
    stand.end(second)
    assert stand.started == ["1", "2", "4", "3"]


def test_small_jobs_do_not_go_by_a_large_one_for_ever(stand: Stand) -> None:
    stand.settings["max_running_host"] = 2
    first, large = stand.job("1", "a"), stand.job("3", "b", slots=2)
    stand.add(first, stand.job("2", "a"), large, stand.job("4", "a"))
    assert stand.started == ["1"]
    stand.end(first)
    assert stand.started == ["1", "3"]
    stand.end(large)
    assert stand.started == ["1", "3", "2", "4"]


def test_the_hosts_bound_holds_for_large_jobs(stand: Stand) -> None:
    stand.settings["max_running_host"] = 4
    small, large = stand.job("1", "a", slots=3), stand.job("2", "b", slots=9)
    stand.add(small, large)
    assert stand.started == ["1"]
    stand.end(small)
    assert stand.started == ["1", "2"]


def test_who_waits_for_an_engine_holds_up_no_process(stand: Stand) -> None:
    stand.queue.bound.limit = 0
    stand.add(*(stand.job(str(number), runtime="podman") for number in (1, 2)), stand.job("3"), stand.job("4", "b"))
    assert stand.started == ["3", "4"]
    stand.queue.bound.limit = 1
    stand.queue.kick()
    stand.rounds()
    assert stand.started == ["3", "4", "1", "2"]


@pytest.mark.parametrize("bound", ["session", "host"])
def test_other_supervisors_jobs_count(stand: Stand, bound: str) -> None:
    if bound == "session":
        stand.store.limits["s"] = 2
    else:
        stand.settings["max_running_host"] = 2
    stand.store.elsewhere = 2
    stand.queue.add(stand.job("1"))
    stand.loop.round()
    assert stand.started == []
    stand.store.elsewhere = 1
    stand.written()
    assert stand.started == ["1"]


def test_max_parallel_of_an_array(stand: Stand) -> None:
    tasks = [stand.job(f"1_{task}", spec={"max_parallel": 2}) for task in (1, 2, 3, 4)]
    stand.add(*tasks, stand.job("2"))
    assert stand.started == ["1_1", "1_2", "2"]
    stand.end(tasks[0])
    assert stand.started[3:] == ["1_3"]
    for task in tasks[1:]:
        stand.end(task)
    assert stand.started[3:] == ["1_3", "1_4"]
    stand.add(stand.job("3"))
    assert list(stand.queue._lines["s"].lanes) == [(0, False)]


def test_the_held_and_the_dropped_do_not_start(stand: Stand) -> None:
    held, dropped = stand.job("1", state=int(JobState.QUEUED_HELD)), stand.job("2")
    stand.queue.add(held)
    stand.queue.add(dropped)
    stand.queue.drop(dropped)
    stand.rounds()
    assert stand.started == []
    held.row.state = int(JobState.QUEUED)
    stand.add(held, dropped)
    assert stand.started == ["1", "2"]


def test_a_job_that_waits_twice_starts_once(stand: Stand) -> None:
    job = stand.job("1")
    stand.queue.add(job)
    stand.add(job)
    assert stand.started == ["1"]


def test_a_start_time(stand: Stand) -> None:
    past, future, dropped = (stand.job(str(each), spec={"start_time": time.time() + each}) for each in (-5, 500, 600))
    past.row.num = 1
    stand.add(past, future, dropped)
    assert stand.started == ["-5"]
    assert abs(future.timers["start"].due - time.time() - 500) < 60
    stand.queue.drop(dropped)
    assert dropped.timers == {}
    future.spec["start_time"] = 0
    call = future.timers["start"].call
    assert call is not None
    call()
    stand.rounds()
    assert stand.started == ["-5", "500"]


def test_only_some_start_before_the_loop_looks_again(stand: Stand) -> None:
    for number in range(module.AT_ONCE + 1):
        stand.queue.add(stand.job(str(number)))
    stand.loop.round()
    assert len(stand.started) == module.AT_ONCE
    stand.loop.round()
    assert len(stand.started) == module.AT_ONCE + 1


def test_nothing_starts_while_all_is_paused(stand: Stand) -> None:
    stand.queue.paused = True
    stand.add(stand.job("1"))
    assert stand.started == []
    stand.queue.paused = False
    stand.queue.kick()
    stand.rounds()
    assert stand.started == ["1"]


@pytest.mark.parametrize(("kind", "state", "starts"), [
    ("after", JobState.DONE, True),
    ("after", JobState.FAILED, False),
    ("after", JobState.UNDETERMINED, False),
    ("after_any", JobState.FAILED, True),
])  # fmt: skip
@pytest.mark.parametrize("live", [True, False])
def test_dependencies(stand: Stand, kind: str, state: JobState, starts: bool, live: bool) -> None:
    first, second = stand.job("1"), stand.job("2", spec={kind: ["1"]})
    stand.add(first)
    if not live:
        stand.end(first, state)
    stand.add(second)
    if live:
        assert stand.started == ["1"]
        waiting = stand.queue.dependencies.awaited("1")
        assert waiting
        stand.end(first, state)
    assert stand.started == (["1", "2"] if starts else ["1"])
    assert stand.refused == ([] if starts else [("2", "job 1 did not end DONE", "dependency")])
    waiting = stand.queue.dependencies.awaited("1")
    assert not waiting


def test_all_of_several_must_end(stand: Stand) -> None:
    first, second, third = stand.job("1"), stand.job("2"), stand.job("3", spec={"after": ["1"], "after_any": ["2"]})
    stand.add(first, second, third)
    stand.end(second, JobState.FAILED)
    assert stand.started == ["1", "2"]
    stand.end(first)
    assert stand.started == ["1", "2", "3"]


@pytest.mark.parametrize("last", [JobState.DONE, JobState.FAILED])
def test_an_array_must_end_as_a_whole(stand: Stand, last: JobState) -> None:
    tasks = [stand.job("1_1"), stand.job("1_2")]
    stand.store.arrays[1] = [1, 2]
    stand.add(*tasks, stand.job("2", spec={"after": ["1"]}))
    stand.end(tasks[0])
    assert "2" not in stand.started
    stand.end(tasks[1], last)
    assert ("2" in stand.started, len(stand.refused)) == ((True, 0) if last == JobState.DONE else (False, 1))


def test_a_held_dependent_is_looked_at_when_it_is_released(stand: Stand) -> None:
    first, second = stand.job("1"), stand.job("2", spec={"after": ["1"]})
    stand.add(first, second)
    stand.queue.drop(second)
    second.row.state = int(JobState.QUEUED_HELD)
    stand.end(first)
    assert stand.started == ["1"]
    second.row.state = int(JobState.QUEUED)
    stand.add(second)
    assert stand.started == ["1", "2"]


def test_a_job_nobody_knows_did_not_end_done(stand: Stand) -> None:
    stand.add(stand.job("2", spec={"after": ["77"]}))
    assert [name for name, _, _ in stand.refused] == ["2"]


@pytest.fixture
def other(desk: Desk) -> Iterator[Store]:
    """What another supervisor of the same session writes."""
    Path(desk.home.run, "slurm-7.lock").touch()
    made = Store(desk.home)
    yield made
    made.close()


def _foreign(store: Store) -> JobRow:
    (row,) = submit(store, session="s", keeper="slurm-7", state=int(JobState.RUNNING), dispatched=1.0)
    return row


def test_the_last_slot_is_taken_by_one_of_two_supervisors(desk: Desk, other: Store, monkeypatch: Any) -> None:
    taken: list[JobRow] = []
    claim = desk.service.queue._claim

    def late(job: Job) -> bool:
        if not taken:
            taken.append(_foreign(other))  # it came between our look and our claim
        return claim(job)

    monkeypatch.setattr(desk.service.queue, "_claim", late)
    job = desk.submit("true", max_running=1)
    desk.until(lambda: taken)
    assert (job.row.state, job.row.dispatched, job.holds) == (JobState.QUEUED, None, False)
    end(other, taken[0], 2.0)
    assert desk.ended(job).state == JobState.DONE


def test_a_claim_is_there_before_the_start(desk: Desk, other: Store, monkeypatch: Any) -> None:
    seen: list[int] = []
    start = desk.service.launcher.start

    def look(job: Job) -> None:
        seen.append(other.running_slots("s", but="slurm-7"))
        start(job)

    monkeypatch.setattr(desk.service.queue, "_start", look)
    desk.ended(desk.submit("true", max_running=1))
    assert seen == [1]
    assert other.running_slots() == 0


def test_a_claim_that_cannot_be_written_is_made_later(desk: Desk, other: Store, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.01)
    update, failed = desk.here.store.update, []

    def full(row: JobRow, columns: Any) -> None:
        if not failed:
            failed.append(row.id)
            raise OutOfResourceException("disk full")
        update(row, columns)

    monkeypatch.setattr(desk.here.store, "update", full)
    job = desk.submit("true", max_running=1)
    assert desk.ended(job).state == JobState.DONE
    assert failed == [job.row.id]


def test_a_start_that_comes_later_gives_its_claim_back(desk: Desk, other: Store, monkeypatch: Any) -> None:
    def short(*words: Any) -> int:
        raise StartLater("no processes left")

    monkeypatch.setattr("proctracker.supervisor.processes.spawn.spawn", short)
    job = desk.submit("true", max_running=1)
    desk.until(lambda: job.row.annotation and desk.here.ledger.clean)
    assert (job.row.state, job.row.dispatched, other.running_slots()) == (JobState.QUEUED, None, 0)


def test_the_configurations_limit_holds_for_sessions_without_their_own(desk: Desk) -> None:
    mine = [desk.submit("sleep", "600", session="mine", max_running=2) for _ in range(3)]
    none = [desk.submit("sleep", "600", session="unbound", max_running=0) for _ in range(2)]
    plain = [desk.submit("sleep", "600", session="plain") for _ in range(3)]

    def run(jobs: list[Job]) -> int:
        return sum(1 for job in jobs if job.row.dispatched is not None)

    desk.until(lambda: (run(mine), run(none), run(plain)) == (2, 2, 3))
    desk.here.settings["max_running"] = 1
    later = desk.submit("true", session="plain")
    fresh = [desk.submit("sleep", "600", session="fresh") for _ in range(2)]
    desk.until(lambda: run(fresh) == 1)
    desk.service.actions.control([plain[0].row.id, plain[1].row.id], "terminate", "SIGKILL", 0.0, lambda outcome: None)
    desk.ended(plain[1])
    assert (run([later]), run(fresh)) == (0, 1)
    desk.here.settings["max_running"] = 3
    desk.service.queue.limits_changed()
    assert desk.ended(later).state == JobState.DONE
    desk.until(lambda: run(fresh) == 2)


def test_what_a_double_death_left_goes_on(desk: Desk) -> None:
    desk.submit("true", hold=True)
    job = desk.submit("true")
    desk.service.queue.paused = True
    assert (desk.service.queue.resume(), desk.service.queue.resume()) == (1, 0)
    assert desk.ended(job).state == JobState.DONE
