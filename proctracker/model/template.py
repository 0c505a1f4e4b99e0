"""JobTemplate: what a job is to be, with the type of every attribute checked when it is set."""

from __future__ import annotations

import os
from collections.abc import Mapping

from proctracker.errors import InvalidArgumentException
from proctracker.model.enums import CpuArchitecture, OperatingSystem, ResourceLimitType
from proctracker.model.structs import Struct, member, nearest, shown, when
from proctracker.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable, Dict, List, Union

    from typing_extensions import Unpack

    from proctracker.model.keywords import TemplateAttributes

    When = Union[datetime, int, str]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return os.fsdecode(value)
    if isinstance(value, os.PathLike):
        return _text(os.fspath(value))
    if not isinstance(value, str):
        raise TypeError("text")
    if "\0" in value:
        raise TypeError("text without NUL bytes")
    if not value.isascii():
        try:
            os.fsencode(value)
        except UnicodeEncodeError:
            raise TypeError("text that can be encoded") from None
    return value


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise TypeError("true or false")


_LARGEST = 2**40
"""Beyond what any of these numbers can mean, so that sums stay within 64 bits."""


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a whole number")
    if not -_LARGEST <= value <= _LARGEST:
        raise TypeError(f"a whole number of at most {_LARGEST}")
    return int(value)


def _positive(value: Any) -> int:
    number = _whole(value)
    if number < 1:
        raise TypeError("a whole number from 1")
    return number


def _words(value: Any) -> list[str]:
    if isinstance(value, (str, bytes)) or not isinstance(value, (list, tuple, set, frozenset)):
        raise TypeError("a list of texts")
    return [_text(word) for word in value]


def _pairs(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError("a mapping of text to text")
    return {_text(key): _text(item) for key, item in value.items()}


def _environment(value: Any) -> dict[str, str]:
    pairs = _pairs(value)
    for name in pairs:
        if not name or "=" in name:
            raise TypeError(f"variables with a name without =, not {name!r}")
    return pairs


def _limits(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("a mapping of limits to numbers")
    found = {}
    for key, number in value.items():
        number = number.total_seconds() if hasattr(number, "total_seconds") else number
        if isinstance(number, bool) or not isinstance(number, (int, float, str)):
            raise TypeError("a mapping of limits to numbers")
        found[_text(key) if isinstance(key, (str, bytes)) else _limit(key).name] = number
    return found


_limit = member(ResourceLimitType)


def _data(value: Any) -> Any:
    """Return an extension's value as JSON has it: paths and bytes as text, jobs and arrays as ids."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_data(each) for each in value]
    if isinstance(value, Mapping):
        return {_text(key): _data(item) for key, item in value.items()}
    if hasattr(value, "total_seconds"):
        return value.total_seconds()
    if hasattr(value, "job_id") or hasattr(value, "job_array_id"):
        return _text(str(value))
    return _text(value)


def _extensions(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("a mapping")
    found = {_text(key): _data(item) for key, item in value.items()}
    twice = [key for key in found if SPELLINGS.get(key, key) != key and SPELLINGS[key] in found]
    if twice:
        raise TypeError(f"one spelling of {SPELLINGS[twice[0]]}")
    return found


@record
class JobTemplate(Struct):
    """The 30 attributes of GFD.194 5.7 and ``implementation_specific``. None is UNSET.

    ``JobTemplate({...})`` and ``JobTemplate(remote_command=…)`` are the same. A wrong type or an unknown name raises
    InvalidArgumentException that names the attribute, what was given and what is expected.
    """

    remote_command: str | None = None
    args: List[str] | None = None
    submit_as_hold: bool | None = None
    rerunnable: bool | None = None
    job_environment: Dict[str, str] | None = None
    working_directory: str | None = None
    job_category: str | None = None
    email: List[str] | None = None
    email_on_started: bool | None = None
    email_on_terminated: bool | None = None
    job_name: str | None = None
    input_path: str | None = None
    output_path: str | None = None
    error_path: str | None = None
    join_files: bool | None = None
    reservation_id: str | None = None
    queue_name: str | None = None
    min_slots: int | None = None
    max_slots: int | None = None
    priority: int | None = None
    candidate_machines: List[str] | None = None
    min_phys_memory: int | None = None
    machine_os: OperatingSystem | None = None
    machine_arch: CpuArchitecture | None = None
    start_time: When | None = None
    deadline_time: When | None = None
    stage_in_files: Dict[str, str] | None = None
    stage_out_files: Dict[str, str] | None = None
    resource_limits: Dict[str, Any] | None = None
    accounting_id: str | None = None
    implementation_specific: Dict[str, Any] | None = None

    def __init__(self, values: Mapping[str, Any] | None = None, **more: Unpack[TemplateAttributes]) -> None:
        if values is not None and not isinstance(values, Mapping):
            raise InvalidArgumentException(f"a job template is a mapping, not {type(values).__name__}")
        for name in self.names():
            object.__setattr__(self, name, None)
        for name, value in {**(values or {}), **more}.items():
            setattr(self, name, value)

    def __eq__(self, other: object) -> bool:
        """By what is meant: a time may be a datetime or its text."""
        return self.to_dict() == other.to_dict() if isinstance(other, JobTemplate) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def checked(cls, values: Mapping[str, Any]) -> JobTemplate:
        """Make one of values that were checked before, as ``to_dict`` gave them."""
        template = cls.__new__(cls)
        template.__dict__.update(_UNSET, **values)
        return template

    @classmethod
    def near(cls, word: str) -> str:
        """What to say besides of an attribute that there is not: other libraries' names are known."""
        if word in _ELSEWHERE:
            return f" ({_ELSEWHERE[word]})"
        if SPELLINGS.get(word, word) in EXTENSIONS:
            return f" (an extension: implementation_specific={{{word!r}: …}})"
        return nearest(word, _CHECKS)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> JobTemplate:
        """The same as calling the class."""
        return cls(values)

    @classmethod
    def get_implementation_specific_keys(cls) -> list[str]:
        """The names our extensions go by, under ``implementation_specific``."""
        return list(EXTENSIONS)


_LIMIT = 'a time limit is resource_limits={"WALLCLOCK_TIME": 90}'
_BYTES = "stdout and stderr are bytes: decode them"
_ELSEWHERE = {
    "env": "did you mean job_environment?",
    "environ": "did you mean job_environment?",
    "cwd": "did you mean working_directory?",
    "chdir": "did you mean working_directory?",
    "workdir": "did you mean working_directory?",
    "time_limit": _LIMIT,
    "timelimit": _LIMIT,
    "walltime": _LIMIT,
    "timeout": f"of run() and waits; {_LIMIT}",
    "text": _BYTES,
    "encoding": _BYTES,
    "errors": _BYTES,
    "universal_newlines": _BYTES,
    "input": "did you mean input_path? It names a file",
    "stdin": "did you mean input_path? It names a file",
    "stdout": "did you mean output_path? It names a file; run(capture_output=True) gives the output",
    "stderr": "did you mean error_path, or join_files=True? It names a file; run(capture_output=True) gives the output",
    "shell": 'there is no shell but the one you name: ["sh", "-c", "…"]',
    "executable": "did you mean remote_command?",
    "command": "did you mean remote_command, with args?",
    "cmd": "did you mean remote_command, with args?",
    "name": "did you mean job_name?",
    "image": "did you mean job_category?",
    "hold": "did you mean submit_as_hold?",
    "memory": "did you mean the extension memory_limit?",
    "volume": "did you mean the extension volumes?",
    "depends_on": "did you mean the extension after?",
    "dependency": "did you mean the extension after?",
}
"""What subprocess, container libraries and other trackers call it -> what to say here."""

_CHECKS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        "remote_command working_directory job_category job_name input_path output_path error_path reservation_id"
        " queue_name accounting_id".split(),
        _text,
    ),
    **dict.fromkeys("submit_as_hold rerunnable email_on_started email_on_terminated join_files".split(), _flag),
    **dict.fromkeys("args email candidate_machines".split(), _words),
    **dict.fromkeys("min_slots max_slots min_phys_memory".split(), _positive),
    **dict.fromkeys("start_time deadline_time".split(), when),
    **dict.fromkeys("stage_in_files stage_out_files".split(), _pairs),
    "priority": _whole,
    "job_environment": _environment,
    "machine_os": member(OperatingSystem),
    "machine_arch": member(CpuArchitecture),
    "resource_limits": _limits,
    "implementation_specific": _extensions,
}

JobTemplate.reads = _CHECKS

_UNSET = dict.fromkeys(_CHECKS)

EXTENSIONS = (
    "contact user exposed_ports privileged restart ipc uts pid rm entrypoint network volumes devices gpus userns"
    " memory_limit cpus pull options after after_any retries retry_delay append"
).split()
"""Keys of ``implementation_specific``, canonical spelling."""

SPELLINGS = {"exposedPorts": "exposed_ports", "memoryLimit": "memory_limit", "retryDelay": "retry_delay"}
"""The seeds' spellings of the same keys."""


def extension(template: JobTemplate, name: str) -> Any:
    """Return an extension's value, however it was spelled, or None."""
    values = template.implementation_specific
    if not values or name in values:
        return values[name] if values else None
    return next((values[other] for other, known in SPELLINGS.items() if known == name and other in values), None)


def extension_flag(template: JobTemplate, name: str) -> bool:
    """Read a flag, also as text, or raise InvalidArgumentException for anything else."""
    value = extension(template, name)
    if value is None:
        return False
    try:
        return _flag(value)
    except TypeError:
        raise InvalidArgumentException(f"{name}: true or false is expected, not {shown(value)}") from None
