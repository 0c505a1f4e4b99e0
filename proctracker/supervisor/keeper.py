"""Forks the supervisor, reaps what a killed one leaves behind, and forks the next one."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from proctracker.linux import libc, procfs
from proctracker.supervisor import log
from proctracker.supervisor.base import spawned
from proctracker.supervisor.base.seat import Seat, become
from proctracker.supervisor.base.signals import be_patient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.journal import Journal

AGAIN = 1.0
"""Seconds between tries to fork the next supervisor."""

CALM = 5.0
"""Seconds after which a supervisor's death, but by a kill, is no failure to start."""


def become_subreaper() -> None:
    """Become the parent of orphans below us (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)


def keep(seat: Seat, supervise: Callable[[Seat], int], orphans: set[int] | None = None) -> int:
    """Hold the seat until a supervisor leaves it, and return this process' exit status.

    In the forked child this calls ``supervise`` and returns what that does: the caller has to end with it.
    ``orphans`` are processes already ours whose ends the supervisor waits for.
    """
    become_subreaper()
    be_patient()
    if seat.note >= 0:
        os.close(seat.note)  # this was a supervisor: nobody is above to write to it
        seat.note = -1
    watched = set(orphans or ())
    failures = 0
    while True:
        began = time.monotonic()
        read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        keeper = os.getpid()
        supervisor = _fork(seat.turn == 0)
        if not supervisor:
            os.close(write_end)
            seat.note, seat.keeper = read_end, keeper
            return _next(seat, supervise)
        os.close(read_end)
        ended = _reap_until(supervisor, watched, seat.kept, write_end)
        os.close(write_end)
        if ended == 0:
            return 0
        how = f"was ended by {signal.Signals(-ended).name}" if ended < 0 else f"ended with {ended}"
        log.say(f"supervisor {supervisor} {how}: another one goes on")
        _settle(seat.journal)
        seat.turn += 1
        watched |= set(procfs.children(keeper))
        failures = failures + 1 if time.monotonic() - began < CALM else 0
        if failures > 3 and ended > 0:
            time.sleep(min(2.0**failures / 10, 30.0))


def _fork(first: bool) -> int:
    """Fork, where only the first supervisor may be refused: later ones have jobs whose codes would go with us."""
    while True:
        try:
            return os.fork()
        except OSError as error:
            if first:
                raise
            log.say(f"no supervisor can be started now: {error.strerror}")
            time.sleep(AGAIN)


def _settle(journal: Journal) -> None:
    """Record which process the start became that a supervisor was killed in."""
    starts = journal.read()[0]
    if starts and starts[-1].pid is None:
        journal.started(*spawned.find(starts[-1], os.getpid()))


def _next(seat: Seat, supervise: Callable[[Seat], int]) -> int:
    """Be the supervisor, in this image or in the one an upgrade named."""
    command = os.pread(seat.command, os.fstat(seat.command).st_size, 0)
    if command and command.split(b"\0") != procfs.cmdline(os.getpid())[:-1]:
        with suppress(OSError):  # its file is gone, and the old one goes on
            become(seat, command.split(b"\0"))
    return supervise(seat)


def _reap_until(supervisor: int, watched: set[int], kept: Journal, note: int) -> int:
    """Reap until the supervisor has exited, and return its status, minus the signal."""
    while True:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        if found is None:
            continue
        if found.si_pid != supervisor and found.si_pid not in watched:
            gone = os.waitid(os.P_PID, supervisor, os.WEXITED | os.WNOWAIT | os.WNOHANG)
            if gone is not None:
                # Its children became ours before it could be waited for: this one may be a job.
                found = gone
        status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        if found.si_pid == supervisor:
            os.waitpid(supervisor, 0)
            return status
        _reap(found.si_pid, status, found.si_pid in watched, kept, note)
        watched.discard(found.si_pid)


def _reap(pid: int, status: int, ours: bool, kept: Journal, note: int) -> None:
    """Reap an orphan, record how it exited if a supervisor's child, and tell the supervisor."""
    if ours:
        stat = procfs.stat(pid)
        kept.ended(pid, stat.ticks if stat else 0, status, time.time())
    usage = os.wait4(pid, 0)[2]
    if ours:
        kept.used(pid, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
        try:
            os.write(note, b"x")
        except (BlockingIOError, BrokenPipeError):
            pass  # it is full, so the supervisor will look; or the supervisor is just ending
