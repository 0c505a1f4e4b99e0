"""Describes plain processes, whose parent is the supervisor."""

from __future__ import annotations

from proctracker.errors import InvalidArgumentException, UnsupportedOperationException
from proctracker.model import Completed, JobTemplate, Observation, extension
from proctracker.model.structs import shown
from proctracker.runtimes.base import GENERAL_EXTENSIONS, SUPERVISED, Argv, Dialog, Engine, Launch, Request
from proctracker.runtimes.runtime import Runtime, refuse
from proctracker.templates import limits, quantities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, NoReturn, Sequence


BOUNDS = ("memory_limit", "cpus")
"""Extensions that need a control group of the job's own, which only the machine can tell."""

NO_GROUP = (
    "process cannot honour it here: no limit holds for a whole process tree but in a control group (v2) that your systemd"
    " delegates, as after 'loginctl enable-linger' or by 'systemd-run --user --scope proctracker …'; else limit each"
    " process by resource_limits: VIRTUAL_MEMORY in KiB, CPU_TIME in seconds"
)
"""Why one of them is refused where there is none."""

_PERIOD = 100_000
"""Microseconds over which the kernel counts processor time (cpu.max)."""

_LEAST = 1000
"""The least that the kernel takes of them."""

_CONTAINERS_ONLY = "it is for containers; use a contact such as podman, ctr, nerdctl or docker"


class Process(Runtime):
    """Jobs as processes of this machine."""

    name = "process"
    containers = False
    no_cli = "processes have no CLI to ask: their supervisor knows them"
    """Why nothing can be asked or told of a job by a command."""
    command: Argv = ()
    unsupported: Mapping[str, str] = {
        "job_category": _CONTAINERS_ONLY,
        "candidate_machines": "processes run on this machine only",
        "stage_in_files": "there is nothing to copy between: jobs run here",
        "stage_out_files": "there is nothing to copy between: jobs run here",
        **dict.fromkeys(
            "user exposed_ports privileged restart ipc uts pid rm entrypoint network volumes devices gpus userns"
            " pull options".split(),
            _CONTAINERS_ONLY,
        ),
    }
    extensions: Sequence[str] = (*GENERAL_EXTENSIONS, *BOUNDS)

    def check(self, template: JobTemplate, engine: Engine) -> None:
        """Refuse what is only for containers, an empty command, and a contact with options."""
        refuse(self, template)
        if engine.options:
            raise InvalidArgumentException("the contact process takes neither an address nor options")
        if not _argv(template):
            raise InvalidArgumentException("remote_command: empty, there is nothing to run")
        bounds(template)

    def launch(self, request: Request) -> Launch:
        """Start the command itself, and send what has no path to the kept files."""
        return self.plan(request, _argv(request.template), request.environment, bounds(request.template))

    def plan(
        self, request: Request, argv: Argv, environment: Mapping[str, str], group: Mapping[str, str] | None = None
    ) -> Launch:
        """Plan a start of this command line, whose process is the job."""
        output = request.output or request.keep_output
        return Launch(
            SUPERVISED,
            argv,
            environment=environment,
            directory=request.directory,
            stdin=request.input,
            stdout=output,
            stderr=output if request.template.join_files else request.error or request.keep_error,
            append=request.append,
            limits=limits.read(request.template.resource_limits or {})[0],
            bounds=group or {},
        )

    def failed_start(self, completed: Completed) -> tuple[int, str]:
        """As a shell has it: the spawn's own refusal."""
        return completed.returncode, completed.stderr.strip()

    def version(self, engine: Engine) -> Dialog[str]:
        """Empty: nothing but the kernel is needed."""
        yield from ()
        return ""

    def ours(self, engine: Engine, labels: Mapping[str, str]) -> Dialog[Mapping[str, Observation]]:
        """Raise as ``look`` does."""
        self._no_cli()

    def _no_cli(self, *about: Any, **more: Any) -> NoReturn:
        """Raise UnsupportedOperationException, as there is no CLI to ask or to tell."""
        raise UnsupportedOperationException(self.no_cli)

    look = end = control = remove = logs = _no_cli


def bounds(template: JobTemplate) -> Mapping[str, str]:
    """Return what the files of the job's control group hold (cgroup v2), if it has bounds.

    Raises InvalidArgumentException for a value that is none.
    """
    memory, cpus = (extension(template, name) for name in BOUNDS)
    found = {}
    if memory not in (None, ""):
        found.update({"memory.max": str(quantities.size(memory, "memory_limit")), "memory.swap.max": "0"})
    if cpus not in (None, ""):
        found["cpu.max"] = f"{_share(cpus)} {_PERIOD}"
    return found


def _share(cpus: Any) -> int:
    """Microseconds of processor time in each period."""
    try:
        share = 0 if isinstance(cpus, bool) else int(float(cpus) * _PERIOD)
    except (TypeError, ValueError, OverflowError):
        share = 0
    if share < _LEAST:
        raise InvalidArgumentException(f"cpus: a number of processors, 0.01 or more, is expected, not {shown(cpus)}")
    return share


def _argv(template: JobTemplate) -> Argv:
    """Return ``remote_command`` and ``args``, either of which may be missing."""
    return (*([template.remote_command] if template.remote_command else []), *(template.args or []))


RUNTIME = Process()
