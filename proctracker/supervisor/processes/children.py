"""Children that have ended: each is put down in the journal, reaped, and told to whom it belongs."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import time

from proctracker.supervisor.base.journal import End
from proctracker.supervisor.keeper import PATIENT
from proctracker.supervisor.running import resumption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.jobs import Job
    from proctracker.supervisor.service import Core

_ANY = os.WEXITED | os.WNOWAIT | os.WNOHANG

_INFO = 128
"""Bytes of a signalfd_siginfo, whose first word is the signal's number (signalfd(2))."""

_MASK = 128
"""Bytes of a sigset_t, of glibc and musl alike."""
_libc = ctypes.CDLL(None, use_errno=True)


class Reaper:
    """Waits for children without blocking, and reads what the keeper has reaped for us."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._signals = _signals()
        core.loop.watch(self._signals, self._wake)
        core.loop.first = self._signals  # what is asked after a TERM is asked of one that was told to stop
        self._seen = 0

    def _wake(self) -> None:
        try:
            text = os.read(self._signals, 32 * _INFO)
        except BlockingIOError:
            text = b""
        told = {struct.unpack_from("=I", text, at)[0] for at in range(0, len(text), _INFO)}
        self.reap()
        if told.intersection(PATIENT):
            self._core.housekeeping.stop()

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
                    resumption.call_gone(core, pid)  # it was made before this process became another release
                continue
            now = time.time()
            journal.ended(pid, job.row.ticks or 0, status, now)
            usage = os.wait4(pid, 0)[2]
            cpu = usage.ru_utime + usage.ru_stime
            journal.used(pid, cpu, usage.ru_maxrss)
            core.ends.process(job, End(pid, job.row.ticks or 0, status, now, cpu, usage.ru_maxrss))

    def kept(self, final: bool = False) -> None:
        """Ends of a former supervisor's children, as the keeper put them down; ``final``: it writes no more."""
        _, ends = self._core.seat.kept.read()
        if ends and ends[-1].cpu is None and not final:
            ends.pop()  # the keeper is just reaping it, and tells once more
        fresh, self._seen = ends[self._seen :], len(ends)
        for end in fresh:
            job = self._core.jobs.by_pid.get(end.pid)
            if job is not None and job.supervised and self.same(job, end):
                self._core.ends.process(job, end)
            else:
                resumption.call_gone(self._core, end.pid, end.ticks)
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
        self._core.loop.forget(self._signals)
        os.close(self._signals)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD, *PATIENT))


def _signals() -> int:
    """A descriptor that is readable when children have ended, or we are told to: no handler runs, no call is interrupted.

    What is blocked waits there even where it is ignored.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD, *PATIENT))
    mask = ctypes.create_string_buffer(_MASK)
    _libc.sigemptyset(mask)
    for number in (signal.SIGCHLD, *PATIENT):
        _libc.sigaddset(mask, int(number))
    fd: int = _libc.signalfd(-1, mask, os.O_CLOEXEC | os.O_NONBLOCK)
    if fd < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "signalfd")
    return fd
