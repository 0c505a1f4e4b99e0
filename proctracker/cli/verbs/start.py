"""``run``, ``submit`` and ``array``: from words to a job."""

from __future__ import annotations

import os
import stat

from proctracker.cli import formats
from proctracker.cli.access import DEFAULT_SESSION, Access
from proctracker.cli.call import Call
from proctracker.cli.options import UsageError, text
from proctracker.cli.request import keep_stdin, template_of
from proctracker.errors import Drmaa2Exception

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from proctracker.cli.tasks import Items
    from proctracker.model import JobTemplate
    from proctracker.tracker.contacts import Target


class Start:
    """One submission: the template of the options, checked, and what goes with it."""

    def __init__(self, call: Call, command: list[str], indices: Sequence[int] | None = None) -> None:
        from proctracker.tracker import surroundings

        if not command and "template" not in call.values and "image" not in call.values:
            raise UsageError(f"{call.command.name}: name a command: proctracker {call.command.usage}")
        self.access = access = Access(call)
        self._indices = indices
        self.spec: dict[str, Any] = {}
        """What the supervisor is to go by, empty until checked."""
        values = template_of(call, command)
        extensions = values.get("implementation_specific") or {}
        extensions.update({key: access.dependencies(key) for key in ("after", "after_any") if key in call.values})
        self._hand_input(values)
        kept = self._keep_input(values)
        try:
            self._check(values)
        except Drmaa2Exception as error:
            from proctracker.cli import wording

            raise wording.told(error, call.values) from error
        finally:
            if kept and not self.spec:
                os.unlink(kept)
        if kept:
            self.spec["keep_input"] = True
        self._context = surroundings.now(os.environ, self.template.job_environment, self.containers)

    def _check(self, values: dict[str, Any]) -> None:
        """Make the spec, and see to what it needs. Raises Drmaa2Exception in the words of templates."""
        from proctracker.model import JobTemplate, extension
        from proctracker.tracker import submission

        access = self.access
        self.template = template = JobTemplate(values)
        target = access.target(text(access.call.values, "contact") or extension(template, "contact"))
        self.contact = target.contact
        self.containers, self.batch = target.runtime.containers, target.runtime.batch is not None
        spec = submission.prepare(
            template,
            target,
            access.config,
            environ=os.environ,
            cwd=submission.directory(template, self.containers),
            indices=self._indices,
        )
        if spec["output_dir"]:
            from proctracker.tracker import outputdir

            outputdir.settle(spec, spec["output_dir"], access.home)
        if self.containers:
            _fetch(target, spec, access)
        self.spec = spec

    def _hand_input(self, values: dict[str, Any]) -> None:
        """Keep ``run``'s own input for a scheduler's job, as a descriptor stays here."""
        call = self.access.call
        if call.command.name != "run" or call.flag("detach") or call.flag("no_input") or "input_path" in values:
            return
        asked = text(call.values, "contact") or (values.get("implementation_specific") or {}).get("contact")
        if self.access.target(asked).runtime.batch is not None and _input_is(
            stat.S_ISREG, stat.S_ISFIFO, stat.S_ISSOCK
        ):
            values["input_path"] = "-"

    def _keep_input(self, values: dict[str, Any]) -> str | None:
        """Keep standard input (``-i -``) in a file of ours, and return its path."""
        if values.get("input_path") != "-":
            return None
        home = self.access.home
        home.prepare()
        path = keep_stdin(home)
        values["input_path"] = path.replace("%", "%%")  # it is no pattern, whatever our directory is called
        return path

    def submit(self, *, items: Items | None = None, max_parallel: int = 0, stdin: int | None = None) -> str:
        """Submit the job and return its id, in a new session with the configuration's contact without ``-c``."""
        if stdin is not None:
            self.spec["stdin"] = "passed"
        access = self.access
        client = access.client
        job_id = client.submit(
            access.call.session or DEFAULT_SESSION,
            self.spec,
            self._context,
            contact=(access.call.session and access.call.contact) or access.config.default_contact,
            indices=self._indices,
            items=items,
            max_parallel=max_parallel,
            stdin=stdin,
        )
        if client.supervisor.warning:
            formats.say(client.supervisor.warning)
        if client.resumed:
            formats.say(f"{client.resumed} queued {'job goes' if client.resumed == 1 else 'jobs go'} on, too")
        return job_id


def _fetch(target: Target, spec: dict[str, Any], access: Access) -> None:
    """Fetch an image that is missing, with progress where somebody sees it."""
    import sys

    from proctracker.tracker import images

    images.fetch(target, spec, access.config, sys.stderr.buffer if sys.stderr.isatty() else None)


def submit(call: Call) -> int:
    """Start a job and print its id."""
    start = Start(call, call.words)
    _warn_of_input(start.template, call)
    formats.write(f"{start.submit()}\n")
    return 0


def _warn_of_input(template: JobTemplate, call: Call) -> None:
    """Say that what waits in a pipe for us is not passed on."""
    if template.input_path is None and not call.flag("no_input") and _input_is(stat.S_ISFIFO) and _waiting(0):
        formats.say("standard input is not passed on: `-i -` keeps it for the job, `--no-input` says there is none")


def array(call: Call) -> int:
    """Start a job for each of many tasks and print the array's id."""
    from proctracker.cli.tasks import Tasks

    tasks = Tasks(call)
    start = Start(call, tasks.command, tasks.indices)
    if tasks.halt:
        start.spec["halt"] = tasks.halt
    if not tasks.stdin:
        _warn_of_input(start.template, call)
    formats.write(f"{start.submit(items=tasks.items, max_parallel=tasks.max_parallel)}\n")
    return 0


def run(call: Call) -> int:
    """Start a job, show its output, exit as it did."""
    if call.flag("detach"):
        if call.flag("no_keep"):
            raise UsageError("run: --no-keep forgets a job once it has ended, so it is waited for: leave out --detach")
        return submit(call)
    from proctracker.cli.signals import GivenUp, Signals
    from proctracker.cli.streams.attend import Attendance

    start = Start(call, call.words)
    with Signals() as signals:
        stdin, relay = (None, None) if start.batch else _input_of(start.template, call)
        attendance = Attendance(start.access, start.spec, containers=start.containers, signals=signals)
        try:
            job_id = start.submit(stdin=stdin)
        except GivenUp:
            formats.say("given up before it was answered: `proctracker ps` tells whether there is a job")
            raise
        finally:
            if relay is not None and stdin is not None:
                os.close(stdin)
        if relay is not None:
            relay.begin(signals)
        code = attendance.until_end(job_id)
    if call.flag("no_keep"):
        _forget(start.access, job_id)
    return code


def _forget(access: Access, job_id: str) -> None:
    """Forget a job that has ended, but not one that was left and goes on."""
    if all(row.ended for row in access.reader.jobs([job_id])):
        for problem in access.place.act([job_id], "reap").values():
            formats.say(f"job {job_id}: {problem.message}")


def _input_of(template: JobTemplate, call: Call) -> tuple[int | None, Any]:
    """Return the descriptor of the job's input, and the relay that feeds it on a terminal."""
    from proctracker.runtimes.flags import restarts

    if template.input_path is not None or call.flag("no_input") or restarts(template):
        return None, None
    if _input_is(stat.S_ISREG, stat.S_ISFIFO, stat.S_ISSOCK):
        return 0, None
    if os.isatty(0):
        from proctracker.cli.streams.relay import Relay

        relay = Relay(0)
        return relay.read_end, relay
    return None, None


def _waiting(fd: int) -> bool:
    """Whether there is something to read from a pipe."""
    import fcntl
    import termios

    return any(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))


def _input_is(*kinds: Any) -> bool:
    """Whether our standard input is one of these kinds of file."""
    mode = os.fstat(0).st_mode
    return any(kind(mode) for kind in kinds)
