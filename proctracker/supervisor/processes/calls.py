"""Makes calls of engines' commands in the loop, side by side, with time-outs, no shell."""

from __future__ import annotations

import os
import signal
from collections import deque
from contextlib import suppress

from proctracker.errors import Drmaa2Exception, InternalException
from proctracker.linux import oomscore, softlimits
from proctracker.model import Completed
from proctracker.runtimes.base import Engine
from proctracker.supervisor.processes.command import NOT_FOUND, StartFailed, StartLater, find
from proctracker.supervisor.processes.spawn import Program, encode, posix
from proctracker.supervisor.processes.streams import USUAL_UMASK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Generator, Mapping, Sequence

    from proctracker.linux.softlimits import Limits
    from proctracker.supervisor.base.loop import Loop, Timer
    from proctracker.supervisor.processes.children import Children
    from proctracker.supervisor.processes.watch import Watch

    Then = Callable[[Completed], None]
    Answered = Callable[[Any, Drmaa2Exception | None], None]

LARGEST = 64 * 2**20
"""Bytes of one stream of a call that are kept."""

PATIENCE = 1.0
"""Seconds that a call has to end by itself."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where commands are looked for if their environment has no PATH."""


class _Call:
    """One call that is waiting for its turn or under way."""

    __slots__ = (
        "argv",
        "called",
        "cut",
        "directory",
        "ended",
        "engine",
        "err",
        "limits",
        "made",
        "oom",
        "out",
        "pid",
        "stdin",
        "stdout",
        "stderr",
        "then",
        "timeout",
        "timer",
    )

    def __init__(self, argv: Sequence[str], engine: Engine, then: Then, timeout: float | None) -> None:
        self.argv, self.engine, self.then, self.timeout = tuple(argv), engine, then, timeout
        self.called: Callable[[int], None] | None = None
        self.made: Callable[[], object] = bool
        self.directory = "/"
        self.stdin: int | None = None
        self.stdout: int | None = None
        self.stderr: int | None = None
        self.oom: int | None = None
        self.limits: Limits = {}
        self.out = self.err = -1
        self.pid = 0
        self.cut = self.ended = False
        self.timer: Timer | None = None


class Calls:
    """Makes at most ``limit`` looks and controls at once, beside the starts of jobs."""

    def __init__(self, loop: Loop, settings: Mapping[str, Any], children: Children, watch: Watch) -> None:
        self._loop, self._settings, self._children, self._watch = loop, settings, children, watch
        self._running: dict[int, _Call] = {}
        self._waiting: deque[_Call] = deque()
        self._bounded = 0
        self.limit = 2 * len(os.sched_getaffinity(0)) + 2

    def __len__(self) -> int:
        return len(self._running) + len(self._waiting)

    def converse(
        self, engine: Engine, dialog: Generator[Any, Any, Any], then: Answered, timeout: float | None = None
    ) -> None:
        """Hold a runtime's dialog, ``then(answer, None)`` or ``then(None, error)``.

        ``timeout`` is in seconds for each call.
        """
        limit = float(self._settings["cli_timeout"]) if timeout is None else timeout
        self._step(engine, dialog, None, then, limit)

    def _step(
        self, engine: Engine, dialog: Generator[Any, Any, Any], found: Any, then: Answered, timeout: float
    ) -> None:
        try:
            wanted = list(dialog.send(found))
        except StopIteration as answer:
            then(answer.value, None)
            return
        except Drmaa2Exception as error:
            then(None, error)
            return
        except Exception as error:
            # A parser that stumbles must not take the supervisor with it: its job is told, the log knows more.
            then(
                None,
                InternalException(f"{engine.command[0] if engine.command else '?'}: {type(error).__name__}: {error}"),
            )
            return
        got: list[Completed | None] = [None] * len(wanted)
        left = len(wanted)

        def one(index: int) -> Then:
            """Take the output of one of the calls, and go on after the last."""

            def arrived(completed: Completed) -> None:
                nonlocal left
                got[index] = completed
                left -= 1
                if not left:
                    self._step(engine, dialog, got, then, timeout)

            return arrived

        if not wanted:
            self._loop.soon(lambda: self._step(engine, dialog, [], then, timeout))
        for index, argv in enumerate(wanted):
            self._waiting.append(_Call(argv, engine, one(index), timeout))
        self._begin()

    def start(
        self,
        argv: Sequence[str],
        engine: Engine,
        then: Then,
        *,
        timeout: float | None = None,
        streams: tuple[int, int | None, int | None] | None = None,
        called: Callable[[int], None] | None = None,
        directory: str = "/",
        oom: int | None = None,
        limits: Limits | None = None,
        made: Callable[[], object] = bool,
    ) -> None:
        """Make one call now, ``called`` with its pid, or 0.

        ``oom``: its oom_score_adj where that is not ours, ``limits``: its submitter's resource limits where they are not
        ours; containers of engines without a daemon inherit both. ``made``: whether it has made a container by now.
        """
        call = _Call(argv, engine, then, timeout)
        call.directory = directory
        call.called, call.made = called, made
        call.oom, call.limits = oom, softlimits.of_engines(limits)
        if streams:
            call.stdin, call.stdout, call.stderr = streams
        self._run(call)

    def _begin(self) -> None:
        """Run as many calls as may run side by side."""
        while self._waiting and self._bounded < self.limit:
            self._bounded += 1
            call = self._waiting.popleft()
            then = call.then

            def over(completed: Completed, then: Then = then) -> None:
                self._bounded -= 1
                then(completed)
                self._begin()

            call.then = over
            self._run(call)

    def _run(self, call: _Call) -> None:
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            call.out = os.memfd_create("out", os.MFD_CLOEXEC)
            call.err = os.memfd_create("err", os.MFD_CLOEXEC)
            fds = (
                null if call.stdin is None else call.stdin,
                call.out if call.stdout is None else call.stdout,
                call.err if call.stderr is None else call.stderr,
            )
            with oomscore.lent(call.oom), softlimits.lent(call.limits):
                call.pid = _spawn(call, fds)
        except (OSError, StartFailed, StartLater) as error:
            self._close(call)
            if call.called:
                call.called(0)
            code = error.status if isinstance(error, StartFailed) else NOT_FOUND
            why = f"{call.argv[0]}: {error.strerror}" if isinstance(error, OSError) else str(error)
            failed = Completed(call.argv, code, "", why)
            self._loop.soon(lambda: call.then(failed))
            return
        finally:
            os.close(null)
        self._running[call.pid] = call
        self._children.expect(call.pid, lambda end: self._ended(call, end.status))
        if call.called:
            call.called(call.pid)
        if call.timeout:
            call.timer = self._loop.after(call.timeout, lambda: self._cut(call))

    def _cut(self, call: _Call) -> None:
        """The time is over."""
        call.cut = True
        self.kill(call.pid)

    def kill(self, pid: int, ticks: int = 0) -> None:
        """Kill a call and what it started, maybe a former supervisor's by its ``ticks``.

        One that has made something is told to end, and killed a second later: podman leaves its monitor behind where it
        is killed at that. Before, podman that is told to end leaves a container that nobody knows of.
        """
        call = self._running.get(pid)
        if call is None:
            if ticks:
                self._watch.kill(pid, ticks, signal.SIGTERM)
                self._loop.after(PATIENCE, lambda: self._watch.kill(pid, ticks, signal.SIGKILL))
            return
        call.ended = True
        if not call.made():
            _signal(pid, signal.SIGKILL)
            return
        _signal(pid, signal.SIGTERM)

        def insist() -> None:
            if self._running.get(pid) is call:
                _signal(pid, signal.SIGKILL)

        self._loop.after(PATIENCE, insist)

    def owns(self, pid: int) -> bool:
        """Whether a child is a call of ours."""
        return pid in self._running

    def _ended(self, call: _Call, status: int) -> None:
        """Pass on what a call printed and how it exited (status as of waitid(2))."""
        if self._running.pop(call.pid, None) is None:
            return
        if call.timer:
            call.timer.cancel()
        out, err = _text(call.out), _text(call.err)
        self._close(call)
        if call.ended and status >= 0:
            status = -signal.SIGTERM  # whatever it makes of that: podman returns 0 and has done a part
        if call.cut:
            status, err = -1, f"{call.argv[0]}: no answer within {call.timeout:g} s\n{err}"
        call.then(Completed(call.argv, status, out, err))

    def close(self) -> None:
        """Forget all calls, which go on as somebody's children."""
        for call in self._running.values():
            self._close(call)
        self._running.clear()

    @staticmethod
    def _close(call: _Call) -> None:
        for fd in (call.out, call.err):
            if fd >= 0:
                os.close(fd)


def _signal(pid: int, number: int) -> None:
    """Send a signal to a call and what it started."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(pid, number)


def _text(fd: int) -> str:
    size = min(os.fstat(fd).st_size, LARGEST)
    return os.pread(fd, size, 0).decode("utf-8", "surrogateescape")


def _spawn(call: _Call, fds: tuple[int, int, int]) -> int:
    """Spawn a call's command, found by its own PATH, or raise StartFailed or StartLater."""
    path = find(call.argv[0], call.engine.env.get("PATH") or _PATH, call.directory)
    words = [os.fsencode(word) for word in call.argv]
    program = Program(os.fsencode(path), words, encode(call.engine.env), call.directory, fds)
    return posix(program, USUAL_UMASK)
