"""Makes what dataclasses and typing give in a tenth of the time and memory."""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass as record
    from dataclasses import field, replace
    from typing import Any, NamedTuple
else:

    def record(cls=None, *, frozen=False):
        """Give a class what ``dataclasses.dataclass`` would: init, comparison, repr, hash if frozen."""
        if cls is None:
            return lambda it: record(it, frozen=frozen)
        names = tuple(cls.__annotations__)
        defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
        cls.__match_args__ = names
        cls.__dataclass_fields__ = _Fields(names, defaults)
        for name, default in defaults.items():
            if isinstance(default, _Factory):
                delattr(cls, name)
        if "__init__" not in cls.__dict__:
            cls.__init__ = _first(cls, names, defaults)
        if cls.__repr__ is object.__repr__:
            cls.__repr__ = _repr
        if "__eq__" not in cls.__dict__:
            cls.__eq__ = _eq
        cls.__hash__ = _hash if frozen else None
        if frozen:
            cls.__setattr__ = cls.__delattr__ = _refuse
        return cls

    def field(*, default_factory):
        """A default that is made anew for each record."""
        return _Factory(default_factory)

    def replace(it, **changes):
        """Copy a record with some values changed, without checks."""
        copy = object.__new__(type(it))
        copy.__dict__.update(it.__dict__, **changes)
        return copy

    class _Named(type):
        """Makes tuple classes with the names, defaults, methods and docstring written there."""

        def __new__(meta, name, bases, space):
            if not bases:
                return super().__new__(meta, name, bases, space)
            names = [*space["__annotations__"]]
            made = namedtuple(name, names, defaults=[space[each] for each in names if each in space])
            for key in space.keys() - {*names, "__annotations__", "__qualname__", "__classcell__"}:
                setattr(made, key, space[key])
            return made

    class NamedTuple(metaclass=_Named):
        """As typing's."""


__all__ = ["NamedTuple", "field", "record", "replace"]


class _Factory:
    """What makes a default."""

    def __init__(self, make: Any) -> None:
        self.make = make


class _Fields:
    """Makes ``__dataclass_fields__`` when asked for, so that dataclasses take a record."""

    def __init__(self, names: tuple[str, ...], defaults: dict[str, Any]) -> None:
        self._names, self._defaults = names, defaults

    def __get__(self, instance: object, owner: type) -> Any:
        import dataclasses

        found: list[Any] = []
        for name in self._names:
            default = self._defaults.get(name, dataclasses.MISSING)
            made = isinstance(default, _Factory)
            how = dataclasses.field(default_factory=default.make) if made else dataclasses.field(default=default)
            found.append((name, object, how))
        plain: Any = dataclasses.make_dataclass(owner.__name__, found)
        return plain.__dataclass_fields__


def _first(cls: Any, names: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    """Return an ``__init__`` that puts the real one in its place.

    Most commands make few of the kinds of records there are.
    """

    def __init__(self: Any, *args: Any, **values: Any) -> None:
        made = _init(names, defaults)
        cls.__init__ = cls.wrapped(made) if hasattr(cls, "wrapped") else made
        cls.__init__(self, *args, **values)

    return __init__


def _init(names: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    """Make an ``__init__`` of these parameters, past a ``__setattr__`` that may refuse or check."""
    known: dict[str, Any] = {"_d": defaults, "_Factory": _Factory}
    parameters, lines = [], []
    for name in names:
        made = isinstance(defaults.get(name), _Factory)
        parameters.append(f"{name}=_d[{name!r}]" if name in defaults else name)
        value = f"_d[{name!r}].make() if {name}.__class__ is _Factory else {name}" if made else name
        lines.append(f"_s[{name!r}] = {value}")
    body = "\n ".join(["_s = self.__dict__", *lines])
    exec(f"def __init__(self, {', '.join(parameters)}):\n {body}", known)  # noqa: S102 (names of our own classes)
    return known["__init__"]


def _values(it: Any) -> tuple[Any, ...]:
    return tuple(getattr(it, name) for name in it.__match_args__)


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in zip(self.__match_args__, _values(self)))
    return f"{type(self).__qualname__}({shown})"


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse(self: Any, name: str, *value: Any) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{type(self).__name__} does not change: {name}")
