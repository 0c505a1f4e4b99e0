"""Taking over after a kill: of the supervisor, the keeper, one after the other, both, and between any two steps of a start."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proctracker.client.client import Client
from proctracker.client.supervisor import Supervisor
from proctracker.linux import cgroups, clock, pidfd, procfs
from proctracker.model import JobRow, JobState, Observation
from proctracker.store import Home
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.processes import spawn, watch
from proctracker.supervisor.running import identity, polled
from proctracker.wire import confinement, election
from supervising import LONG, PATH, Boxes, Desk, becomes, box, context, gone, kill, seat, spec, stored


class Yard:
    """A real supervisor, and a gate that its jobs wait at."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home, self.gate, self.client = home, folder / "gate", Client(home)
        os.mkfifo(self.gate)

    def submit(self, script: str = "exit 7", **more: Any) -> str:
        """A job that runs and waits at the gate."""
        job = self.queue(f"read x < {self.gate}; {script}", **more)
        assert self.client.wait([job], "started", timeout=LONG)
        return job

    def queue(self, script: str, **more: Any) -> str:
        return self.client.submit("s", spec("sh", "-c", script, **more), context(), contact="process")

    def open(self) -> None:
        self.gate.write_text("go\n")

    def end(self, job: str) -> JobRow:
        rows = self.client.wait([job], timeout=LONG)
        assert rows
        return rows[0]

    def row(self, job: str) -> JobRow:
        return stored(self.home, job)[0]


@pytest.fixture
def yard(home: Home, tmp_path: Path) -> Iterator[Yard]:
    made = Yard(home, tmp_path)
    yield made
    made.client.close()


def test_the_supervisor_is_killed_while_a_job_runs(yard: Yard) -> None:
    job = yard.submit("x=0; while [ $x -lt 20000 ]; do x=$((x+1)); done; exit 7")
    keeper, supervisor = seat(yard.client)
    kill(supervisor)
    yard.open()
    row = yard.end(job)
    assert (row.state, row.exit_status, row.sub_state) == (JobState.FAILED, 7, None)
    assert (row.cpu or 0) > 0
    assert row.max_rss
    assert seat(yard.client)[0] == keeper


def test_a_job_ends_while_there_is_no_supervisor(yard: Yard) -> None:
    job = yard.submit("kill -TERM $$")
    pid = yard.row(job).pid or 0
    keeper, supervisor = seat(yard.client)
    os.kill(keeper, 19)
    kill(supervisor)
    yard.open()
    assert gone(pid)
    os.kill(keeper, 18)
    row = yard.end(job)
    assert (row.signal, row.exit_status, bool(row.max_rss)) == ("SIGTERM", None, True)


def _another_keeper(yard: Yard) -> None:
    """Kill the keeper, and wait until the supervisor has taken its place."""
    link = Supervisor(yard.home).connect()
    assert link is not None
    keeper, supervisor = seat(yard.client)
    kill(keeper)
    assert select.select([link.fileno()], [], [], LONG)[0]
    link.close()
    assert seat(yard.client)[0] == supervisor


def test_the_keeper_is_killed(yard: Yard) -> None:
    job = yard.submit()
    _another_keeper(yard)
    yard.open()
    assert yard.end(job).exit_status == 7


def test_the_keeper_then_the_supervisor(yard: Yard) -> None:
    job = yard.submit()
    _another_keeper(yard)
    kill(seat(yard.client)[1])
    yard.open()
    assert yard.end(job).exit_status == 7


_KILLS = [("supervisor", "keeper"), ("keeper", "keeper"), ("supervisor", "keeper", "supervisor", "keeper")]


@pytest.mark.parametrize("order", _KILLS, ids="-".join)
def test_one_death_after_another_loses_no_code(yard: Yard, order: tuple[str, ...]) -> None:
    if not pidfd.tells():
        order = order[:1]
    job, quick = yard.submit(), yard.submit("kill -9 $$")
    for who in order:
        before = seat(yard.client)
        if who == "keeper":
            _another_keeper(yard)
        else:
            kill(before[1])
        assert seat(yard.client) != before
    yard.open()
    rows = [yard.end(each) for each in (job, quick)]
    assert [(row.exit_status, row.signal, row.sub_state) for row in rows] == [(7, None, None), (None, "SIGKILL", None)]


def test_both_at_once_and_the_job_goes_on(yard: Yard) -> None:
    job, queued = yard.submit(), yard.queue("exit 3", hold=True)
    pid = yard.row(job).pid or 0
    kill(*seat(yard.client))
    assert yard.client.control([job], "suspend").done == [job]
    assert becomes(pid, "T")
    yard.client.control([job], "resume")
    yard.open()
    row = yard.end(job)
    known = (JobState.FAILED, None, 7) if pidfd.tells() else (JobState.UNDETERMINED, "lost", None)
    assert (row.state, row.sub_state, row.exit_status) == known
    yard.client.control([queued], "release")
    assert yard.end(queued).exit_status == 3


def test_what_was_queued_waits_for_a_word(yard: Yard) -> None:
    yard.client.call("session_create", name="s", contact="process", max_running=1)
    first = yard.submit()
    queued, held = yard.queue("exit 3"), yard.queue("true", hold=True)
    kill(*seat(yard.client))
    yard.open()
    assert yard.end(first).sub_state == "lost"
    found = yard.client.call("status")
    assert (found["paused"], found["queued"], found["live"]) == (True, 2, 2)
    assert yard.client.call("start") == {"queued": 1}
    assert yard.end(queued).exit_status == 3
    assert yard.row(held).state == JobState.QUEUED_HELD


def test_a_submit_is_a_word(yard: Yard) -> None:
    yard.client.call("session_create", name="s", contact="process", max_running=1)
    yard.submit()
    queued = yard.queue("exit 3")
    kill(*seat(yard.client))
    yard.open()
    other = yard.queue("exit 4")
    assert yard.client.resumed == 1
    assert [yard.end(job).exit_status for job in (queued, other)] == [3, 4]


def test_a_lost_job_that_is_rerunnable_runs_once_more(yard: Yard) -> None:
    job = yard.submit("exit $PROCTRACKER_ATTEMPT", rerunnable=True)
    pid = yard.row(job).pid or 0
    kill(*seat(yard.client))
    yard.open()
    assert gone(pid)
    assert yard.client.wait([job], "REQUEUED,RUNNING", timeout=LONG)
    yard.client.call("start")
    yard.open()
    row = yard.end(job)
    assert (row.state, row.exit_status, row.attempt) == (JobState.FAILED, 2, 2)


def test_the_same_token_after_a_kill_is_the_same_job(yard: Yard, tmp_path: Path) -> None:
    one = spec("sh", "-c", f"echo run >> {tmp_path}/log")
    for _ in range(3):
        job = yard.client.submit("s", one, context(), contact="process", token="t")
        kill(seat(yard.client)[1])
    yard.end(job)
    assert (tmp_path / "log").read_text() == "run\n"


def test_a_job_being_ended_is_still_ended_after_a_kill(yard: Yard) -> None:
    job = yard.queue(f"trap '' TERM; echo > {yard.gate}; while :; do sleep 0.01; done")
    yard.gate.read_text()
    yard.client.control([job], "terminate", grace=0.3)
    supervisor = seat(yard.client)[1]
    kill(supervisor)
    yard.client.control([job], "terminate", grace=0.1)
    row = yard.end(job)
    assert (row.state, row.sub_state, row.signal) == (JobState.FAILED, "terminated", "SIGKILL")


# between two steps of a start: the former supervisor is a desk that was left as a kill leaves it


def _marked(old: Desk, job: Job, *argv: str, attempt: int = 1) -> subprocess.Popen[bytes]:
    env = {"PATH": PATH, "PROCTRACKER_JOB": f"{old.home.uuid}/{job.row.id}/{attempt}"}
    return subprocess.Popen(argv or ("sleep", "600"), env=env, start_new_session=True)


def _queued(old: Desk, **more: Any) -> Job:
    old.service.queue.paused = True
    return old.submit("sleep", "600", **more)


def test_killed_between_spawn_and_pid(old: Desk, follow: Callable[..., Desk]) -> None:
    job = _queued(old)
    old.seat.journal.opened(job.row.id, 1, time.time())
    with _marked(old, job) as process:
        new = follow()
        row = new.taken(job).row
        assert (row.state, row.pid, row.ticks) == (JobState.RUNNING, process.pid, spawn.ticks(process.pid))
        process.kill()


def test_killed_between_pid_and_commit(old: Desk, follow: Callable[..., Desk]) -> None:
    job, other = _queued(old), _queued(old)
    with _marked(old, job) as process:
        old.seat.journal.opened(job.row.id, 1, time.time())
        old.seat.journal.started(process.pid, 0)
        old.seat.journal.opened(other.row.id, 1, time.time())
        old.seat.journal.started(0, 0)  # it failed
        new = follow()
        row = new.taken(job).row
        assert (row.state, row.pid, row.ticks) == (JobState.RUNNING, process.pid, spawn.ticks(process.pid))
        assert new.taken(other).row.dispatched is None
        process.kill()


def test_killed_before_the_spawn(old: Desk, follow: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    job = _queued(old)
    old.seat.journal.opened(job.row.id, 1, time.time())
    new = follow()
    assert (new.taken(job).row.dispatched, new.taken(job).ticket > 0, new.service.queue.paused) == (None, True, False)
    assert new.running(new.taken(job))


def test_a_process_that_has_ended_already(old: Desk, follow: Callable[..., Desk]) -> None:
    job = _queued(old)
    began = time.time()
    old.seat.journal.opened(job.row.id, 1, began)
    old.seat.kept.ended(2**22 + 5, spawn.ticks(os.getpid()), 9, began - 5)  # one of another job, long ago
    old.seat.kept.used(2**22 + 5, 0.0, 1)
    ticks = int(time.clock_gettime(time.CLOCK_BOOTTIME) * procfs.clock_ticks) + 5
    old.seat.kept.ended(2**22 + 6, ticks, 7, began + 0.01)
    old.seat.kept.used(2**22 + 6, 0.5, 99)
    new = follow()
    new.here.ledger.flush()
    row = new.row(job)
    assert (row.state, row.exit_status, row.cpu, row.max_rss) == (JobState.FAILED, 7, 0.5, 99)


@pytest.mark.parametrize(("ending", "why"), [("terminating", "terminated"), ("deadline", "deadline")])
def test_an_end_that_was_asked_for_is_none_to_try_again(
    old: Desk, follow: Callable[..., Desk], ending: str, why: str
) -> None:
    job = old.submit("sleep", "600", retries=1)
    pid = old.running(job)
    job.ending = ending
    old.service.lifecycle.ending(job, clock.boottime() + 600)
    old.seat.journal.ended(pid, job.row.ticks or 0, -15, time.time())
    new = follow()
    new.here.ledger.flush()
    row = new.row(job)
    assert (row.state, row.sub_state, row.attempt) == (JobState.FAILED, why, 1)


@pytest.mark.parametrize("known", ["due", "before", "another boot's"])
@pytest.mark.parametrize("held", [False, True])
def test_a_delay_between_attempts_goes_on(old: Desk, follow: Callable[..., Desk], held: bool, known: str) -> None:
    """``due``: the clock was set meanwhile; ``before``: as a release wrote it that knew the wall clock alone."""
    job = old.submit("false", retries=1, retry_delay=1000)
    old.until(lambda: job.row.state == JobState.REQUEUED and old.here.ledger.clean)
    if held:
        old.service.actions.control([job.row.id], "hold", "TERM", 0.0, lambda outcome: None)
    old.here.ledger.flush()
    moved, due, left = {"due": (3600, "due - 600", 400), "before": (-600, "NULL", 400)}.get(
        known, (0, "due + 9000", 1000)
    )
    old.here.store._db.run("UPDATE transitions SET time = time + ?", (moved,))
    old.here.store._db.run(f"UPDATE jobs SET due = {due}")
    new = follow()
    if held:
        assert new.taken(job).timers == {}
        new.service.actions.control([job.row.id], "release", "TERM", 0.0, lambda outcome: None)
    assert abs(new.taken(job).timers["start"].due - clock.boottime() - left) < 60


def test_a_second_attempt_is_not_started_twice(old: Desk, follow: Callable[..., Desk]) -> None:
    job = old.submit("sh", "-c", "exit 1", retries=2, retry_delay=1000)
    old.until(lambda: job.row.state == JobState.REQUEUED and old.here.ledger.clean)
    old.seat.journal.opened(job.row.id, 2, time.time())
    with _marked(old, job, attempt=2) as process:
        row = follow().taken(job).row
        assert (row.state, row.pid, row.attempt) == (JobState.RUNNING, process.pid, 2)
        process.kill()


def test_an_attempt_whose_next_one_waits_is_not_lost(old: Desk, follow: Callable[..., Desk]) -> None:
    job = old.submit("sleep", "600", retries=2, retry_delay=1000)
    pid = old.running(job)
    old.here.ledger.flush()
    ticks = spawn.ticks(pid)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    new = follow()
    old.seat.kept.ended(pid, ticks, 7, time.time())  # what was gone when it was looked at
    old.seat.kept.used(pid, 0.5, 9)
    new.service.watch.kept()
    passed: list[None] = []
    new.here.loop.after(0.3, lambda: passed.append(None))
    new.until(lambda: passed)
    row = new.taken(job).row
    assert (row.state, row.attempt, row.ended) == (JobState.REQUEUED, 2, False)


@pytest.mark.parametrize("told", [True, False])
def test_attempts_that_ended_before_a_commit_are_not_made_again(
    old: Desk, follow: Callable[..., Desk], told: bool
) -> None:
    job, journal = _queued(old, retries=3), old.seat.journal
    for attempt in (1, 2):
        journal.opened(job.row.id, attempt, time.time(), old.home.uuid)
        journal.started(2**22 + attempt, 0)
        journal.ended(2**22 + attempt, 0, 5, time.time())
        journal.used(2**22 + attempt, 0.1, 9)
    journal.opened(job.row.id, 3, time.time(), old.home.uuid)
    with _marked(old, job, attempt=3) as process:
        if told:
            journal.started(process.pid, 0)
        new = follow()
        row = new.taken(job).row
        assert (row.attempt, row.state, row.pid, new.taken(job).ticket) == (3, JobState.RUNNING, process.pid, 0)
        new.here.ledger.flush()
        found = [
            JobState(each[0]).name for each in new.here.store._db.rows("SELECT state FROM transitions ORDER BY seq")
        ]
        assert found == ["QUEUED", "RUNNING", "REQUEUED", "RUNNING", "REQUEUED", "RUNNING"]
        process.kill()


def test_a_child_that_a_job_left_is_not_the_job(old: Desk, follow: Callable[..., Desk]) -> None:
    job = _queued(old)
    old.seat.journal.clear()
    with _marked(old, job, "sh", "-c", "sleep 600 & echo $$; wait") as leader:
        [child] = _eventually(lambda: procfs.children(leader.pid))
        leader.kill()
        leader.wait()
        new = follow(turn=0)
        new.here.ledger.flush()
        assert (new.row(job).state, new.row(job).sub_state) == (JobState.UNDETERMINED, "lost")
        os.kill(child, 9)


def _eventually(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + LONG
    while not (found := look()):
        assert time.monotonic() < until
    return found


def test_after_a_double_death_a_start_under_way_is_found(old: Desk, follow: Callable[..., Desk]) -> None:
    jobs = [_queued(old) for _ in range(3)]
    old.service.outputs._folder(os.path.dirname(old.home.kept("1", 1, "out")))
    Path(old.home.kept(jobs[1].row.id, 1, "out")).touch()
    old.seat.journal.clear()
    with _marked(old, jobs[0]) as process:
        new = follow(turn=0)
        assert new.taken(jobs[0]).row.pid == process.pid
        new.here.ledger.flush()
        assert new.row(jobs[1]).sub_state == "lost"  # it may have run: never twice
        assert (new.taken(jobs[2]).row.state, new.service.queue.paused) == (JobState.QUEUED, True)
        process.kill()
        new.until(lambda: jobs[0].row.id not in new.here.jobs.by_id)


@pytest.mark.parametrize("option", ["", "--name="])
def test_after_a_double_death_a_container_that_was_being_started_is_found(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes, option: str
) -> None:
    """Its engine would refuse another one of its name."""
    ran, starting, never = (old.submit("x", **box("exec sleep 600"), hold=True) for _ in range(3))
    names = {}
    for job in (ran, starting):
        old.service.lifecycle.released(job)
        folder = identity.folder(old.home, job.row)
        identity.write(old.home, folder, {f"{folder}/env": b""})
        names[job.row.id] = old.home.container(job.row.id, job.row.attempt)
    Path(identity.folder(old.home, ran.row), "id").write_text(names[ran.row.id])
    old.here.ledger.flush()
    old.seat.journal.clear()
    boxes.says[names[ran.row.id]] = Observation(JobState.FAILED, exit_status=143)
    began = time.time()
    gate = Path(old.home.path, "gate")
    os.mkfifo(gate)
    name = names[starting.row.id]
    script = 'exec -a boxes sh -c "echo \\$\\$; exec >&-; read x <$0" "$1" &'
    call = subprocess.run(["bash", "-c", script, gate, option + name], check=True, stdout=subprocess.PIPE)
    new = follow(turn=0)
    assert new.taken(starting).row.pid == int(call.stdout)
    new.until(lambda: ran.row.id not in new.here.jobs.by_id)
    new.here.ledger.flush()
    row = new.row(ran)
    assert (row.state, row.exit_status, row.attempt) == (JobState.FAILED, 143, 1)
    assert row.dispatched is not None and row.dispatched <= began
    assert (new.taken(never).row.container, new.taken(never).row.state) == (None, JobState.QUEUED_HELD)
    assert new.taken(starting).starting
    gate.write_text("\n")
    new.until(lambda: new.taken(starting).waits)  # the call made none: it is begun anew
    assert boxes.asked.count(("look", names[ran.row.id])) >= 1


def test_a_reaped_code_is_not_dropped(old: Desk, follow: Callable[..., Desk]) -> None:
    job = old.submit("sleep", "600")
    pid = old.running(job)
    old.here.ledger.flush()
    ticks = spawn.ticks(pid)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    now = round(time.time(), 6)
    old.seat.journal.ended(pid, ticks, -9, now)
    old.seat.journal.used(pid, 0.25, 77)
    new = follow()
    new.here.ledger.flush()
    row = new.row(job)
    assert (row.signal, row.finished, row.cpu, row.max_rss) == ("SIGKILL", now, 0.25, 77)


@pytest.mark.parametrize("descriptors", [True, False])
def test_somebody_elses_child_is_watched(
    old: Desk, follow: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, descriptors: bool
) -> None:
    monkeypatch.setattr(pidfd, "available", lambda: descriptors)
    monkeypatch.setattr(watch, "LOOK", 0.01)
    script = 'setsid sh -c \'echo $$ > "$0"; exec sleep 600\' "$0" &'
    fifo = old.home.path + "/pid"
    os.mkfifo(fifo)
    subprocess.Popen(["sh", "-c", script, fifo]).wait()
    pid = int(Path(fifo).read_text())
    job = _queued(old)
    job.row.pid, job.row.ticks = pid, spawn.ticks(pid)
    job.row.boot, job.row.dispatched = old.here.boot, time.time()
    old.here.ledger.change(job.row, JobState.RUNNING, "terminating")
    old.here.ledger.flush()
    new = follow()
    taken = new.taken(job)
    assert (taken.holds, taken.ending) == (True, "terminating")
    row = new.ended(taken)  # it was being ended, so it is once more
    known = (JobState.FAILED, "terminated", "SIGKILL")
    assert (row.state, row.sub_state, row.signal) == (known if descriptors else (JobState.UNDETERMINED, "lost", None))
    assert gone(pid)


@pytest.mark.parametrize("rerunnable", [True, False])
def test_another_boot(old: Desk, follow: Callable[..., Desk], rerunnable: bool) -> None:
    running, queued = _queued(old, rerunnable=rerunnable), _queued(old)
    running.row.pid, running.row.ticks, running.row.boot, running.row.dispatched = os.getpid(), 1, "another", 1.0
    old.here.ledger.change(running.row, JobState.RUNNING)
    old.here.ledger.flush()
    new = follow(turn=0)
    new.here.ledger.flush()
    row = new.row(running)
    state = JobState.REQUEUED if rerunnable else JobState.UNDETERMINED
    assert (row.state, row.sub_state, row.pid) == (state, "rerun" if rerunnable else "lost", None)
    assert (new.service.queue.paused, new.taken(queued).row.state) == (True, JobState.QUEUED)
    assert new.service.queue.resume() == (2 if rerunnable else 1)


def test_containers_that_run_are_looked_at_in_one_call(old: Desk, follow: Callable[..., Desk], boxes: Boxes) -> None:
    jobs = [old.submit("x", **box(), hold=True) for _ in range(2)]
    for job in jobs:
        job.row.container, job.row.boot, job.row.dispatched = f"box-{job.row.id}", "another", 1.0
        old.here.ledger.change(job.row, JobState.RUNNING)
    old.here.ledger.flush()
    boxes.says = {"box-1": Observation(JobState.RUNNING), "box-2": Observation(JobState.FAILED, exit_status=3)}
    new = follow(turn=0)
    new.until(lambda: jobs[1].row.id not in new.here.jobs.by_id)
    assert boxes.asked[0] == ("look", "box-1", "box-2")
    assert new.taken(jobs[0]).row.state == JobState.RUNNING


@pytest.mark.parametrize("when", ["before", "while it is asked"])
def test_the_end_of_a_container_is_noticed_whatever_its_engine_is_slow_to_say(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: procfs.lives(pid))
    monkeypatch.setattr(polled, "LOOK", 2 * LONG)
    job = old.submit("x", **box())
    pid = old.running(job)
    old.here.ledger.flush()
    name = job.row.container or ""
    boxes.says[name] = Observation(JobState.RUNNING, pid=pid)  # it has not noticed
    if when == "before":
        kill(pid)
    new = follow()
    taken = new.taken(job)
    if when == "before":
        looks = len(boxes.asked)
        new.until(lambda: len(boxes.asked) > looks)
        boxes.says[name] = Observation(JobState.FAILED, exit_status=3)
    else:
        boxes.asked.clear()
        assert taken.pidfd is not None
        kill(pid)
        boxes.says[name] = Observation(JobState.FAILED, exit_status=3)
    assert new.ended(taken).exit_status == 3


@pytest.mark.parametrize("clock", ["time_limit", "deadline"])
def test_a_process_that_was_gone_before_its_time_was_over_was_not_ended_for_that(
    old: Desk, follow: Callable[..., Desk], clock: str
) -> None:
    """Nobody was there when its time was over, or when it ended: it was lost, and runs again."""
    over = time.time() + 0.2
    job = old.submit("sleep", "600", rerunnable=True, **{clock: 0.2 if clock == "time_limit" else over})
    pid = old.running(job)
    old.here.ledger.flush()
    kill(pid)
    os.waitpid(pid, 0)
    while time.time() < over + 0.1:
        select.select([], [], [], 0.05)
    desk = follow(turn=0)
    desk.until(lambda: desk.taken(job).row.attempt == 2)
    desk.here.ledger.flush()
    told = [state for *_, state in desk.here.store.changes(0, 100)]
    assert not {"time-limit", "deadline"} & {*told[: told.index("rerun")]}


# other confinements


@pytest.mark.parametrize("kind", ["process", "container"])
def test_deadline_and_time_limit_hold_after_a_kill(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("proctracker.linux.cgroups.has_name", lambda pid, name: True)
    deadline = time.time() + 900
    given = {"deadline": deadline, "time_limit": 500.0}
    job = old.submit("x", **box(), **given) if kind == "container" else old.submit("sleep", "600", **given)
    pid = old.running(job)
    old.here.ledger.flush()
    boxes.says[job.row.container or ""] = Observation(JobState.RUNNING, pid=pid)
    desk = follow()
    timers = desk.taken(job).timers
    assert timers["deadline"].due == deadline
    assert timers["limit"].due == pytest.approx((job.row.since or 0) + 500, abs=1)
    desk.service.actions.clocks._overdue(desk.taken(job))
    assert desk.taken(job).row.sub_state == "deadline"


def test_a_container_that_was_told_to_end_keeps_its_grace(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proctracker.linux.cgroups.has_name", lambda pid, name: True)
    job = old.submit("x", **box())
    pid = old.running(job)
    old.service.actions.control([job.row.id], "terminate", "SIGTERM", 500.0, lambda outcome: None)
    boxes.says[job.row.container or ""] = Observation(JobState.RUNNING, pid=pid)
    old.until(lambda: old.here.ledger.clean)
    desk = follow()
    taken = desk.taken(job)
    assert (taken.ending, taken.timers["kill"].due) == ("terminating", job.row.kill_at)
    boxes.asked.clear()
    desk.service.actions.kill(taken)
    desk.until(lambda: "kill" in boxes.verbs())


def test_queued_jobs_of_a_confinement_that_is_over(desks: Callable[..., Desk]) -> None:
    gone_one, alive = desks(key="gone"), desks(key="alive")
    jobs = [desk.submit("sleep", "600", hold=True) for desk in (gone_one, alive)]
    running = gone_one.submit("sleep", "600")
    pid = gone_one.running(running)
    lost = gone_one.submit("sleep", "600", hold=True)
    lost.row.dispatched, lost.row.pid, lost.row.ticks = 1.0, os.getpid(), 1
    gone_one.here.ledger.change(lost.row, JobState.RUNNING)
    gone_one.here.ledger.flush()
    gone_one.close(kill=False)
    main = desks().recover()
    main.here.ledger.flush()
    found = {row.id: (row.state, row.sub_state) for row in main.here.store.session_jobs("s")}
    assert found[jobs[0].row.id] == (JobState.FAILED, "confinement-gone")
    assert found[jobs[1].row.id] == (JobState.QUEUED_HELD, None)
    assert found[running.row.id] == (JobState.RUNNING, None)
    assert found[lost.row.id] == (JobState.UNDETERMINED, "lost")
    assert election.claim(main.home.run, "alive") is None
    os.kill(pid, 9)


def test_queued_jobs_of_ordinary_logins_wait_for_their_supervisor(desks: Callable[..., Desk]) -> None:
    main = desks()
    job = main.submit("sleep", "600", hold=True)
    main.close()
    other = desks(key="batch").recover()
    other.here.ledger.flush()
    assert other.row(job).state == JobState.QUEUED_HELD


@pytest.mark.parametrize("key", ["main", "0123456789ab"])
def test_one_that_stands_in_starts_nothing(
    desks: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    first = desks(key=key)
    held, queued = first.submit("true", hold=True), first.submit("true", start_time=time.time() + 600)
    first.close()
    monkeypatch.setenv(confinement.STANDS_IN, "1")
    again = desks(key=key, turn=1).recover()
    again.service.queue.kick()
    again.here.loop.round()
    assert again.service.queue.paused
    assert again.service.queue.resume() == 0
    found = [(again.row(job).state, again.row(job).sub_state) for job in (held, queued)]
    if key == confinement.MAIN:
        assert [state for state, _ in found] == [JobState.QUEUED_HELD, JobState.QUEUED]
    else:
        assert found == [(JobState.FAILED, "confinement-gone")] * 2


def test_max_running_counts_over_all_supervisors(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Supervisor, "_of_ours", lambda supervisor: True)
    os.mkfifo(tmp_path / "gate")
    clients = [Client(home, key=key) for key in ("main", "other")]
    clients[0].call("session_create", name="s", contact="process", max_running=1)
    clients[1].call("status")
    script = spec("sh", "-c", f"read x < {tmp_path}/gate")
    first = clients[1].submit("s", script, context(), contact="process")
    assert clients[1].wait([first], "started", timeout=LONG)
    second = clients[0].submit("s", script, context(), contact="process")
    clients[0].call("status")
    [row] = stored(home, second)
    assert (row.state, row.keeper) == (JobState.QUEUED, "main")
    (tmp_path / "gate").write_text("go\n")
    assert clients[1].wait([first], timeout=LONG)
    assert clients[0].wait([second], "started", timeout=LONG)
    with pytest.raises(Exception, match=r"belongs to another supervisor \(main\)"):
        raise clients[1].control([second], "terminate").errors[second]
    for client in clients:
        client.close()
