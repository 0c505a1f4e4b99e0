"""What a container job costs beyond the bare CLI: start, forty at once, memory, look, end.

The rows share their containers: what one has started runs on for the next, and all go with the engine, which is private.
"""

from __future__ import annotations

import itertools
import os
import select
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
from measure import Row, extra, median, milli, pairs, timed
from place import Place, call, own
from proctracker.linux import pidfd
from proctracker.tracker import looks

_SLEEP = ("sleep", "600")
_PARALLEL = (1, 2, 4, 8)
"""How many bare starts are made side by side; the best counts."""
_TURNS = 2
"""Bursts at each of the two best: single ones differ by a tenth."""
_SETTLED = 0.5
"""Seconds an engine gets to be done with an end before the next is measured."""

_TRIED = 3
"""A bare burst that only tells which parallelism is good has so many times fewer starts."""


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

    def pid(self, name: str) -> int:
        """The process of a bare container."""
        words = ["task", "ls"] if self._ctr else ["container", "inspect", "--format={{.State.Pid}}", name]
        told = subprocess.run([*self.command, *words], check=True, capture_output=True, text=True).stdout
        return int(
            next(line.split()[1] for line in told.splitlines() if line.split()[0] == name) if self._ctr else told
        )


Template = Mapping[str, object]


def rows(where: Place, cli: Cli) -> Iterator[Row]:
    """All rows of one CLI, in an order in which each finds the containers it needs."""
    os.environ.update(cli.environ)
    template = {"remote_command": _SLEEP[0], "args": [*_SLEEP[1:]], "job_category": cli.image}
    with pt.job_session("bench", contact=cli.contact) as session:
        session.run_job({**template, "args": ["0"]}).wait_terminated()
        time.sleep(1)
        none = sum(map(own, where.supervisors()))
        yield from _submit(where, cli, session, template)
        yield from _at_once(where, cli, session, template)
        lacking = where.count(100, 5) - len(_running(session))
        if lacking > 0:
            session.run_bulk_jobs(dict(template), 1, lacking).wait_started()
        yield from _memory(where, cli, session, none)
        yield from _states(where, cli, session)
        yield from _ends(where, cli, session)


def _running(session: pt.JobSession) -> list[pt.Job]:
    """The jobs that run."""
    return [job for job in session.get_jobs() if job.get_state()[0] == pt.JobState.RUNNING]


def _submit(where: Place, cli: Cli, session: pt.JobSession, template: Template) -> Iterator[Row]:
    """From submit until it runs, beside ``run -d``, in pairs."""
    names = (f"bare-{index}" for index in itertools.count())
    ours, bare = pairs(
        where.count(15, 3),
        lambda: session.run_job(dict(template)).wait_started(),
        lambda: call(cli.start(next(names))),
    )
    yield extra(f"{cli.name}: submit until it runs", ours, bare, 5.0)


def _at_once(where: Place, cli: Cli, session: pt.JobSession, template: Template) -> Iterator[Row]:
    """Forty starts at once, in turns with the bare CLI at the two parallelisms that were best in smaller bursts."""
    count = where.count(40, 4)
    tried = {width: _burst(cli, f"tried-{width}", count // _TRIED, width) for width in _PARALLEL}
    ours, bare = [], []
    arrays: list[pt.JobArray] = []
    for turn, width in enumerate(sorted(tried, key=tried.__getitem__)[:2] * _TURNS):
        bare.append((_burst(cli, f"burst-{turn}", count, width), width))
        ours.append(timed(partial(_array, session, template, count, arrays)))
        states = [job.get_state()[0] for job in arrays[-1].jobs]
        assert states == [pt.JobState.RUNNING] * count, f"of {count} some did not start: {states}"
    for array in arrays[2:]:
        array.terminate("SIGKILL")
        array.wait_terminated()
    seconds, width = min(bare)
    text = f"{milli(seconds)} ({width} side by side)"
    yield Row(f"{cli.name}: {count} started at once", milli(min(ours)), text, min(ours) / seconds, 1.0, "x")


def _array(session: pt.JobSession, template: Template, count: int, made: list[pt.JobArray]) -> None:
    made.append(session.run_bulk_jobs(dict(template), 1, count))
    made[-1].wait_started()


def _burst(cli: Cli, word: str, count: int, width: int) -> float:
    """Seconds for so many bare starts, ``width`` at a time."""
    names = [f"{word}-{index}" for index in range(count)]
    with ThreadPoolExecutor(width) as pool:
        return timed(lambda: list(pool.map(lambda name: call(cli.start(name)), names)))


def _memory(where: Place, cli: Cli, session: pt.JobSession, none: int) -> Iterator[Row]:
    """What keeper and supervisor have grown by, for each job that runs."""
    time.sleep(1)
    count = len(_running(session))
    each = (sum(map(own, where.supervisors())) - none) / count / 1000
    yield Row(f"{cli.name}: memory a running job ({count})", f"{each:.1f} kB", "what the engine needs", each, 100, "kB")


def _states(where: Place, cli: Cli, session: pt.JobSession) -> Iterator[Row]:
    """The states of many containers, beside one bare look."""
    names = [str(job.get_info().container_id) for job in _running(session)]
    ours, bare = [], []
    for _ in range(where.count(7, 3)):
        # An answer serves further questions for as long as the look took: each of ours is to be a look.
        time.sleep(looks.LONGEST)
        ours.append(timed(partial(_running, session)))
        bare.append(timed(partial(cli.look, names)))
    yield extra(f"{cli.name}: states of {len(names)} jobs", ours, bare, 15.0)


def _ends(where: Place, cli: Cli, session: pt.JobSession) -> Iterator[Row]:
    """From the end of a container to the return of the wait, beside a look begun as a bare container's process ends.

    Its engine cleans up just then: such a look can take three times as long as one at rest.
    """
    ours, bare, rest = [], [], []
    for index, job in enumerate(_running(session)[: where.count(15, 3)]):
        name, pid = f"bare-{index}", job.get_info().pid
        assert pid is not None
        rest.append(timed(partial(cli.look, [name])))
        own_pid = cli.pid(name)
        for measured, of, wait in (
            (bare, own_pid, partial(_look_after, cli, name, own_pid)),
            (ours, pid, job.wait_terminated),
        ):
            # The engine still cleans up after the one before.
            time.sleep(_SETTLED)
            measured.append(until_told(of, wait))
    row = extra(f"{cli.name}: end to return of wait_terminated, less one look", ours, bare, 5.0)
    yield row._replace(bare=f"look then {row.bare}, at rest {milli(median(rest))}")


def _look_after(cli: Cli, name: str, pid: int) -> None:
    """Wait for the end of a container's process, then look at it."""
    fd = pidfd.open(pid)
    select.select([fd], [], [])
    os.close(fd)
    cli.look([name])


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
