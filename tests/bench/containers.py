"""What a container job costs beyond the bare CLI: start, look, end, memory, forty at once."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import engines
import proctracker as pt
from latency import until_told
from measure import Row, absolute, extra, median, milli, pairs, timed
from place import Place, call, command, pss
from proctracker.tracker import looks

_SLEEP = ("sleep", "600")
_PARALLEL = (1, 2, 4, 8)
"""How many bare starts are made side by side; the best counts."""


class Cli(NamedTuple):
    """One container CLI: the bare command, what leads to its engine, and the contact that is the same engine's."""

    name: str
    contact: str
    command: Sequence[str]
    image: str
    environ: Mapping[str, str]

    @property
    def _ctr(self) -> bool:
        return self.name == "ctr"

    def start(self, name: str) -> list[str]:
        """The bare start of a container that sleeps."""
        words = ["run", "-d", self.image, name] if self._ctr else ["run", "-d", "--name", name, self.image]
        return [*self.command, *words, *_SLEEP]

    def look(self, names: Sequence[str]) -> None:
        """The bare look at all of these; ctr tells states and exit codes in two calls."""
        for words in [("task", "ls"), ("container", "ls")] if self._ctr else [("container", "inspect", *names)]:
            call([*self.command, *words])

    def remove(self, names: Sequence[str]) -> None:
        """Take bare containers away."""
        if not self._ctr:
            call([*self.command, "rm", "-f", *names])
            return
        for name in names:
            call([*self.command, "task", "rm", "-f", name])
        call([*self.command, "container", "rm", *names])


def rows(where: Place, cli: Cli) -> Iterator[Row]:
    """All rows of one CLI."""
    os.environ.update(cli.environ)
    template = {"remote_command": _SLEEP[0], "args": [*_SLEEP[1:]], "job_category": cli.image}
    with pt.job_session(f"bench-{cli.name}", contact=cli.contact) as session:
        for measured in (_submit, _at_once, _states, _ends):
            yield from measured(where, cli, session, template)
        name = session.session_name
    call([*command(), "session", "destroy", name, "--terminate"])


Template = Mapping[str, object]


def _submit(where: Place, cli: Cli, session: pt.JobSession, template: Template) -> Iterator[Row]:
    """From submit until it runs, beside ``run -d``, in pairs."""
    names: list[str] = []

    def bare() -> None:
        names.append(f"bare-{os.getpid()}-{len(names)}")
        call(cli.start(names[-1]))

    ours, other = pairs(where.count(15, 3), lambda: session.run_job(dict(template)).wait_started(), bare)
    cli.remove(names)
    yield extra(f"{cli.name}: submit until it runs", ours, other, 5.0)
    _clear(session)


def _at_once(where: Place, cli: Cli, session: pt.JobSession, template: Template) -> Iterator[Row]:
    """Forty starts at once, beside the bare CLI at its best parallelism."""
    count = where.count(40, 4)
    best, parallel = min((_bare_burst(cli, count, width), width) for width in _PARALLEL)
    ours = timed(lambda: session.run_bulk_jobs(dict(template), 1, count).wait_started())
    running = [job for job in session.get_jobs() if job.get_state()[0] == pt.JobState.RUNNING]
    assert len(running) == count, f"{count - len(running)} of {count} did not start"
    bare = f"{milli(best)} ({parallel} side by side)"
    yield Row(f"{cli.name}: {count} started at once", milli(ours), bare, ours / best, 1.0, "x")
    _clear(session)


def _bare_burst(cli: Cli, count: int, width: int) -> float:
    """Seconds for so many bare starts, ``width`` at a time."""
    names = [f"burst-{os.getpid()}-{width}-{index}" for index in range(count)]
    with ThreadPoolExecutor(width) as pool:
        seconds = timed(lambda: list(pool.map(lambda name: call(cli.start(name)), names)))
    cli.remove(names)
    return seconds


def _states(where: Place, cli: Cli, session: pt.JobSession, template: Template) -> Iterator[Row]:
    """The states of many containers, beside one bare look; and our memory for each."""
    count = where.count(100, 5)
    session.run_job(dict(template)).wait_started()
    time.sleep(1)
    few = sum(map(pss, where.supervisors()))
    session.run_bulk_jobs(dict(template), 1, count).wait_started()
    time.sleep(1)
    each = (sum(map(pss, where.supervisors())) - few) / count
    names = [str(job.get_info().container_id) for job in session.get_jobs()]
    ours, bare = [], []
    for _ in range(where.count(11, 3)):
        # An answer serves further questions for as long as the look took: each of ours is to be a look.
        time.sleep(looks.LONGEST)
        ours.append(timed(partial(states, session)))
        bare.append(timed(partial(cli.look, names)))
    yield extra(f"{cli.name}: states of {len(names)} jobs", ours, bare, 15.0)
    text = "what the engine needs"
    yield Row(f"{cli.name}: memory a running job ({count})", f"{each / 1000:.1f} kB", text, each / 1000, 100, "kB")
    _clear(session)


def states(session: pt.JobSession) -> list[object]:
    """The states of all jobs of a session, as a user asks for them."""
    return [job.get_state() for job in session.get_jobs()]


def _ends(where: Place, cli: Cli, session: pt.JobSession, template: Template) -> Iterator[Row]:
    """From the end of a container to the return of the wait, less one look."""
    told, looks = [], []
    for _ in range(where.count(15, 3)):
        job = session.run_job(dict(template))
        job.wait_started()
        info = job.get_info()
        assert info.pid is not None
        looks.append(timed(partial(cli.look, [str(info.container_id)])))
        told.append(until_told(info.pid, job.wait_terminated))
    look = median(looks)
    what = f"{cli.name}: end to return of wait_terminated, less one look"
    yield absolute(what, median(told) - look, f"look {milli(look)}", 5.0)
    _clear(session)


def _clear(session: pt.JobSession) -> None:
    """End and reap all jobs of a session."""
    program = [*command(), "-s", session.session_name]
    for words in (["terminate", "--grace", "0", "--all"], ["wait", "--all"], ["reap", "--finished"]):
        subprocess.run([*program, *words], check=False, capture_output=True)
    assert not session.get_jobs(), "jobs that cannot be reaped"


@contextmanager
def found(name: str) -> Iterator[Cli | None]:
    """A private engine of the test suite with its image; None where this machine has not got it."""
    engine = engines.ENGINES[name]()
    if engine.missing():
        yield None
        return
    engine.up()
    try:
        yield Cli(name, engine.contact, engine.command, engine.image, engine.environ)
    finally:
        engine.down()
