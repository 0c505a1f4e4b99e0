"""apptainer: a supervised process like any other, inside the image that its category names."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import JobTemplate, extension, nearest
from proctracker.runtimes import flags
from proctracker.runtimes.base import GENERAL_EXTENSIONS, SUPERVISED, Argv, Dialog, Engine, Launch, Request, one, refuse
from proctracker.runtimes.process import Process
from proctracker.runtimes.words import expect


def _own(name: str, value: Any) -> Sequence[str]:
    """Namespaces are the host's unless an own one is asked for."""
    if value not in ("host", "private"):
        raise InvalidArgumentException(f"{name}: host or private is expected, not {value!r}")
    return ["true"] if value == "private" else []


def _nvidia(name: str, value: Any) -> Sequence[str]:
    if value != "all":
        raise InvalidArgumentException(
            f"{name}: all is expected, not {value!r}; CUDA_VISIBLE_DEVICES chooses among them"
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

_OVERRIDDEN = ("PATH", "LD_LIBRARY_PATH")
"""Variables the image sets; the job's own go by a longer name."""


class Apptainer(Process):
    """The CLI of apptainer 1.0 or newer.

    The job's exit status and signal are the command's. 255 is its own failure as well: image or command missing.
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
        for key in engine.options:
            raise InvalidArgumentException(f"the contact apptainer has no option {key!r}{nearest(key, ())}")
        if not flags.command_words(template):
            raise InvalidArgumentException("remote_command: empty, there is nothing to run")
        if "HOME" in (template.job_environment or {}):
            raise UnsupportedAttributeException("job_environment: apptainer sets HOME itself; give --home as an option")
        _words(template, "/")

    def launch(self, request: Request) -> Launch:
        """``apptainer exec``, with the job's environment as its own: apptainer hands it on."""
        own = {name: value for name, value in (request.template.job_environment or {}).items() if name in _OVERRIDDEN}
        output = request.output or request.keep_output
        return Launch(
            SUPERVISED,
            (*request.engine.command, "exec", *_words(request.template, request.directory)),
            environment={**request.environment, **{f"APPTAINERENV_{name}": value for name, value in own.items()}},
            directory=request.directory,
            stdin=request.input,
            stdout=output,
            stderr=output if request.template.join_files else request.error or request.keep_error,
            append=request.append,
        )

    def version(self, engine: Engine) -> Dialog[str]:
        """The CLI's; there is no daemon."""
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
        *flags.options(template),
        flags.image(template),
        *flags.each("entrypoint", extension(template, "entrypoint") or []),
        *flags.command_words(template),
    ]


RUNTIME = Apptainer()
