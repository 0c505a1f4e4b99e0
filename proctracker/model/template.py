"""JobTemplate: what a job is to be, with the type of every attribute checked when it is set."""

from __future__ import annotations

import os
from collections.abc import Mapping

from proctracker.errors import InvalidArgumentException
from proctracker.model.enums import CpuArchitecture, OperatingSystem
from proctracker.model.records import record
from proctracker.model.structs import Struct, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable, Dict, List, Union

    When = Union[datetime, float, int, str]


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
"""Beyond what any of these numbers can mean (KiB of memory among them); sums of such still are 64 bits for the store."""


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
        if isinstance(number, bool) or not isinstance(number, (int, float, str)):
            raise TypeError("a mapping of limits to numbers")
        found[_text(getattr(key, "value", key))] = number
    return found


def _data(value: Any) -> Any:
    """An extension's value as JSON has it: paths and bytes as text, jobs and arrays (as dependencies) by their ids."""
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


def _when(value: Any) -> When:
    if value.__class__ in (int, float, str):
        return value
    from datetime import datetime, timedelta

    if isinstance(value, bool) or not isinstance(value, (datetime, int, float, str, timedelta)):
        raise TypeError("a time: a datetime, epoch seconds, ISO 8601 or +DURATION")
    return f"+{value.total_seconds():f}" if isinstance(value, timedelta) else value


def _member(kind: Any) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if isinstance(value, str) and value.upper() in kind.__members__:
            return kind[value.upper()]
        if isinstance(value, int) and not isinstance(value, bool) and value in set(kind):
            return kind(value)
        raise TypeError(f"one of {' '.join(kind.__members__)}")

    return convert


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

    def __init__(self, values: Mapping[str, Any] | None = None, **more: Any) -> None:
        if values is not None and not isinstance(values, Mapping):
            raise InvalidArgumentException(f"a job template is a mapping, not {type(values).__name__}")
        for name in self.names():
            object.__setattr__(self, name, None)
        for name, value in {**(values or {}), **more}.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        check = _CHECKS.get(name)
        if check is None:
            raise InvalidArgumentException(f"JobTemplate has no attribute {name!r}{nearest(str(name), _CHECKS)}")
        try:
            object.__setattr__(self, name, None if value is None else check(value))
        except TypeError as expected:
            given = repr(value)
            given = given if len(given) < 60 else given[:57] + "..."
            raise InvalidArgumentException(f"{name}: {expected} is expected, not {given}") from None

    def __eq__(self, other: object) -> bool:
        """By what is meant: a time may be a datetime or its text."""
        return self.to_dict() == other.to_dict() if isinstance(other, JobTemplate) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def checked(cls, values: Mapping[str, Any]) -> JobTemplate:
        """One of values that were checked before, as ``to_dict`` gave them: nothing is looked at again."""
        template = cls.__new__(cls)
        template.__dict__.update(_UNSET, **values)
        return template

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> JobTemplate:
        """The same as calling the class."""
        return cls(values)

    @classmethod
    def get_implementation_specific_keys(cls) -> list[str]:
        """The names our extensions go by, under ``implementation_specific``."""
        return list(EXTENSIONS)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        "remote_command working_directory job_category job_name input_path output_path error_path reservation_id"
        " queue_name accounting_id".split(),
        _text,
    ),
    **dict.fromkeys("submit_as_hold rerunnable email_on_started email_on_terminated join_files".split(), _flag),
    **dict.fromkeys("args email candidate_machines".split(), _words),
    **dict.fromkeys("min_slots max_slots min_phys_memory".split(), _positive),
    **dict.fromkeys("start_time deadline_time".split(), _when),
    **dict.fromkeys("stage_in_files stage_out_files".split(), _pairs),
    "priority": _whole,
    "job_environment": _environment,
    "machine_os": _member(OperatingSystem),
    "machine_arch": _member(CpuArchitecture),
    "resource_limits": _limits,
    "implementation_specific": _extensions,
}

_UNSET = dict.fromkeys(_CHECKS)

EXTENSIONS = (
    "contact user exposed_ports privileged restart ipc uts pid rm entrypoint network volumes devices gpus userns"
    " memory_limit cpus pull options after after_any retries retry_delay append"
).split()
"""Keys of ``implementation_specific``, canonical spelling."""

SPELLINGS = {"exposedPorts": "exposed_ports", "memoryLimit": "memory_limit", "retryDelay": "retry_delay"}
"""The seeds' spellings of the same keys."""


def extension(template: JobTemplate, name: str) -> Any:
    """An extension's value by its canonical name, whichever way it was spelled; None if unset."""
    values = template.implementation_specific
    if not values or name in values:
        return values[name] if values else None
    return next((values[other] for other, known in SPELLINGS.items() if known == name and other in values), None)


def extension_flag(template: JobTemplate, name: str) -> bool:
    """An extension that is true or false, also as text; InvalidArgumentException for anything else."""
    value = extension(template, name)
    if value is None:
        return False
    try:
        return _flag(value)
    except TypeError:
        raise InvalidArgumentException(f"{name}: true or false is expected, not {value!r}") from None
