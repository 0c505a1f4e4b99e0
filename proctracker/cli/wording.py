"""Says what is wrong with a job in options (``--memory``), not attributes."""

from __future__ import annotations

import re

from proctracker.cli.options import text, texts
from proctracker.errors import Drmaa2Exception
from proctracker.model import SPELLINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.cli.options import Values

ATTRIBUTES = {
    "job_category": "image",
    "job_name": "name",
    "job_environment": "env",
    "working_directory": "workdir",
    "input_path": "input",
    "output_path": "output",
    "error_path": "error",
    "join_files": "join",
    "submit_as_hold": "hold",
    "start_time": "start",
    "deadline_time": "deadline",
    "candidate_machines": "hostname",
    "resource_limits": "limit",
    "implementation_specific": "ext",
    "priority": "priority",
    "memory_limit": "memory",
    "cpus": "cpus",
    "retries": "retries",
    "retry_delay": "retry-delay",
    "after": "after",
    "after_any": "after-any",
    "volumes": "volume",
    "devices": "device",
    "gpus": "gpus",
    "exposed_ports": "publish",
    "user": "user",
    "network": "network",
    "entrypoint": "entrypoint",
    "append": "append",
    "rm": "rm",
    "restart": "restart",
    "privileged": "privileged",
    "pull": "pull",
}
"""Attribute or extension -> the option that sets it, ``--ext`` for other extensions."""

_MENTIONED = ("use", "say", "leave out")
"""What stands before a name that is no word of the language by its looks."""


def told(error: Drmaa2Exception, values: Values) -> Drmaa2Exception:
    """Return the same error in options, or in attributes with the template file's name."""
    message = error.message
    name = re.split(r"[: ]", message, maxsplit=1)[0]
    canonical = SPELLINGS.get(name, name)
    path = text(values, "template")
    if path is not None and not _given(canonical, values) and canonical in _names(path):
        return type(error)(f"{path}: {message}")
    if canonical in _extended(values):
        return type(error)(f"--ext {spoken(message)}")
    return type(error)(_first(message, name, canonical, values))


def spoken(message: str) -> str:
    """Return a message in options, if it mentions attributes beside its first word."""
    names = "|".join(ATTRIBUTES)
    sure = "|".join(name for name in ATTRIBUTES if "_" in name)
    before = "|".join(_MENTIONED)
    head, colon, rest = message.partition(": ")
    body = re.sub(rf"\b({before}) ({names})\b", lambda m: f"{m[1]} --{ATTRIBUTES[m[2]]}", rest if colon else head)
    body = re.sub(rf"(?<![\w./'-])({sure})\b(?![\w./'])", lambda m: f"--{ATTRIBUTES[m[1]]}", body)
    return f"{head}{colon}{body}" if colon else body


def _first(message: str, name: str, canonical: str, values: Values) -> str:
    """A message with the option in front of it that the first word is set by."""
    rest = message[len(name) :]
    if name == "remote_command":
        return f"the command{spoken(rest)}"
    if canonical not in ATTRIBUTES or not re.match(r"(: | [A-Z_]+: )", rest):
        return spoken(message)
    if canonical == "resource_limits" and rest.startswith(" WALLCLOCK_TIME:") and "time_limit" in values:
        return f"--time-limit{spoken(rest.partition(' WALLCLOCK_TIME')[2])}"
    return f"--{ATTRIBUTES[canonical]}{spoken(rest)}"


def _names(path: str) -> set[str]:
    """What a template file sets."""
    from proctracker.templates import files

    found = files.read(path)
    more = found.get("implementation_specific")
    return {SPELLINGS.get(name, name) for name in (*found, *(more if isinstance(more, dict) else ()))}


def _given(name: str, values: Values) -> bool:
    """Whether an option has set an attribute, which then is not the file's."""
    option = ATTRIBUTES.get(name, "").replace("-", "_")
    more = {"job_environment": "env_file", "resource_limits": "time_limit"}.get(name)
    return option in values or more in values or name in _extended(values)


def _extended(values: Values) -> set[str]:
    """The extensions set by ``--ext``."""
    names = {pair.partition("=")[0] for pair in texts(values, "ext")}
    return {SPELLINGS.get(name, name) for name in names}
