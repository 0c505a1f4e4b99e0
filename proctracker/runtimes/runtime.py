"""What a runtime is: a pure description of one CLI, text in and data out."""

from __future__ import annotations

from proctracker.errors import UnsupportedAttributeException
from proctracker.model import SPELLINGS
from proctracker.runtimes.base import Argv, Dialog, Engine, Launch, Monitor, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, Protocol, Sequence

    from proctracker.model import Completed, JobTemplate, Observation
    from proctracker.runtimes.batch import Batch
else:
    Protocol = object


class Runtime(Protocol):
    """Describes one CLI by tables and pure functions, with what most of them have as defaults.

    Names of containers are ours (``proctracker-<uuid8>-<id>-<attempt>``).
    """

    name: str
    """The contact's first word: ``podman``."""
    containers: bool
    """True where jobs are containers that an engine keeps, with looks, logs and removal."""
    command: Argv
    """The command without a configuration, empty for plain processes."""
    engine_variables: Sequence[str] = ()
    """Environment variables that decide which engine the CLI talks to, kept with the job."""
    engine_environment: Mapping[str, str] = {}
    """Variables that every call of the CLI is made with besides."""
    contact_options: Mapping[str, str] = {}
    """A contact's options (``namespace``), and ``address`` after the colon -> their use."""
    unsupported: Mapping[str, str]
    """Template attributes that cannot be honoured -> why.

    The supervisor's own (start_time, …) are never here.
    """
    reserved: Mapping[str, str] = {}
    """The CLI's options that a start sets itself and ``options`` may not -> what to use."""
    extensions: Sequence[str]
    """Keys of implementation_specific that are honoured, in snake_case or the seeds' spelling."""
    pulls: bool = False
    """True where the start command fetches a missing image by itself."""
    keeps_logs: bool = False
    """True where output without a path stays with the engine and ``logs`` reads it there."""
    tells_removal: bool = False
    """True where the engine tells of a removal before it kills the container's process."""
    ignored: Sequence[str] = ()
    """Words of a start that returned 0 without doing all that was asked, so that it fails."""
    groups: Sequence[str] = ()
    """The path of a container's control group below a hierarchy's mount, with ``{id}``.

    Empty where the start command tells the container's process itself.
    """
    batch: Batch | None = None
    """The scheduler that keeps, starts and ends the jobs, or None where we start them here."""
    states: Mapping[str, str] = {}
    """The engine's state word -> DRMAA2 state name, or ``by exit code``."""

    def pinned(self, engine: Engine, read: Callable[[str], str | None]) -> Engine:
        """Return the same engine, named so that the CLI's configuration cannot change it later.

        ``read`` gives a file's text, None where there is none to be read.
        """
        return engine

    def check(self, template: JobTemplate, engine: Engine) -> None:
        """Raise UnsupportedAttribute or InvalidArgument for what cannot be honoured."""

    def launch(self, request: Request) -> Launch:
        """Plan one start, or raise UnsupportedAttributeException for what cannot be passed safely."""

    def failed_start(self, completed: Completed) -> tuple[int, str]:
        """Return exit status (125, 126 or 127) and the CLI's reason of a start that failed."""

    def look(self, engine: Engine, names: Sequence[str]) -> Dialog[Mapping[str, Observation]]:
        """Look at many containers by name or id in one call, leaving out unknown ones.

        Where an engine has no ids but names, one of ours on a container with other labels than it says is unknown, too.
        """

    def end(self, engine: Engine, name: str) -> Dialog[Observation | None]:
        """Look at a container whose process has exited, for code and usage.

        None where the engine does not know it.

        May also release what only an ended job holds (ctr: the task), as long as a second one tells the code all the same.
        """

    def monitor(self, argv: Sequence[str], asked: Mapping[str, Any]) -> Monitor | None:
        """Return the files that tell a container's end, by its parent process' command line.

        None where the CLI alone tells.

        ``asked`` is the template's implementation_specific.
        """
        return None

    def undo(self, argv: Sequence[str], start: str) -> Argv | None:
        """Return the command that deletes what a process has made for a start that was cut off, by its command line.

        ``start`` is the start's private directory. None for other processes, and where the engine knows of all it made.
        """
        return None

    def ours(self, engine: Engine, labels: Mapping[str, str]) -> Dialog[Mapping[str, Observation]]:
        """List the containers that carry these labels, all without labels, by name."""

    def control(self, engine: Engine, action: str, name: str, signal: str = "SIGTERM") -> Dialog[None]:
        """``suspend``, ``resume`` or ``kill`` (with the signal).

        Raises InvalidState, UnsupportedOperation (with the CLI's reason), DrmCommunication, else ImplementationSpecific."""

    def remove(self, engine: Engine, names: Sequence[str], force: bool = False) -> Dialog[Mapping[str, str]]:
        """Remove containers in one call, and return those not removed -> reason."""

    def logs(self, engine: Engine, name: str, follow: bool = False) -> Argv:
        """The command printing a container's stdout and stderr to its own."""

    def part_of_logs(self, argv: Argv, since: str | None, times: bool, tail: int | None) -> Argv:
        """Return ``logs`` since a time (RFC 3339), with times, of the last lines of both streams."""
        words = [f"--tail={tail}"] if tail is not None else []
        words += [f"--since={since}"] if since is not None else []
        return (*argv[:-1], *words, *(["--timestamps"] if times else []), argv[-1])

    def categories(self, engine: Engine) -> Dialog[Sequence[str]]:
        """Local images."""
        yield from ()
        return ()

    def pull(self, engine: Engine, image: str) -> Argv | None:
        """The command that fetches an image with progress, or None."""
        return None

    def has_image(self, engine: Engine, image: str) -> Dialog[bool]:
        """Whether the image is there locally."""
        yield from ()
        return False

    def image_environment(self, engine: Engine, image: str) -> Dialog[Mapping[str, str]]:
        """Return the variables that a local image sets, as far as anybody can tell."""
        yield from ()
        return {}

    def version(self, engine: Engine) -> Dialog[str]:
        """Ask CLI and daemon for their version, or raise DrmCommunicationException."""


_SCHEDULERS: Mapping[str, str] = {
    "email": "there is no mail here; wait for the job or follow `proctracker events -f`",
    "email_on_started": "there is no mail here",
    "email_on_terminated": "there is no mail here",
    "reservation_id": "there are no reservations",
    "queue_name": "there are no queues; sessions with max_running serve as such",
    "max_slots": "a job has exactly min_slots slots",
    "accounting_id": "there is no accounting by project",
}
"""What schedulers alone can honour -> why nothing else does."""


def refused(runtime: Runtime) -> Mapping[str, str]:
    """Return what a runtime does not honour, with the reasons."""
    return runtime.unsupported if runtime.batch else {**_SCHEDULERS, **runtime.unsupported}


def refuse(runtime: Runtime, template: JobTemplate) -> None:
    """Raise UnsupportedAttributeException for the first attribute that is not honoured."""
    for name, why in refused(runtime).items():
        if getattr(template, name, None) not in (None, False, [], {}, ""):
            raise UnsupportedAttributeException(f"{name}: {runtime.name} cannot honour it: {why}")
    for key in template.implementation_specific or {}:
        name = SPELLINGS.get(key, key)
        if name not in runtime.extensions:
            why = runtime.unsupported.get(name, "it does not apply there")
            raise UnsupportedAttributeException(f"{key}: {runtime.name} cannot honour it: {why}")
