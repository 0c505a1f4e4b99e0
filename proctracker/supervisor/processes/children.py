"""Children that have ended: each is put down in the journal, reaped, and told to whom it belongs."""

from __future__ import annotations

import os
import signal
import time

from proctracker.supervisor.base.journal import End
from proctracker.supervisor.base.signals import PATIENT, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.jobs import Job
    from proctracker.supervisor.service import Core

_ANY = os.WEXITED | os.WNOWAIT | os.WNOHANG


class Reaper:
    """Waits for children without blocking, and reads what the keeper has reaped for us."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._signals = Signals(core.loop, (signal.SIGCHLD, *PATIENT), self._heard)
        self._seen = 0

    def _heard(self, numbers: set[int]) -> None:
        self.reap()
        if not numbers.isdisjoint(PATIENT):
            self._core.stopping.stop()

    def reap(self) -> None:
        """Reap every child that has ended. A job's end is in the journal before the process is gone."""
        core = self._core
        journal = core.seat.journal
        by_pid = core.jobs.by_pid
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, _ANY)
            except ChildProcessError:
                return
            if found is None:
                return
            pid = found.si_pid
            status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
            job = by_pid.get(pid)
            if job is None or not job.supervised or core.calls.owns(pid):
                os.waitpid(pid, 0)
                if not core.calls.ended(pid, status) and not core.monitors.ended(pid) and job is not None:
                    core.resumption.call_gone(pid)  # it was made before this process became another release
                continue
            now = time.time()
            journal.ended(pid, job.row.ticks or 0, status, now)
            usage = os.wait4(pid, 0)[2]
            cpu = usage.ru_utime + usage.ru_stime
            journal.used(pid, cpu, usage.ru_maxrss)
            core.exits.process(job, End(pid, job.row.ticks or 0, status, now, cpu, usage.ru_maxrss))

    def kept(self, final: bool = False) -> None:
        """Ends of a former supervisor's children, as the keeper put them down; ``final``: it writes no more."""
        _, ends = self._core.seat.kept.read()
        if ends and ends[-1].cpu is None and not final:
            ends.pop()  # the keeper is just reaping it, and tells once more
        fresh, self._seen = ends[self._seen :], len(ends)
        for end in fresh:
            job = self._core.jobs.by_pid.get(end.pid)
            if job is not None and job.supervised and self.same(job, end):
                self._core.exits.process(job, end)
            else:
                self._core.resumption.call_gone(end.pid, end.ticks)
            self._core.afar.drop(end.pid, end.ticks)

    def expects(self, job: Job) -> bool:
        """Whether the keeper is just reaping a job, and tells of it soon."""
        ends = self._core.seat.kept.read()[1][self._seen :]
        return any(end.pid == job.row.pid and self.same(job, end) for end in ends)

    @staticmethod
    def same(job: Job, end: End) -> bool:
        """Whether an end is that of a job's process, and not of an earlier one of that pid."""
        return not job.row.ticks or not end.ticks or job.row.ticks == end.ticks

    def close(self) -> None:
        """Listen to no signal any more."""
        self._signals.close()
