"""Describes attributes as the DRMAA 1 binding has them (module ``drmaa.helpers``)."""

from __future__ import annotations

import os
from collections import namedtuple
from typing import Any, Callable, Iterable, Iterator

from proctracker.compat.drmaa1 import const, errors, times
from proctracker.compat.drmaa1.active import active

_LIMITS = {const.WCT_HLIMIT, const.DURATION_HLIMIT}
_SOFT = {const.WCT_SLIMIT, const.DURATION_SLIMIT}
_TIMES = {const.START_TIME, const.DEADLINE_TIME}
_SUBMISSIONS = (const.SUBMISSION_STATE_ACTIVE, const.SUBMISSION_STATE_HOLD)
_SCALARS = (
    const.REMOTE_COMMAND,
    const.JS_STATE,
    const.WD,
    const.JOB_CATEGORY,
    const.NATIVE_SPECIFICATION,
    const.BLOCK_EMAIL,
    const.START_TIME,
    const.JOB_NAME,
    const.INPUT_PATH,
    const.OUTPUT_PATH,
    const.ERROR_PATH,
    const.JOIN_FILES,
    const.TRANSFER_FILES,
    const.DEADLINE_TIME,
    const.WCT_HLIMIT,
    const.DURATION_HLIMIT,
)
_VECTORS = (const.V_ARGV, const.V_ENV, const.V_EMAIL)


class Version(namedtuple("Version", "major minor")):
    """Holds a version of DRMAA, in text ``1.0``."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


def text_of(value: Any) -> str:
    """A text given as such, as bytes or as a path. TypeError for anything else."""
    return os.fsdecode(value)


class BoolConverter:
    """True and false as the C library has them."""

    def __init__(self, true: str | bytes = b"y", false: str | bytes = b"n") -> None:
        self.true, self.false = os.fsencode(true), os.fsencode(false)

    def to_drmaa(self, value: Any) -> bytes:
        """The C library's word."""
        return self.true if value else self.false

    def from_drmaa(self, value: bytes) -> bool:
        """What the word means."""
        return value == self.true


class IntConverter:
    """Whole numbers as the C library has them."""

    @staticmethod
    def to_drmaa(value: Any) -> bytes:
        """The C library's word."""
        return str(value).encode()

    @staticmethod
    def from_drmaa(value: bytes) -> int | None:
        """Return what the word means, None for an unset attribute."""
        return times.seconds(value.decode()) if value else None


class SessionStringAttribute:
    """A text of the session, read on the class as on an object."""

    def __init__(self, function: Callable[[], str]) -> None:
        self._function = function

    def __get__(self, instance: object, owner: object = None) -> str:
        return self._function()


class SessionVersionAttribute:
    """The version of DRMAA, read on the class as on an object."""

    def __get__(self, instance: object, owner: object = None) -> Version:
        return Version(1, 0)


class Attribute:
    """An attribute of a job template that is one text. Unset it is the empty text."""

    def __init__(self, name: str | bytes, type_converter: Any = None) -> None:
        self.name = os.fsencode(name)
        self.converter = type_converter

    def __set__(self, instance: Any, value: Any) -> None:
        name = self.name.decode()
        if value is None:
            errors.raise_code(errors.ARGUMENT, f"{name}: None is no value")
        try:
            given = text_of(self.converter.to_drmaa(value) if self.converter else value)
            _check(self.name, given)
        except (TypeError, ValueError) as error:
            code = errors.FORMAT if isinstance(error, ValueError) else errors.VALUE
            errors.raise_code(code, f"{name}: {error}")
        instance.values[self.name] = given

    def __get__(self, instance: Any, owner: object = None) -> Any:
        if instance is None:
            return self
        found = instance.values.get(self.name, "")
        return self.converter.from_drmaa(os.fsencode(found)) if self.converter else found


def _check(name: bytes, value: str) -> None:
    """Raise what is wrong with a value when it is set, ValueError for its form."""
    if "\0" in value:
        raise ValueError("it holds a NUL byte")
    if name == const.JS_STATE and value not in _SUBMISSIONS:
        errors.raise_code(errors.VALUE, f"{name.decode()}: one of {' '.join(_SUBMISSIONS)} is expected, not {value!r}")
    elif name in _TIMES:
        times.stamp(value)
    elif name in _LIMITS:
        times.seconds(value)
    elif name in _SOFT:
        errors.raise_code(errors.ARGUMENT, f"{name.decode()}: there are no soft limits: set the hard one")


class VectorAttribute:
    """An attribute of a job template that is a list of texts."""

    def __init__(self, name: str | bytes) -> None:
        self.name = os.fsencode(name)

    def __set__(self, instance: Any, value: Iterable[Any]) -> None:
        instance.values[self.name] = string_vector(value)

    def __get__(self, instance: Any, owner: object = None) -> Any:
        return self if instance is None else list(instance.values.get(self.name, ()))


class DictAttribute:
    """An attribute of a job template that is a mapping of texts."""

    def __init__(self, name: str | bytes) -> None:
        self.name = os.fsencode(name)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.values[self.name] = dict(zip(string_vector(value.keys()), string_vector(value.values())))

    def __get__(self, instance: Any, owner: object = None) -> Any:
        return self if instance is None else dict(instance.values.get(self.name, ()))


def string_vector(values: Iterable[Any]) -> list[str]:
    """Texts of whatever was given: bytes decoded, everything else as ``str`` has it."""
    return [os.fsdecode(each) if isinstance(each, (str, bytes)) else str(each) for each in values]


def attribute_names_iterator() -> Iterator[str]:
    """The names of the attributes that are one text."""
    active()
    return (name.decode() for name in _SCALARS)


def vector_attribute_names_iterator() -> Iterator[str]:
    """The names of the attributes that are several."""
    active()
    return (name.decode() for name in _VECTORS)


def run_bulk_job(jt: Any, start: int, end: int, incr: int = 1) -> Iterator[str]:
    """Submit an array, and return the ids of its tasks."""
    from proctracker.compat.drmaa1 import submission

    return iter(submission.bulk(jt, start, end, incr))
