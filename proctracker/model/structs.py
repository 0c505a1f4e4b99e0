"""Gives DRMAA2's structures fields by name, refusal of unknown ones, and dicts both ways."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from proctracker.errors import InvalidArgumentException
from proctracker.model.enums import NOW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable, Iterable, TypeVar

    S = TypeVar("S", bound="Struct")

_PLAIN = (str, int, float, bool)


def instant(value: Any) -> datetime:
    """Return an aware UTC datetime of a datetime (naive is local), epoch seconds or ISO 8601.

    Raises ValueError for others.
    """
    import re
    from datetime import datetime, timezone

    try:
        if isinstance(value, str):
            text = re.sub(r"[zZ]$", "+00:00", value.strip())
            value = datetime.fromisoformat(re.sub(r"\.(\d{1,6})", lambda m: "." + m[1].ljust(6, "0"), text))
        if isinstance(value, datetime):
            return value.astimezone(timezone.utc)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, timezone.utc)
    except (OverflowError, OSError) as error:
        raise ValueError(str(error)) from None
    raise ValueError(f"{shown(value)} is no time")


def shown(value: Any) -> str:
    """A value as a message has it: its beginning, where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python prints no number of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) < 60 else text[:57] + "..."


def written(value: Any) -> str:
    """Write a value as text, also a number that Python does not write."""
    try:
        return str(value)
    except ValueError:
        return "a number of thousands of digits"


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean X?)`` if one of the known words is near, else nothing."""
    import difflib

    found = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {found[0]}?)" if found else ""


class Struct:
    """Is the base of the data classes, as ``Type({...})``, ``Type(**values)``, ``from_dict``."""

    reads: Mapping[str, Callable[[Any], Any]] = {}
    """Attribute -> what converts a value, or raises TypeError saying what is expected."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The attributes, in the specification's order and ours after it."""
        found: tuple[str, ...] = cls.__match_args__  # type: ignore[attr-defined]
        return found

    @classmethod
    def near(cls, word: str) -> str:
        """What to say besides of an attribute that there is not."""
        return nearest(word, cls.names())

    @classmethod
    def from_dict(cls: type[S], values: Mapping[str, Any]) -> S:
        """The same as calling the class."""
        return cls(values)  # type: ignore[call-arg]

    @classmethod
    def get_implementation_specific_keys(cls) -> list[str]:
        """The attributes that are ours, not the specification's."""
        return []

    @classmethod
    def wrapped(cls, made: Callable[..., None]) -> Callable[..., None]:
        """Make an ``__init__`` that takes a mapping too.

        InvalidArgumentException names an unknown key and the nearest known one.
        """
        known = cls.names()

        def __init__(self: Any, *args: Any, **values: Any) -> None:
            if args and isinstance(args[0], Mapping):
                values, args = {**args[0], **values}, args[1:]
            for key in values:
                if key not in known:
                    raise InvalidArgumentException(f"{cls.__name__} has no attribute {key!r}{cls.near(str(key))}")
            made(self, *args, **values)
            for name in cls.reads:
                self.__dict__[name] = self._read(name, self.__dict__[name])

        return __init__

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes that are set as plain data.

        Enums by name, times as ISO 8601, durations in seconds.
        """
        values = ((name, getattr(self, name)) for name in self.names())
        return {name: plain(value) for name, value in values if value is not None}

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.names():
            kind = type(self).__name__
            raise InvalidArgumentException(f"{kind} has no attribute {name!r}{self.near(str(name))}")
        object.__setattr__(self, name, self._read(name, value))

    def _read(self, name: str, value: Any) -> Any:
        """A value as the attribute has it. Raises InvalidArgumentException that names both."""
        read = self.reads.get(name)
        if read is None or value is None:
            return value
        try:
            try:
                return read(value)
            except TypeError as expected:
                raise InvalidArgumentException(f"{name}: {expected} is expected, not {shown(value)}") from None
        except RecursionError:
            raise InvalidArgumentException(f"{name}: its value is within itself, or nested too deep") from None

    def __repr__(self) -> str:
        values = ((name, getattr(self, name)) for name in self.names())
        shown = ", ".join(f"{name}={value!r}" for name, value in values if value is not None)
        return f"{type(self).__name__}({shown})"


def member(kind: Any, several: bool = False) -> Callable[[Any], Any]:
    """Return what reads a member by itself, its name or number, with ``several`` a list."""

    def read(value: Any) -> Any:
        if value.__class__ is kind:
            return value
        if several and isinstance(value, (list, tuple, set, frozenset)):
            return [read(each) for each in value]
        if isinstance(value, str) and value.upper() in kind.__members__:
            return kind[value.upper()]
        if isinstance(value, int) and not isinstance(value, bool) and value in set(kind):
            return kind(value)
        raise TypeError(f"one of {' '.join(kind.__members__)}")

    return read


def when(value: Any) -> datetime | int | str:
    """Return what reads a time as UTC, leaving NOW and what counts from now as they are."""
    if isinstance(value, str) and (value.strip().startswith("+") or value.strip().lower() == "now"):
        return value
    if hasattr(value, "total_seconds"):
        return f"+{value.total_seconds():f}"
    if value == NOW:
        return NOW
    try:
        return instant(value)
    except ValueError:
        raise TypeError("a time (a datetime, epoch seconds, ISO 8601 as 2026-01-31T18:00, +DURATION as +10m)") from None


def seconds_of(value: Any) -> Any:
    """What reads a duration: seconds, or a timedelta."""
    return value.total_seconds() if hasattr(value, "total_seconds") else value


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if value is None or value.__class__ in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Struct):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    from datetime import datetime, timedelta, timezone

    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.total_seconds() if isinstance(value, timedelta) else value


def moment(epoch: float | None) -> datetime | None:
    """Epoch seconds as an aware datetime in UTC."""
    from datetime import datetime, timezone

    return None if epoch is None else datetime.fromtimestamp(epoch, timezone.utc)
