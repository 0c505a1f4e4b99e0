"""Watches processes that are no children, through pidfds, else in /proc."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from proctracker.linux import clock, pidfd, procfs
from proctracker.supervisor.base.journal import End

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.loop import Loop
    from proctracker.supervisor.base.seat import Seat
    from proctracker.supervisor.processes.children import Children

    How = Callable[[Optional[End], Optional[float]], None]

LOOK = 1.0
"""Seconds between looks at /proc."""

UNREAPED = 5.0
"""Seconds within which a zombie's parent reaps it, whose code may be read only then."""

AGAIN = 0.02
"""Seconds between questions until that."""


class Exit:
    """Is an exit that is awaited, ``at_once`` if the kernel tells of it."""

    __slots__ = ("fd", "live", "meanwhile", "pid", "then", "ticks")

    def __init__(self, pid: int, ticks: int | None, then: Callable[[], None], meanwhile: Callable[[], None]) -> None:
        self.pid, self.ticks, self.then, self.meanwhile = pid, ticks, then, meanwhile
        self.fd = -1
        self.live = True

    @property
    def at_once(self) -> bool:
        """Whether the kernel tells of it."""
        return self.fd >= 0


class Watch:
    """Tells of exits, and of how a process exited where that can be known.

    A descriptor from before its end outlives the process, so those of jobs are had early and held for later supervisors: a
    keeper that dies may have been the last who would have reaped it.
    """

    def __init__(self, loop: Loop, seat: Seat, children: Children) -> None:
        self._loop, self._seat, self._children = loop, seat, children
        self._polled: list[Exit] = []
        self._polling = False
        self._awaited: dict[tuple[int, int], How] = {}
        self._exits: dict[tuple[int, int], Exit] = {}
        self._seen = 0

    def exited(
        self, pid: int, ticks: int | None, then: Callable[[], None], meanwhile: Callable[[], None] = lambda: None
    ) -> Exit:
        """Call ``then`` once when a process exits, ``meanwhile`` at every look at /proc."""
        made = Exit(pid, ticks, then, meanwhile)
        try:
            made.fd = pidfd.open(pid) if pidfd.available() else -1
        except ProcessLookupError:
            self._loop.soon(lambda: self._over(made))
            return made
        except OSError:
            pass  # there are no descriptors left
        if made.fd < 0:
            self._poll_soon(made)
        elif (found := procfs.stat(pid)) is None or found.ticks != ticks:
            self._loop.soon(lambda: self._over(made))
        else:
            self._loop.watch(made.fd, lambda: self._over(made))
        return made

    def forget(self, each: Exit | None) -> None:
        """Await an exit no longer, which may be None or over."""
        if each is None or not each.live:
            return
        each.live = False
        if each.fd >= 0:
            self._loop.forget(each.fd)
            os.close(each.fd)
            each.fd = -1

    def _over(self, each: Exit) -> None:
        if each.live:
            self.forget(each)
            each.then()

    def _poll_soon(self, each: Exit) -> None:
        self._polled.append(each)
        self._await_monitor(each)
        if not self._polling:
            self._polling = True
            self._loop.after(LOOK, self._poll)

    def _await_monitor(self, each: Exit) -> None:
        """Look at once when the process above it exits, where that is a child of ours.

        Of the engines' monitors podman's conmon alone both exits with its container and was started below us: containerd's
        shims are children of init or containerd, and stay until the task is deleted.
        """
        found = procfs.stat(each.pid)
        above = procfs.stat(found.ppid) if found is not None and found.ticks == each.ticks else None
        if above is not None and above.ppid == os.getpid():
            self._children.expect(above.pid, lambda end: self._look(each))

    def _look(self, each: Exit) -> None:
        if each.live and not procfs.alive(each.pid, each.ticks):
            self._over(each)
        elif each.live:
            each.meanwhile()

    def _poll(self) -> None:
        for each in self._polled:
            self._look(each)
        self._polled = [each for each in self._polled if each.live]
        self._polling = bool(self._polled)
        if self._polling:
            self._loop.after(LOOK, self._poll)

    def how(self, pid: int, ticks: int, then: How) -> None:
        """Report how and when a process exited that was started before us, or None.

        The keeper's children are told of by the keeper, ours are reaped by us, all others by whoever is their parent.
        """
        self._awaited[pid, ticks] = then
        found = procfs.stat(pid)
        parent = found.ppid if found is not None and found.ticks == ticks else 0
        held = self.hold(pid, ticks)
        if parent == os.getpid():
            self._children.expect(pid, lambda end: self._report(pid, ticks, end, end.time))
        elif parent == self._seat.keeper:
            return
        elif held is not None:
            self._loop.watch(held, lambda: self._ended(held, pid, ticks))
        elif procfs.alive(pid, ticks):
            self._exits[pid, ticks] = self.exited(pid, ticks, lambda: self._gone(pid, ticks, None, None))
        else:
            self._loop.soon(lambda: self._gone(pid, ticks, None, None))

    def hold(self, pid: int, ticks: int) -> int | None:
        """Hold a descriptor of a process, dead or alive, for us and our successors."""
        if not pidfd.available():
            return None
        fd = self._seat.held.get((pid, ticks))
        if fd is None:
            try:
                fd = pidfd.open(pid)
            except OSError:
                return None  # it has gone, or there are no descriptors left
            if not procfs.alive(pid, ticks):
                os.close(fd)
                return None
            self._seat.held[pid, ticks] = fd
        return fd

    def drop(self, pid: int, ticks: int) -> None:
        """Give its descriptor back: how it exited is known."""
        self.forget(self._exits.pop((pid, ticks), None))
        fd = self._seat.held.pop((pid, ticks), None)
        if fd is not None:
            self._loop.forget(fd)
            os.close(fd)

    def kill(self, pid: int, ticks: int, number: int) -> None:
        """Send a signal to a call of a former supervisor, and to what it started."""
        fd = self._seat.held.get((pid, ticks))
        if fd is not None and procfs.alive(pid, ticks):
            with suppress(ProcessLookupError):
                os.killpg(pid, number)
            with suppress(ProcessLookupError):
                pidfd.send(fd, signal.Signals(number))

    def _ended(self, fd: int, pid: int, ticks: int) -> None:
        self._loop.forget(fd)
        self._ask(fd, pid, ticks, time.time(), clock.boottime() + UNREAPED)

    def _ask(self, fd: int, pid: int, ticks: int, when: float, until: float) -> None:
        """Report as soon as its remains or its descriptor say how it exited."""
        if self._seat.held.get((pid, ticks)) != fd:
            return
        status = procfs.wait_status(pid, ticks)
        status = pidfd.wait_status(fd) if status is None else status
        there = procfs.stat(pid)
        if status is None and there is not None and there.ticks == ticks and clock.boottime() < until:
            self._loop.after(AGAIN, lambda: self._ask(fd, pid, ticks, when, until))
            return
        code = None
        if status is not None:
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        self._gone(pid, ticks, None if code is None else End(pid, ticks, code, when), when)

    def _gone(self, pid: int, ticks: int, end: End | None, when: float | None) -> None:
        """Report an exit, after what the keeper recorded of it."""
        self.kept()
        expected = self._seat.kept.read()[1][self._seen :]
        if not any(_same(each, pid, ticks) for each in expected):
            self._report(pid, ticks, end, when)

    def kept(self, final: bool = False) -> None:
        """Take in what the keeper recorded of others' children, ``final`` being the last."""
        _, ends = self._seat.kept.read()
        if ends and ends[-1].cpu is None and not final:
            ends.pop()  # the keeper is just reaping it, and tells once more
        fresh, self._seen = ends[self._seen :], len(ends)
        for end in fresh:
            for pid, ticks in [key for key in self._awaited if _same(end, *key)]:
                self._report(pid, ticks, end, end.time)
            self.drop(end.pid, end.ticks)

    def _report(self, pid: int, ticks: int, end: End | None, when: float | None) -> None:
        self.drop(pid, ticks)
        then = self._awaited.pop((pid, ticks), None)
        if then is not None:
            then(end, when)


def _same(end: End, pid: int, ticks: int) -> bool:
    """Whether an exit is that of this process, and not of an earlier one of its pid."""
    return end.pid == pid and (end.ticks == ticks or not end.ticks or not ticks)


class KeeperNotes:
    """Hears, through the seat, of what the keeper reaps, and of the keeper's end."""

    def __init__(self, here: Here, watch: Watch) -> None:
        self._here, self._watch = here, watch

    def begin(self) -> None:
        """Hear of it from now on."""
        self._here.loop.watch(self._here.seat.note, self.heard)

    def heard(self) -> None:
        """The keeper reaped a process of a former supervisor, or has gone."""
        here = self._here
        try:
            said = os.read(here.seat.note, 4096)
        except BlockingIOError:
            return
        if said:
            self._watch.kept()
            return
        here.loop.forget(here.seat.note)
        self._watch.kept(final=True)
        here.ledger.flush()
        here.loop.stop()
