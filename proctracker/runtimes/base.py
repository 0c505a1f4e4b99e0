"""Holds what runtimes and their callers exchange: engines, requests, launches, dialogs."""

from __future__ import annotations

from collections.abc import Generator

from proctracker.records import NamedTuple, field, record

Argv = tuple[str, ...]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Protocol, Sequence, TypeVar

    from proctracker.model import Completed, JobTemplate

    T = TypeVar("T")
    Dialog = Generator[Sequence[Argv], Sequence[Completed], T]
else:
    Protocol, Dialog = object, Generator
"""A conversation with a CLI: yields command lines to run side by side, is sent what each printed, returns the answer.

Raises DrmCommunicationException (from inside the generator) where the engine could not be asked."""

SUPERVISED = "supervised"
"""The command is the job: its end is the job's end (plain processes, ``apptainer exec``)."""
ATTACHED = "attached"
"""The command lives as long as the container and carries its streams."""
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

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Engine:
        """Read one as a spec has it."""
        found = given or {}
        return cls(tuple(found.get("command") or ()), found.get("options") or {}, found.get("env") or {})


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


def one(argv: Argv) -> Dialog[Completed]:
    """A single call, as part of a dialog: ``done = yield from one(argv)``."""
    (done,) = yield [argv]
    return done
