"""apptainer: a supervised process like any other, inside the image that its category names."""

from __future__ import annotations

import re

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import Completed, JobTemplate, extension
from proctracker.model.marks import JOB_VARIABLES
from proctracker.model.structs import shown
from proctracker.runtimes import environment, flags
from proctracker.runtimes.base import GENERAL_EXTENSIONS, Argv, Dialog, Engine, Launch, Request, one
from proctracker.runtimes.process import Process
from proctracker.runtimes.runtime import refuse
from proctracker.runtimes.words import expect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence


def _own(name: str, value: Any) -> Sequence[str]:
    """Namespaces are the host's unless an own one is asked for."""
    if value not in ("host", "private"):
        raise InvalidArgumentException(f"{name}: host or private is expected, not {shown(value)}")
    return ["true"] if value == "private" else []


def _nvidia(name: str, value: Any) -> Sequence[str]:
    if value != "all":
        raise InvalidArgumentException(
            f"{name}: all is expected, not {shown(value)}; CUDA_VISIBLE_DEVICES chooses among them"
        )
    return ["true"]


_FLAGS: Mapping[str, tuple[str, flags.Reader]] = {
    "volumes": ("--bind", flags.volumes),
    "pid": ("--pid", _own),
    "ipc": ("--ipc", _own),
    "uts": ("--uts", _own),
    "gpus": ("--nv", _nvidia),
    "memory_limit": ("--memory", lambda name, value: [word.rstrip("b") for word in flags.memory(name, value)]),
    "cpus": ("--cpus", flags.number),
}
"""Extension -> flag of ``apptainer exec`` (its manual page) and what reads its value."""

_PREFIXED = r"(?!(UID|EUID|GID|PPID)$)[A-Za-z_][A-Za-z0-9_]*"
"""Names that a shell can set, as apptainer sources all of ``export NAME="VALUE"`` or none."""
_FAILURE = 255
_FATAL = r"FATAL: +(?P<reason>.*\S)"
_REASONS = (
    (r'".*": executable file not found|stat .*: no such file', 127),
    (r"permission denied$|is a directory$|exec .* failed: ", 126),
)
"""Words of apptainer 1.4.5 for a command that cannot be started -> a shell's exit code."""


class Apptainer(Process):
    """The CLI of apptainer 1.0 or newer.

    The job's exit status and signal are the command's. 255 is its own failure as well: image or command missing. Its
    last line on stderr is then ``FATAL: …``; a job that ends so itself is taken for it.
    """

    name = "apptainer"
    command: Argv = ("apptainer",)
    engine_variables: Sequence[str] = ("PATH", "HOME")
    unsupported: Mapping[str, str] = {
        "stage_in_files": "nothing is copied: the job sees the host's files",
        "stage_out_files": "nothing is copied: the job sees the host's files",
        "user": "a job is its caller",
        "privileged": "a job has its caller's rights",
        "exposed_ports": "a job is in the host's network",
        "network": "a job is in the host's network; give --net and --network as options",
        "restart": "nothing starts a job again; use retries",
        "devices": "the host's are there",
        "userns": "give --userns as an option",
        "pull": "apptainer fetches docker:// images by itself",
    }
    extensions: Sequence[str] = (*GENERAL_EXTENSIONS, *_FLAGS, "entrypoint", "options", "rm")

    def check(self, template: JobTemplate, engine: Engine) -> None:
        """Raise for what the template alone shows to be impossible."""
        refuse(self, template)
        if not flags.command_words(template):
            raise InvalidArgumentException("remote_command: empty, there is nothing to run")
        if "HOME" in (template.job_environment or {}):
            raise UnsupportedAttributeException("job_environment: apptainer sets HOME itself; give --home as an option")
        flags.check_text(template)
        environment.check_text(template.job_environment or {})
        _words(template, "/")

    def launch(self, request: Request) -> Launch:
        """``apptainer exec``, with the job's environment as its own: apptainer hands it on.

        What is the job's, not its caller's, has a second name that wins over the image's and over ``--cleanenv``.
        """
        own = {*(request.template.job_environment or {}), *JOB_VARIABLES}
        prefixed = {
            f"APPTAINERENV_{name}": re.sub(r"[\\$`]", r"\\\g<0>", value)
            for name, value in request.environment.items()
            if name in own and re.fullmatch(_PREFIXED, name)
        }
        argv = (*request.engine.command, "exec", *_words(request.template, request.directory))
        return self.plan(request, argv, {**request.environment, **prefixed})

    def failed_start(self, completed: Completed) -> tuple[int, str]:
        """Read the last line of stderr, without whose FATAL the code is the job's own."""
        found = re.fullmatch(_FATAL, completed.stderr.rstrip().rpartition("\n")[2])
        if completed.returncode != _FAILURE or not found:
            return completed.returncode, ""
        reason = found["reason"]
        return next((code for words, code in _REASONS if re.match(words, reason)), 125), reason

    def version(self, engine: Engine) -> Dialog[str]:
        """Return the CLI's version, as there is no daemon."""
        return expect((yield from one((*engine.command, "--version")))).strip().rpartition(" ")[2]


def _words(template: JobTemplate, base: str) -> list[str]:
    """What follows ``exec``."""
    machines = template.candidate_machines or []
    if len(machines) > 1:
        raise InvalidArgumentException("candidate_machines: one name is expected, the job's hostname")
    return [
        *flags.extension_words(
            template,
            {name: flag for name, (flag, _) in _FLAGS.items()},
            {name: read for name, (_, read) in _FLAGS.items()},
            base,
        ),
        *[f"--hostname={machine}" for machine in machines],
        # Without it apptainer goes somewhere else, with a warning, where the image has not got the directory.
        *([f"--pwd={base}"] if template.working_directory else []),
        *flags.options(template),
        flags.image(template),
        *flags.each("entrypoint", extension(template, "entrypoint") or []),
        *flags.command_words(template),
    ]


RUNTIME = Apptainer()
