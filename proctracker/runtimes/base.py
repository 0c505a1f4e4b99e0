"""What a runtime is: a pure description of one CLI, text in and data out."""

from __future__ import annotations

from collections.abc import Generator

from proctracker.errors import UnsupportedAttributeException
from proctracker.model import SPELLINGS
from proctracker.records import NamedTuple, field, record

Argv = tuple[str, ...]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, Protocol, Sequence, TypeVar

    from proctracker.model import Completed, JobTemplate, Observation
    from proctracker.runtimes.batch import Batch

    T = TypeVar("T")
    Dialog = Generator[Sequence[Argv], Sequence[Completed], T]
else:
    Protocol, Dialog = object, Generator
"""A conversation with a CLI: yields command lines to run side by side, is sent what each printed, returns the answer.

Raises DrmCommunicationException (from inside the generator) where the engine could not be asked."""

SUPERVISED = "supervised"
"""The command is the job: its end is the job's end (plain processes, ``apptainer exec``)."""
ATTACHED = "attached"
"""The command lives as long as the container and carries its streams (``docker run`` with files)."""
DETACHED = "detached"
"""The command starts the job and returns, and the engine keeps it (``podman run -d``)."""
SUBMITTED = "submitted"
"""The command hands the job to a scheduler, which keeps, starts and ends it (``sbatch``)."""
PASSED = "<passed>"
"""Where an input's path stands: a descriptor that the client hands over."""
GENERAL_EXTENSIONS = ("contact", "after", "after_any", "retries", "retry_delay", "append")
"""Extensions that the supervisor and its clients honour for every runtime."""


@record(frozen=True)
class Engine:
    """Names the engine a CLI talks to: the command, the contact's options, the environment."""

    command: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)


def elsewhere(engine: Engine) -> bool:
    """Return whether its address is no socket of this machine, whose boots do not concern it."""
    addresses = (engine.options.get("address"), engine.env.get("DOCKER_HOST"), engine.env.get("CONTAINER_HOST"))
    schemes = [address.partition("://")[0] for address in addresses if address and "://" in address]
    return any(scheme not in ("unix", "fd") for scheme in schemes)


@record(frozen=True)
class Request:
    """One start of one job, everything resolved: what a runtime makes a Launch of.

    ``environment`` is complete for runtimes without containers (caller's, job's and ours); for containers it holds the
    job's and ours only. Paths are absolute. ``folder`` is a private directory of this start, kept until the job ends.
    ``directory`` is a process' working directory; for containers the one that relative host paths are taken from.
    ``limits`` are the caller's resource limits: RLIMIT's name -> (soft, hard).
    """

    engine: Engine
    template: JobTemplate
    job_id: str
    attempt: int
    name: str
    folder: str
    keep_output: str
    keep_error: str
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    input: str | None = None
    output: str | None = None
    error: str | None = None
    append: bool = False
    limits: Mapping[str, Sequence[int]] = field(default_factory=dict)


@record(frozen=True)
class Launch:
    """The plan of one start.

    ``environment``: the command's whole environment (SUPERVISED), else what is added to the engine's.
    ``files``: private files (path -> content) written 0600 before the start and removed once the command has returned.
    ``stdin``, ``stdout``, ``stderr``: files for the command's own descriptors; None is /dev/null for input, and for
    output a capture of what the CLI itself says (DETACHED). The same path twice is opened once. Where ``stderr`` is a
    file, the CLI's own words about a failed start are in it as well: its last lines are then ``failed_start``'s stderr.
    ``limits``: RLIMIT's name -> value, which the job asked for; -1 is as much as its caller may have (SUPERVISED).
    ``bounds``: file -> content of the control group (v2) that the job is to have for its own; none where that is empty.
    ``pid_file`` is where the CLI writes the container's host pid (None: only a look tells), ``id_file`` where it writes
    the container's id.
    """

    kind: str
    argv: Argv
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    files: Mapping[str, bytes] = field(default_factory=dict)
    stdin: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    append: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    bounds: Mapping[str, str] = field(default_factory=dict)
    pid_file: str | None = None
    id_file: str | None = None


class Monitor(NamedTuple):
    """Names the files that are written at a container's end before the CLI knows of it."""

    status: str
    """The exit code as text (128+N is signal N), complete once it is there, at the end's time."""
    oom: Sequence[str]
    """One of these is there if the OOM killer struck."""
    unless: Sequence[str] = ()
    """Where one of these is there the CLI has to tell whether this was the end."""


class Runtime(Protocol):
    """Describes one CLI by tables and pure functions.

    Names of containers are ours (``proctracker-<uuid8>-<id>-<attempt>``).
    """

    name: str
    """The contact's first word: ``podman``."""
    containers: bool
    """True where jobs are containers that an engine keeps, with looks, logs and removal."""
    command: Argv
    """The command without a configuration, empty for plain processes."""
    engine_variables: Sequence[str]
    """Environment variables that decide which engine the CLI talks to, kept with the job."""
    engine_environment: Mapping[str, str]
    """Variables that every call of the CLI is made with besides."""
    contact_options: Mapping[str, str]
    """A contact's options (``namespace``), and ``address`` after the colon -> their use."""
    unsupported: Mapping[str, str]
    """Template attributes that cannot be honoured -> why.

    The supervisor's own (start_time, …) are never here.
    """
    reserved: Mapping[str, str]
    """The CLI's options that a start sets itself and ``options`` may not -> what to use."""
    extensions: Sequence[str]
    """Keys of implementation_specific that are honoured, in snake_case or the seeds' spelling."""
    pulls: bool
    """True where the start command fetches a missing image by itself."""
    keeps_logs: bool
    """True where output without a path stays with the engine and ``logs`` reads it there."""
    tells_removal: bool
    """True where the engine tells of a removal before it kills the container's process."""
    ignored: Sequence[str]
    """Words of a start that returned 0 without doing all that was asked, so that it fails."""
    groups: Sequence[str]
    """Where the control group of a container is made, below a hierarchy's mount, ``{id}`` for the container's id; empty: the
    start command tells the container's process itself."""
    batch: Batch | None
    """The scheduler that keeps, starts and ends the jobs, or None where we start them here."""
    states: Mapping[str, str]
    """The engine's state word -> DRMAA2 state name (or ``by exit code``), as parser and docs use it."""

    def pinned(self, engine: Engine, read: Callable[[str], str | None]) -> Engine:
        """Return the same engine, named so that the CLI's configuration cannot change it later.

        ``read`` gives a file's text, None where there is none to be read.
        """

    def check(self, template: JobTemplate, engine: Engine) -> None:
        """Raise UnsupportedAttribute or InvalidArgument for what cannot be honoured."""

    def launch(self, request: Request) -> Launch:
        """Plan one start.

        Raises UnsupportedAttributeException for an environment that cannot be passed safely.
        """

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

    def ours(self, engine: Engine, labels: Mapping[str, str]) -> Dialog[Mapping[str, Observation]]:
        """List the containers that carry these labels, by name.

        Empty labels list all there are.
        """

    def control(self, engine: Engine, action: str, name: str, signal: str = "SIGTERM") -> Dialog[None]:
        """``suspend``, ``resume`` or ``kill`` (with the signal).

        Raises InvalidState, UnsupportedOperation (with the CLI's reason), DrmCommunication, else ImplementationSpecific."""

    def remove(self, engine: Engine, names: Sequence[str], force: bool = False) -> Dialog[Mapping[str, str]]:
        """Remove containers in one call, and return those not removed -> reason."""

    def logs(self, engine: Engine, name: str, follow: bool = False) -> Argv:
        """The command printing a container's stdout and stderr to its own."""

    def categories(self, engine: Engine) -> Dialog[Sequence[str]]:
        """Local images."""

    def pull(self, engine: Engine, image: str) -> Argv | None:
        """The command that fetches an image with progress, or None."""

    def has_image(self, engine: Engine, image: str) -> Dialog[bool]:
        """Whether the image is there locally."""

    def image_environment(self, engine: Engine, image: str) -> Dialog[Mapping[str, str]]:
        """Return the variables that a local image sets, as far as anybody can tell."""

    def version(self, engine: Engine) -> Dialog[str]:
        """Ask CLI and daemon for their version, or raise DrmCommunicationException."""


def one(argv: Argv) -> Dialog[Completed]:
    """A single call, as part of a dialog: ``done = yield from one(argv)``."""
    (done,) = yield [argv]
    return done


def refuse(runtime: Runtime, template: JobTemplate) -> None:
    """Raise UnsupportedAttributeException for the first attribute that is not honoured."""
    for name, why in runtime.unsupported.items():
        if getattr(template, name, None) not in (None, False, [], {}, ""):
            raise UnsupportedAttributeException(f"{name}: {runtime.name} cannot honour it: {why}")
    for key in template.implementation_specific or {}:
        name = SPELLINGS.get(key, key)
        if name not in runtime.extensions:
            why = runtime.unsupported.get(name, "it does not apply there")
            raise UnsupportedAttributeException(f"{key}: {runtime.name} cannot honour it: {why}")
