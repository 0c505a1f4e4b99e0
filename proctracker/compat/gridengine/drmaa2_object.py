"""Makes objects of the Grid Engine DRMAA2 binding from dictionaries, in its types."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from proctracker.compat.gridengine.drmaa2_constants import POSIX_EPOCH, Bool, Time
from proctracker.compat.gridengine.drmaa2_exceptions import InvalidArgument

_TIMES = ("ZERO_TIME", "INFINITE_TIME", "NOW")


class Field:
    """Describes an attribute, None when unset unless ``unset`` makes a value."""

    def __init__(self, unset: Any = None) -> None:
        self._unset = unset

    def __set_name__(self, owner: Any, name: str) -> None:
        self.name = name
        owner.fields = (*getattr(owner, "fields", ()), name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        found = instance.given.get(self.name)
        return (self._unset() if self._unset else None) if found is None else found

    def __set__(self, instance: Any, value: Any) -> None:
        try:
            instance.given[self.name] = None if value is None else self.take(value)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InvalidArgument(f"{self.name}: {value!r} is no value of it") from None

    def take(self, value: Any) -> Any:
        """What is kept of a value that is set."""
        return value

    def native(self, value: Any) -> Any:
        """What our classes take for what is kept."""
        return value


class Text(Field):
    """A text."""

    def take(self, value: Any) -> str:
        """Return the text, bytes decoded."""
        return value.decode() if isinstance(value, bytes) else str(value)


class Number(Field):
    """A whole number."""

    def take(self, value: Any) -> int:
        """The number."""
        return int(value)


class Real(Field):
    """A number."""

    def take(self, value: Any) -> float:
        """The number."""
        return float(value)


class Flag(Field):
    """Describes a flag, ``TRUE`` or ``FALSE`` and never unset."""

    def __init__(self) -> None:
        super().__init__(lambda: "FALSE")

    def take(self, value: Any) -> str:
        """The name of what was meant."""
        return Bool[value.upper()].name if isinstance(value, str) else Bool(bool(value)).name

    def native(self, value: Any) -> bool:
        """The truth of it."""
        return bool(value == "TRUE")


class Named(Field):
    """A member of an enumeration, which reads as its name."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self._kind = kind

    def take(self, value: Any) -> str | None:
        """Return the member's name, or None of the one that means unset."""
        member = self._kind[value] if isinstance(value, str) else self._kind(int(value))
        return None if member.value == -1 else str(member.name)


class Moment(Field):
    """A time: a naive datetime, which is UTC, or the name of a special one."""

    def take(self, value: Any) -> Any:
        """The same of a datetime with a zone, of seconds since 1970 and of a Time."""
        if isinstance(value, str):
            return Time[value].name if value in _TIMES else self.take(datetime.fromisoformat(value))
        if isinstance(value, datetime):
            return value if value.tzinfo is None else value.astimezone(timezone.utc).replace(tzinfo=None)
        seconds = int(value.total_seconds()) if isinstance(value, timedelta) else int(value)
        if seconds in (0, -1, -2, -3):
            return None if seconds == Time.UNSET_TIME else Time(seconds).name
        return POSIX_EPOCH + timedelta(seconds=seconds)

    def native(self, value: Any) -> Any:
        """Return an aware datetime, of special times by the C library's numbers."""
        return int(Time[value]) if isinstance(value, str) else value.replace(tzinfo=timezone.utc)


class Span(Moment):
    """A duration, which the binding shows as a time after 1970."""

    def native(self, value: Any) -> Any:
        """Seconds."""
        return int(Time[value]) if isinstance(value, str) else (value - POSIX_EPOCH).total_seconds()


class Words(Field):
    """A list of texts."""

    def __init__(self) -> None:
        super().__init__(list)

    def take(self, value: Any) -> list[str]:
        """The list."""
        if isinstance(value, (str, bytes)):
            raise TypeError("a list of texts")
        return [each.decode() if isinstance(each, bytes) else str(each) for each in value]


class Pairs(Field):
    """A mapping of texts."""

    def __init__(self) -> None:
        super().__init__(dict)

    def take(self, value: Any) -> dict[Any, Any]:
        """The mapping."""
        return dict(value)


class Drmaa2Object:
    """Base of the binding's objects. Unknown keys of a dictionary become attributes, as there."""

    fields: tuple[str, ...] = ()

    def __init__(self, values: Any = None) -> None:
        self.given: dict[str, Any] = {}
        if values is not None and not isinstance(values, dict):
            raise InvalidArgument(f"Invalid argument: {values}")
        self.from_dict(values)

    @classmethod
    def create_from_dict(cls, d: Any) -> Any:
        """Make an object of a dictionary, or return one of the class."""
        return d if isinstance(d, cls) else cls(d)

    def from_dict(self, d: dict[str, Any] | None) -> None:
        """Set attributes."""
        for name, value in (d or {}).items():
            setattr(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """What the attributes read as, less those that are None."""
        found = {name: getattr(self, name) for name in sorted(self.fields)}
        return {name: value for name, value in found.items() if value is not None}

    def native(self) -> dict[str, Any]:
        """What is set, as our classes take it."""
        kinds = {name: getattr(type(self), name) for name in self.fields}
        return {name: kinds[name].native(value) for name, value in self.given.items() if value is not None}

    @classmethod
    def scrub_dict(cls, d: dict[str, Any]) -> dict[str, Any]:
        """A dictionary less its Nones."""
        return {name: value for name, value in d.items() if value is not None}

    @classmethod
    def get_implementation_specific_keys(cls) -> list[str]:
        """The names of extensions."""
        return []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Drmaa2Object) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return str(self.to_dict())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"
