"""What the structures of DRMAA2 share: fields by name, unknown ones refused with the nearest known, dicts both ways."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from proctracker.errors import InvalidArgumentException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable, Iterable, TypeVar

    S = TypeVar("S", bound="Struct")

_PLAIN = (str, int, float, bool)


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean X?)`` if one of the known words is near, else nothing."""
    import difflib

    found = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {found[0]}?)" if found else ""


class Struct:
    """Base of the data classes: ``Type({...})``, ``Type(**values)``, ``to_dict``, ``from_dict``, refusal of unknown names."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The attributes, in the specification's order and ours after it."""
        found: tuple[str, ...] = cls.__match_args__  # type: ignore[attr-defined]
        return found

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
        """An ``__init__`` that takes a mapping too; InvalidArgumentException names an unknown key and the nearest known one."""
        known = cls.names()

        def __init__(self: Any, *args: Any, **values: Any) -> None:
            if args and isinstance(args[0], Mapping):
                values, args = {**args[0], **values}, args[1:]
            for key in values:
                if key not in known:
                    raise InvalidArgumentException(f"{cls.__name__} has no attribute {key!r}{nearest(str(key), known)}")
            made(self, *args, **values)

        return __init__

    def to_dict(self) -> dict[str, Any]:
        """The attributes that are set, as plain data: enums by name, times as ISO 8601, durations in seconds."""
        values = ((name, getattr(self, name)) for name in self.names())
        return {name: plain(value) for name, value in values if value is not None}

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.names():
            kind = type(self).__name__
            raise InvalidArgumentException(f"{kind} has no attribute {name!r}{nearest(name, self.names())}")
        object.__setattr__(self, name, value)


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
