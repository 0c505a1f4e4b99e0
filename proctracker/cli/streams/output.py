"""Where a job's output is: files of the job's own, files kept by us, the engine's log."""

from __future__ import annotations

import contextlib
import os

from proctracker.cli.streams.logpart import WHOLE, Part
from proctracker.cli.streams.pipes import Counter, Pipe
from proctracker.cli.streams.sink import Lines, Shared
from proctracker.cli.streams.tail import Tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping

    from proctracker.model import JobRow
    from proctracker.store.paths import Home

STREAMS = {"stdout": ("out", 1), "stderr": ("err", 2)}
"""Stream -> what its kept file is called, and the descriptor it is shown on."""

WITHHELD = "its engine does not give the output"
"""What is said where a log has a ``problem``."""

_PART = 1 << 16
_AGAIN = 0.5
"""Seconds between two questions for the log of a container that is started again."""
_FAILS = 0.25
"""Seconds within which an engine's CLI that fails has ended."""


def kept(home: Home, job_id: str, attempt: int, stream: str, spec: Mapping[str, Any]) -> str:
    """The file in which we keep a stream that was given no path."""
    return home.kept(job_id, attempt, STREAMS[stream][0], spec.get("output_dir"))


def saved(home: Home, row: JobRow, spec: Mapping[str, Any]) -> dict[str, str]:
    """Where an attempt's log is saved before its container is removed."""
    return {stream: kept(home, row.id, row.attempt, stream, spec) for stream in streams_of(spec)}


def streams_of(spec: Mapping[str, Any]) -> Iterable[str]:
    """The streams there are: of a job that joins them the output alone, which holds both."""
    return ("stdout",) if spec.get("join") else STREAMS


def lines(streams: Mapping[str, int], prefix: bytes = b"") -> dict[str, Lines]:
    """Return the ways of streams to their descriptors, lines unmixed and with their prefix."""
    shared = Shared() if len(set(streams.values())) < len(streams) else None
    sinks = tuple(streams.values())
    return {stream: Lines(fd, prefix, shared, sinks) for stream, fd in streams.items()}


def tails(
    home: Home, row: JobRow, spec: Mapping[str, Any], streams: Mapping[str, int], prefix: bytes = b""
) -> list[Tail]:
    """Return the files of some streams, or none where the engine has the output."""
    from proctracker.tracker import infos

    paths = zip(STREAMS, infos.paths(row, spec, home))
    own = (row.output, row.error)
    ways = lines(streams, prefix)
    return [
        Tail(path, ways[stream]) if path in own else kept_tail(path, ways[stream], row.id, stream, spec)
        for stream, path in paths
        if path is not None and stream in streams
    ]


def kept_tail(path: str, way: Lines, job_id: str, stream: str, spec: Mapping[str, Any]) -> Tail:
    """Show a kept file, and tell of a hole in it."""
    limit = int(spec.get("output_limit") or 0)

    def tell(size: int) -> None:
        from proctracker.cli import formats

        formats.say(
            f"job {job_id}: {size} bytes of its {stream} are a hole, because of output_limit ({limit} bytes)"
            " when it was submitted"
        )

    return Tail(path, way, kept=True, limit=limit, tell=tell)


def may_restart(asked: Mapping[str, Any]) -> bool:
    """Whether an engine may start a container again, by its template's implementation_specific."""
    return asked.get("restart") not in (None, "no") or "--restart" in str(asked.get("options"))


class Log:
    """A container's output as its engine prints it, on its way to our descriptors.

    Where the container has been removed meanwhile, the rest is that which was saved before, in the files ``saved`` by
    stream: an engine's CLI ends with the container, whatever it has not read by then.
    ``problem``: why the engine does not give it, where that is so, once there is nothing more to wait for.
    """

    def __init__(
        self,
        row: JobRow,
        spec: Mapping[str, Any],
        streams: Mapping[str, int],
        *,
        follow: bool,
        prefix: bytes = b"",
        skip: Mapping[str, int] | None = None,
        saved: Mapping[str, str] | None = None,
        part: Part = WHOLE,
    ) -> None:
        self._row, self._spec, self._part = row, spec, part
        self._saved = dict(saved or {}) if part == WHOLE else {}  # a copy knows no times
        # A policy's later runs write on, and an engine's CLI follows the first one only: it is asked again then.
        self._renewed = follow and may_restart(spec.get("template", {}).get("implementation_specific") or {})
        ways = lines(streams, prefix)
        # What is not asked for is read all the same: the engine's CLI would stop at a full pipe.
        self._pipes = {stream: Pipe(ways.get(stream), (skip or {}).get(stream, 0)) for stream in streams_of(spec)}
        self._begin(follow)

    def _begin(self, follow: bool) -> None:
        """Have the engine's CLI print the log, from its beginning."""
        import time

        from proctracker import runner, runtimes
        from proctracker.tracker import contacts

        engine = contacts.engine_of(self._spec)
        runtime = runtimes.get(self._row.runtime)
        argv = runtime.logs(engine, self._row.address, follow)
        if self._part != WHOLE:
            argv = runtime.part_of_logs(argv, *self._part)
        pipes = {stream: os.pipe() for stream in self._pipes}
        with contextlib.ExitStack() as stack:
            ends = [stack.enter_context(open(end, "wb")) for _, end in pipes.values()]
            self._call = runner.Runner(engine).begin(argv, ends[0], ends[-1])
        self._open: dict[int, Pipe] = {}
        self._err = [*pipes.values()][-1][0]
        for stream, (read_end, _) in pipes.items():
            os.set_blocking(read_end, False)
            self._open[read_end] = self._pipes[stream]
        self._shown = self._over = False
        self.problem, self._begun = "", time.monotonic()

    @property
    def timeout(self) -> float | None:
        """Return the seconds after which to ``renew`` a log that ended before its job, or None."""
        return _AGAIN if self._renewed and not self._open else None

    def renew(self) -> None:
        """Ask for what a container that is started again has written since."""
        import time

        if self.timeout and time.monotonic() - self._begun >= _AGAIN:
            self._again(follow=True)

    def _again(self, follow: bool) -> None:
        self._call.stop()
        for pipe in self._pipes.values():
            pipe.again()
        self._begin(follow)

    def into(self, pipes: Mapping[str, Pipe]) -> None:
        """Have the streams read by others than ours."""
        self._open, self._pipes = dict(zip(self._open, pipes.values())), dict(pipes)

    def fds(self) -> list[int]:
        """Return what to wait on, nothing when all has been shown."""
        return list(self._open)

    def pump(self, ready: list[int]) -> None:
        """Show what has come."""
        for fd in [fd for fd in self._open if fd in ready]:
            while True:
                try:
                    data = os.read(fd, _PART)
                except BlockingIOError:
                    break
                if data and fd == self._err and not self._shown:
                    self._first_words(data)
                    return
                self._shown = self._shown or bool(data)
                if not data:
                    os.close(fd)
                    del self._open[fd]
                    break
                self._open[fd].show(data)
        if not self._open and not self._over:
            if ready and not self._shown:
                self._failed("")
            self._complete()

    def _complete(self) -> None:
        """Show what of the saved copy the CLI has not shown, as nothing more comes from it."""
        self._over = True
        # Of the two files that of the output gets its name last.
        there = os.path.exists(self._saved.get("stdout", ""))
        for stream, pipe in self._pipes.items():
            if there:
                pipe.complete(self._saved[stream])
            pipe.show(b"")
        if there:
            self.problem = ""

    def _failed(self, said: str) -> bool:
        """Whether the CLI, which has ended, has failed: then this, its last word, is why."""
        done = self._call.finish(None)
        if done.returncode:
            self.problem = (said or done.stderr).strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        return bool(done.returncode)

    def _first_words(self, data: bytes) -> None:
        """Show what comes first on stderr, unless it is the CLI's own: one that fails ends at once."""
        import select
        import time

        self._shown = True
        pipes, parts, until = dict(self._open), [(self._err, data)], time.monotonic() + _FAILS
        while self._open and until > time.monotonic():
            for fd in select.select(self.fds(), [], [], max(0.0, until - time.monotonic()))[0]:
                parts.append((fd, os.read(fd, _PART)))
                if not parts[-1][1]:
                    os.close(fd)
                    del self._open[fd]
                elif fd != self._err:
                    until = 0.0
        own = b"".join(part for fd, part in parts if fd == self._err).decode("utf-8", "replace")
        failed = not self._open and self._failed(own)
        for fd, part in parts:
            if part and not (failed and fd == self._err):
                pipes[fd].show(part)
        if not self._open:
            self._complete()

    def all(self) -> None:
        """Show everything up to its end."""
        import select

        while self._open or self._renewed:
            if not self._open:
                self._renewed = False
                self._again(follow=False)
            self.pump(select.select(self.fds(), [], [])[0])
        self.close()

    def close(self) -> None:
        """End it, wherever it is."""
        for fd in self._open:
            os.close(fd)
        self._open = {}
        self._call.stop()


def lines_before(row: JobRow, spec: Mapping[str, Any], last: int, alone: str | None, part: Part) -> dict[str, int]:
    """Count the lines of each stream that come before the last so many of a log."""
    before = _counted(row, spec, part)
    if alone is not None or not last:
        after = dict.fromkeys(before, last)
    else:
        after = _counted(row, spec, part._replace(tail=last))  # their order only the engine knows
    return {stream: max(0, lines - after.get(stream, 0)) for stream, lines in before.items()}


def _counted(row: JobRow, spec: Mapping[str, Any], part: Part) -> dict[str, int]:
    """The lines of each stream of an engine's log."""
    counters = {stream: Counter() for stream in STREAMS}
    log = Log(row, spec, {}, follow=False, part=part)
    log.into(counters)
    log.all()
    return {stream: counter.lines for stream, counter in counters.items()}
