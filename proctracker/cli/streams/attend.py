"""Attends a job until it ends: shows its output, passes signals on, takes its exit code."""

from __future__ import annotations

import signal

from proctracker.cli import ends, formats
from proctracker.cli.streams import output, sink, tail
from proctracker.errors import InvalidStateException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from proctracker.cli.access import Access
    from proctracker.cli.signals import Signals
    from proctracker.cli.streams.attempts import Attempts
    from proctracker.cli.streams.tail import Tail
    from proctracker.client.pushes import Wait
    from proctracker.model import JobRow

_BOTH = {stream: number for stream, (_, number) in output.STREAMS.items()}


class Attendance:
    """Attends one ``run``, made before the submit, to show an appended file from its former end."""

    def __init__(self, access: Access, spec: dict[str, Any], *, containers: bool, signals: Signals) -> None:
        self._access, self._spec, self._signals = access, spec, signals
        # Which files there are, and that they were truncated, is known once the job has started.
        self._containers = containers
        self._needs_start = containers or bool(spec["output"] or spec["error"])
        self._sizes = _sizes(spec) if spec["append"] else {}
        self._id = ""
        self._wait: Wait | None = None
        self._row: JobRow | None = None
        self._tails: list[Tail] = []
        self._log: output.Log | None = None
        self._attempt = 1
        """The attempt whose output is shown."""
        self._attempts: Attempts | None = None
        self._terminating = False
        self._left = 0

    def until_end(self, job_id: str) -> int:
        """Show the job until it ends or is left, and return the exit code."""
        self._id = job_id
        self._signals.armed = True
        self._wait = self._access.client.waiting([job_id], "started" if self._needs_start else "ended")
        if not self._needs_start:
            self._show_kept()
        if self._containers and self._spec["retries"]:
            from proctracker.cli.streams import attempts

            self._attempts = attempts.Attempts(self._access, [job_id])
        try:
            with sink.heeding(self._signals.fileno(), self._take_signals, lambda: self._terminating):
                self._follow()
        except BaseException:
            if self._row is None:
                ends.go_on([job_id])
            raise
        finally:
            if self._wait:
                self._wait.close()
        if self._row is None:
            ends.go_on([job_id])
            return 128 + self._left
        why = ends.reason(self._row) or ends.notice(self._row)
        if why:
            formats.say(why)
        self._access.told([self._row])
        return ends.code(self._row)

    def _follow(self) -> None:
        """Show what comes until the end, whoever reads it."""
        while True:
            try:
                tail.follow(self._files, self._fds, self._wake, lambda: self._log.timeout if self._log else None)
                return
            except BrokenPipeError:
                self._closed()

    def _show_kept(self) -> None:
        """Show the files in which we keep this attempt's output."""
        streams = ["stdout"] if self._spec.get("join") else _BOTH
        home, ways = self._access.home, output.lines(_BOTH)
        self._tails += [
            output.kept_tail(
                output.kept(home, self._id, self._attempt, stream, self._spec),
                ways[stream],
                self._id,
                stream,
                self._spec,
            )
            for stream in streams
        ]

    def _files(self) -> list[Tail]:
        """Return the files to show, those of a next attempt once they exist."""
        import os

        while self._spec["retries"] and not self._needs_start:
            if not os.path.exists(output.kept(self._access.home, self._id, self._attempt + 1, "stdout", self._spec)):
                break
            self._attempt += 1
            self._show_kept()
        return self._tails

    def _fds(self) -> list[int]:
        found = [self._signals.fileno(), *(self._log.fds() if self._log else ())]
        found += self._attempts.fds() if self._attempts else []
        return found if self._wait is None else [*found, self._wait.fileno()]

    def _wake(self, ready: list[int]) -> bool:
        if self._log:
            self._log.pump(ready)
            self._log.renew()
        if self._signals.fileno() in ready:
            self._take_signals()
        # The answer may have come with the question, so it is not only looked for where something is readable.
        rows = self._wait.receive() if self._wait else None
        while rows and self._wait:
            self._wait.close()
            self._wait = None
            self._progress(rows[0])
            rows = self._wait.receive() if self._wait else None
        if self._attempts:
            for row in self._attempts.begun(final=self._row is not None):
                self._show(row)
        if self._row is None or (self._log and self._log.fds()):
            return bool(self._left)
        if self._log:
            self._log.all()
            self._log.close()
            if self._log.problem:
                formats.say(f"job {self._id}: {output.WITHHELD}: {self._log.problem}")
        return True

    def _progress(self, row: JobRow) -> None:
        """The job has started, or ended."""
        if self._needs_start:
            self._needs_start = False
            self._attempt = 0
            self._show(row)
        if row.ended:
            self._row = row
        else:
            self._wait = self._access.client.waiting([self._id], "ended")

    def _show(self, row: JobRow) -> None:
        """Show a started job, this attempt and those before it that were not seen."""
        from proctracker.cli.streams import attempts
        from proctracker.tracker import infos

        several = self._attempts and attempts.logged(self._access, row)
        for one in attempts.since(self._access, row, self._attempt) if several else [row]:
            if one.attempt <= self._attempt:
                continue
            self._attempt = one.attempt
            if self._log:
                self._log.all()
            for each in self._tails:
                each.pump()
            if infos.in_engine(one, self._spec) and not ends.never_started(one):
                saved = output.saved(self._access.home, one, self._spec)
                self._log = output.Log(one, self._spec, _BOTH, follow=not one.ended, saved=saved)
                continue
            added = output.tails(self._access.home, one, self._spec, _BOTH)
            for each in added:
                each.begin_at(self._sizes.get(each.path, 0))
            self._tails += [each for each in added if each.path not in {known.path for known in self._tails}]

    def _take_signals(self) -> bool:
        """Act on the signals that came, and return whether to leave the job."""
        for number in self._signals.take():
            if number == signal.SIGHUP or self._terminating:
                self._left = number
            else:
                self._terminate()
        return bool(self._left)

    def _terminate(self) -> None:
        """End the job as the first INT or TERM asks for."""
        self._terminating = True
        with self._signals.impatient(_ANSWERS):
            outcome = self._access.client.control([self._id], "terminate")
        # One that has ended in the meantime is where it should be.
        problem = outcome.errors.get(self._id)
        if problem is not None and not isinstance(problem, InvalidStateException):
            formats.say(f"error: {problem.message}")

    def _closed(self) -> None:
        """End the job, as a pipe would, when nobody reads our stdout any more."""
        import os

        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
        if not self._terminating:
            self._terminate()


def _sizes(spec: dict[str, Any]) -> dict[str, int]:
    """What the output files hold already, by path."""
    import os

    from proctracker.templates import paths

    found = [path for name, path in paths.known(spec).items() if name != "input"]
    return {path: os.path.getsize(path) for path in found if os.path.isfile(path)}


_ANSWERS = 30.0
"""Seconds in which a job is told to end, for which another signal does not wait."""
