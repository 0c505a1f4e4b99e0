"""Writes a template as the flags of ``podman run``, ``docker run`` and ``nerdctl run``."""

from __future__ import annotations

import os.path
import re

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import JobTemplate, extension, extension_flag, nearest
from proctracker.model.structs import shown, written
from proctracker.templates import limits, quantities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, Sequence

    Reader = Callable[[str, Any], Sequence[str]]
"""(extension's name, value as given) -> what the flag is given, once each; raises InvalidArgumentException."""

FLAGS = {
    "user": "--user",
    "exposed_ports": "--publish",
    "restart": "--restart",
    "ipc": "--ipc",
    "uts": "--uts",
    "pid": "--pid",
    "network": "--network",
    "volumes": "--volume",
    "devices": "--device",
    "gpus": "--gpus",
    "userns": "--userns",
    "memory_limit": "--memory",
    "cpus": "--cpus",
    "pull": "--pull",
}
"""Extension -> flag (podman-run(1), docker run, nerdctl run)."""

ULIMITS = {"CORE": "core", "CPU": "cpu", "DATA": "data", "FSIZE": "fsize", "NOFILE": "nofile", "STACK": "stack"}
"""setrlimit's name -> ``--ulimit``'s, without one for the address space."""

PULL = ("missing", "always", "never")
RESTART = r"no|always|unless-stopped|on-failure(:\d+)?"

_PORT = r"((\[[0-9A-Fa-f:.]+\]|[0-9.]+):)?(\d+(-\d+)?)?:\d+(-\d+)?(/(tcp|udp|sctp))?"


def text(name: str, value: Any) -> Sequence[str]:
    """Return one word, also of a whole number (``user: 1000``)."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise InvalidArgumentException(f"{name}: a text is expected, not {shown(value)}")
    return [written(value)]


def texts(name: str, value: Any) -> Sequence[str]:
    """Words, given as a list or as one text with commas."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    return [word for part in parts for word in text(name, part.strip() if isinstance(part, str) else part)]


def each(name: str, value: Any) -> Sequence[str]:
    """Return words given as a list or as a single one, commas kept (``-v a:b:ro,Z``)."""
    return [word for part in (value if isinstance(value, (list, tuple)) else [value]) for word in text(name, part)]


def ports(name: str, value: Any) -> Sequence[str]:
    """``[hostip:]hostPort:containerPort[/udp]``, with commas between them or as a list."""
    found = texts(name, value)
    for port in found:
        if not re.fullmatch(_PORT, port):
            raise InvalidArgumentException(f"{name}: {port!r} is not [HOST-IP:]HOST-PORT:CONTAINER-PORT[/udp]")
    return found


def restarts(template: JobTemplate) -> bool:
    """Whether an engine is to start the container again after its end."""
    words = options(template)
    given = [word.partition("=")[2] or following for word, following in zip(words, [*words[1:], ""]) if _policy(word)]
    return extension(template, "restart") not in (None, "no") or any(policy != "no" for policy in given)


def _policy(word: str) -> bool:
    return word == "--restart" or word.startswith("--restart=")


def check_restart(template: JobTemplate) -> None:
    """Raise InvalidArgumentException for files of a container that a policy restarts."""
    if restarts(template):
        for name in ("input_path", "output_path", "error_path"):
            if getattr(template, name):
                raise InvalidArgumentException(
                    f"restart: only a container's first run has files: leave out {name}, `proctracker logs` has the"
                    " output of all; or use retries"
                )


def check_ports(template: JobTemplate) -> None:
    """Raise InvalidArgumentException for ports of a network that has none of its own."""
    network = extension(template, "network")
    if network in ("host", "none") and extension(template, "exposed_ports"):
        why = "the host's ports are the job's" if network == "host" else "the job has no network"
        raise InvalidArgumentException(f"exposed_ports: nothing can be published with network {network}: {why}")


def volumes(name: str, value: Any) -> Sequence[str]:
    """Return volumes as ``SOURCE:TARGET[:OPTIONS]`` with an absolute target."""
    found = each(name, value)
    for word in found:
        volume(word, name)
    return found


def volume(word: str, name: str = "volumes") -> tuple[str, str, str]:
    """Split a volume into source, target and options.

    The source is a host path if it has a ``/`` or begins with a dot.
    """
    source, _, rest = word.partition(":")
    target, _, options = rest.partition(":")
    if not source or not target.startswith("/"):
        raise InvalidArgumentException(f"{name}: {word!r} is not SOURCE:TARGET[:ro], the target absolute")
    return source, target, options


def check_modes(word: str, known: Sequence[str]) -> None:
    """Raise InvalidArgumentException for a volume's option that a CLI would ignore."""
    for part in volume(word)[2].split(","):
        if part and part not in known:
            raise InvalidArgumentException(
                f"volumes: {word!r}: {part!r} is no mount option{nearest(part, known)}; read-only is ro"
            )


def is_path(source: str) -> bool:
    """Whether a volume's source is a path of the host and not a volume's name."""
    return "/" in source or source in (".", "..")


def memory(name: str, value: Any) -> Sequence[str]:
    """A SIZE, as bytes."""
    return [f"{quantities.size(value, name)}b"]


def number(name: str, value: Any) -> Sequence[str]:
    """A number above 0, fractions too."""
    if isinstance(value, bool) or not re.fullmatch(r"\d+(\.\d+)?|\.\d+", written(value)) or not float(value):
        raise InvalidArgumentException(f"{name}: a number above 0 is expected, not {shown(value)}")
    return [written(value)]


def word_of(known: Sequence[str]) -> Reader:
    """A reader for one of these words."""

    def read(name: str, value: Any) -> Sequence[str]:
        if value not in known:
            raise InvalidArgumentException(
                f"{name}: one of {', '.join(known)} is expected, not {shown(value)}{nearest(written(value), known)}"
            )
        return [written(value)]

    return read


def restart(name: str, value: Any) -> Sequence[str]:
    """The policy."""
    if not re.fullmatch(RESTART, written(value)):
        raise InvalidArgumentException(f"{name}: {shown(value)} is not no, always, unless-stopped or on-failure[:N]")
    return [written(value)]


READERS: Mapping[str, Reader] = {
    **dict.fromkeys(FLAGS, text),
    "exposed_ports": ports,
    "restart": restart,
    "volumes": volumes,
    "devices": each,
    "memory_limit": memory,
    "cpus": number,
    "pull": word_of(PULL),
}


def extension_words(
    template: JobTemplate, flags: Mapping[str, str], readers: Mapping[str, Reader], base: str
) -> list[str]:
    """Return the extensions' flags in the table's order, with host paths relative to ``base``."""
    words = []
    for name, flag in flags.items():
        value = extension(template, name)
        if value is None:
            continue
        for word in readers[name](name, value):
            words.append(f"{flag}={_from(base, word) if name == 'volumes' else word}")
    if extension_flag(template, "privileged"):
        words.append("--privileged")
    return words


def _from(base: str, word: str) -> str:
    source, rest = word.split(":", 1)
    return f"{os.path.normpath(os.path.join(base, source))}:{rest}" if is_path(source) else word


def attribute_words(template: JobTemplate) -> list[str]:
    """Hostname, working directory and limits."""
    words = []
    machines = template.candidate_machines or []
    if len(machines) > 1:
        raise InvalidArgumentException("candidate_machines: one name is expected, the container's hostname")
    if machines:
        words.append(f"--hostname={machines[0]}")
    directory = template.working_directory
    if directory:
        if not directory.startswith(("/", "$DRMAA2_")):
            raise InvalidArgumentException(f"working_directory: {directory}: a container's is absolute")
        words.append(f"--workdir={directory}")
    return words + ulimit_words(template)


def ulimit_words(template: JobTemplate) -> list[str]:
    """Write ``resource_limits`` as ``--ulimit``, without the supervisor's wall-clock limit."""
    words = []
    for name, value in limits.read(template.resource_limits or {})[0].items():
        if name not in ULIMITS:
            raise UnsupportedAttributeException(
                "resource_limits: VIRTUAL_MEMORY is no limit a container can have; use memory_limit"
            )
        words.append(f"--ulimit={ULIMITS[name]}={value}:{value}")
    return words


def entrypoint_words(template: JobTemplate) -> tuple[list[str], list[str]]:
    """Return the entrypoint's flag, and what of it goes in front of the command.

    The CLIs take one word, and an empty one clears the image's.
    """
    value = extension(template, "entrypoint")
    if value is None:
        return [], []
    if value == "":
        return ["--entrypoint="], []
    first, *rest = each("entrypoint", value) or [""]
    return [f"--entrypoint={first}"], rest


def command_words(template: JobTemplate) -> list[str]:
    """Return ``remote_command`` and ``args``, either of which may be missing."""
    return [*([template.remote_command] if template.remote_command else []), *(template.args or [])]


def image(template: JobTemplate) -> str:
    """The image, ``job_category``."""
    found = template.job_category
    if not found:
        raise InvalidArgumentException("job_category: the image is missing")
    if found.startswith("-") or any(c.isspace() for c in found):
        raise InvalidArgumentException(f"job_category: {found!r} is no image")
    return found


def options(template: JobTemplate) -> list[str]:
    """The CLI's own options, passed as they are."""
    value = extension(template, "options")
    return [] if value is None else list(each("options", value))


def check_text(template: JobTemplate) -> None:
    """Raise UnsupportedAttributeException for a command that JSON would change."""
    for name, words in (("remote_command", command_words(template)), ("implementation_specific", options(template))):
        for word in words:
            try:
                word.encode("utf-8")
            except UnicodeEncodeError:
                raise UnsupportedAttributeException(
                    f"{name}: {word!a} is not UTF-8, and container engines keep nothing else"
                ) from None
