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
"""The command lives as long as the container and carries its streams; its end leads to a look (``docker run`` with files)."""
DETACHED = "detached"
"""The command starts the job and returns; the engine keeps it (``podman run -d``)."""
SUBMITTED = "submitted"
"""The command hands the job to a scheduler, which keeps, starts and ends it (``sbatch``)."""
PASSED = "<passed>"
"""Where an input's path stands: a descriptor that the client hands over."""
GENERAL_EXTENSIONS = ("contact", "after", "after_any", "retries", "retry_delay", "append")
"""Extensions that the supervisor and its clients honour for every runtime."""


@record(frozen=True)
class Engine:
    """Which engine a CLI talks to: the command, the contact's options and the environment that decides it."""

    command: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)


def elsewhere(engine: Engine) -> bool:
    """Whether an engine is reached by an address that is no socket of this machine: what befalls this one does not concern it."""
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
    the container's id; ``oom_file`` appears if the OOM killer struck (conmon, cgroup v1).
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
    oom_file: str | None = None


class Monitor(NamedTuple):
    """What stands above a container writes these files at its end, before the engine's CLI knows of it."""

    status: str
    """The exit code as text, complete once it is there (128+N: signal N); its time is the end's."""
    oom: Sequence[str]
    """One of these is there if the OOM killer struck."""
    unless: Sequence[str] = ()
    """Where one of these is there the CLI has to tell whether this was the end."""


class Runtime(Protocol):
    """One CLI. Members are tables and pure functions; names of containers are ours (``proctracker-<uuid8>-<id>-<attempt>``)."""

    name: str
    """The contact's first word: ``podman``."""
    containers: bool
    """True where jobs are containers that the engine keeps (then looks, remove, logs and list below mean something)."""
    command: Argv
    """The command used when no configuration names another; empty for plain processes."""
    engine_variables: Sequence[str]
    """Environment variables that decide which engine the CLI talks to; kept with the job."""
    engine_environment: Mapping[str, str]
    """Variables that every call of the CLI is made with besides."""
    contact_options: Mapping[str, str]
    """Options a contact string may carry (``namespace``) and ``address`` for the part after the colon -> how they are used."""
    unsupported: Mapping[str, str]
    """Template attributes this runtime cannot honour -> why. The supervisor's own (start_time, …) are never here."""
    reserved: Mapping[str, str]
    """Options of the CLI that a start sets itself and a template's ``options`` may not -> what to use."""
    extensions: Sequence[str]
    """Keys of implementation_specific this runtime honours (canonical snake_case or the seeds' spelling)."""
    pulls: bool
    """True where the start command fetches a missing image by itself; else the client does if the template says so."""
    keeps_logs: bool
    """True where output without a path stays with the engine and ``logs`` reads it there."""
    tells_removal: bool
    """True where the engine says that a container is being removed from before its process is killed for that."""
    ignored: Sequence[str]
    """Words of a start that returned 0 and yet did not do all that was asked: the job then fails with that line."""
    groups: Sequence[str]
    """Where the control group of a container is made, below a hierarchy's mount, ``{id}`` for the container's id; empty: the
    start command tells the container's process itself."""
    batch: Batch | None
    """The scheduler that keeps, starts and ends the jobs, on whatever machine; None: they run here, started by us."""
    states: Mapping[str, str]
    """The engine's state word -> DRMAA2 state name (or ``by exit code``), for the docs; the parser uses this table too."""

    def pinned(self, engine: Engine, read: Callable[[str], str | None]) -> Engine:
        """The same engine, named so that it stays the same whatever the CLI's own configuration says later.

        ``read`` gives a file's text, None where there is none to be read.
        """

    def check(self, template: JobTemplate, engine: Engine) -> None:
        """Raise UnsupportedAttribute or InvalidArgument for what this runtime cannot honour; return if all can be."""

    def launch(self, request: Request) -> Launch:
        """The plan for one start. Raises UnsupportedAttributeException for an environment that cannot be passed safely."""

    def failed_start(self, completed: Completed) -> tuple[int, str]:
        """A start command that returned not 0 -> (exit status 125, 126 or 127; the CLI's reason in one line)."""

    def look(self, engine: Engine, names: Sequence[str]) -> Dialog[Mapping[str, Observation]]:
        """The state now of many containers by name or id, batched, as they were asked for; unknown ones are missing.

        Where an engine has no ids but names, one of ours on a container with other labels than it says is unknown, too.
        """

    def end(self, engine: Engine, name: str) -> Dialog[Observation | None]:
        """One look at a container whose process has gone: exit code, usage; None: the engine does not know it.

        May also release what only an ended job holds (ctr: the task), as long as a second one tells the code all the same."""

    def monitor(self, argv: Sequence[str], asked: Mapping[str, Any]) -> Monitor | None:
        """The files that tell how a container ended, by the command line of its process' parent; None: the CLI alone tells.

        ``asked`` is the template's implementation_specific.
        """

    def ours(self, engine: Engine, labels: Mapping[str, str]) -> Dialog[Mapping[str, Observation]]:
        """All containers carrying these labels, by name, with labels (adopt, monitoring; empty labels: all there are)."""

    def control(self, engine: Engine, action: str, name: str, signal: str = "SIGTERM") -> Dialog[None]:
        """``suspend``, ``resume`` or ``kill`` (with the signal).

        Raises InvalidState, UnsupportedOperation (with the CLI's reason), DrmCommunication, else ImplementationSpecific."""

    def remove(self, engine: Engine, names: Sequence[str], force: bool = False) -> Dialog[Mapping[str, str]]:
        """Remove containers, batched; unknown ones are fine. Returns those not removed -> reason."""

    def logs(self, engine: Engine, name: str, follow: bool = False) -> Argv:
        """The command printing a container's stdout and stderr to its own."""

    def categories(self, engine: Engine) -> Dialog[Sequence[str]]:
        """Local images."""

    def pull(self, engine: Engine, image: str) -> Argv | None:
        """The command that fetches an image with progress, or None."""

    def has_image(self, engine: Engine, image: str) -> Dialog[bool]:
        """Whether the image is there locally."""

    def image_environment(self, engine: Engine, image: str) -> Dialog[Mapping[str, str]]:
        """The variables that a local image sets; empty where it is not there, or nobody can tell."""

    def version(self, engine: Engine) -> Dialog[str]:
        """The CLI's (and daemon's) version, by asking the daemon too where there is one: DrmCommunication if it is not there."""


def one(argv: Argv) -> Dialog[Completed]:
    """A single call, as part of a dialog: ``done = yield from one(argv)``."""
    (done,) = yield [argv]
    return done


def refuse(runtime: Runtime, template: JobTemplate) -> None:
    """Raise UnsupportedAttributeException for the first attribute or extension that is set and not honoured."""
    for name, why in runtime.unsupported.items():
        if getattr(template, name, None) not in (None, False, [], {}, ""):
            raise UnsupportedAttributeException(f"{name}: {runtime.name} cannot honour it: {why}")
    for key in template.implementation_specific or {}:
        name = SPELLINGS.get(key, key)
        if name not in runtime.extensions:
            why = runtime.unsupported.get(name, "it does not apply there")
            raise UnsupportedAttributeException(f"{key}: {runtime.name} cannot honour it: {why}")
