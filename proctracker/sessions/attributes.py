"""Reads and sets attributes by name (GFD.194 5.11, DrmaaReflective)."""

from __future__ import annotations

import json
import re
from typing import Any

from proctracker.errors import InvalidArgumentException
from proctracker.model import EXTENSIONS, SPELLINGS, JobTemplate, nearest
from proctracker.sessions.descriptions import DESCRIPTIONS, EXTENSION_DESCRIPTIONS

_IDL = {"machineOS": "machine_os", "machineOSVersion": "machine_os_version", "usersACL": "users_acl"}


def describe_attribute(instance: Any, name: str) -> str:
    """Say what an attribute means, or raise InvalidArgumentException for an unknown one."""
    kind = instance if isinstance(instance, type) else type(instance)
    found = _name(kind, instance, name)
    known = _described(kind)
    if found in known:
        return known[found]
    if kind is JobTemplate and found in EXTENSIONS:
        return EXTENSION_DESCRIPTIONS[found]
    text = getattr(getattr(kind, found, None), "__doc__", None)
    return (text or found.replace("_", " ")).strip().split("\n")[0]


def _described(kind: Any) -> dict[str, str]:
    """Attribute -> its description, of a class or the one it is made from."""
    return next((DESCRIPTIONS[base.__name__] for base in kind.__mro__ if base.__name__ in DESCRIPTIONS), {})


def get_instance_value(instance: Any, name: str) -> Any:
    """Return the value of an attribute or extension, None being UNSET."""
    found = _name(type(instance), instance, name)
    if isinstance(instance, JobTemplate) and found in EXTENSIONS:
        values = instance.implementation_specific or {}
        return next((values[key] for key in _spellings(found) if key in values), None)
    return getattr(instance, found)


def set_instance_value(instance: Any, name: str, value: Any) -> None:
    """Set an attribute, reading text as JSON where it is no text.

    Raises InvalidArgumentException as usual.
    """
    found = _name(type(instance), instance, name)
    if isinstance(instance, JobTemplate) and found in EXTENSIONS:
        values = {k: v for k, v in (instance.implementation_specific or {}).items() if k not in _spellings(found)}
        if value is not None:
            values[found] = value
        instance.implementation_specific = values or None
        return
    if not hasattr(instance, "names") and found in _described(type(instance)):
        raise InvalidArgumentException(f"{type(instance).__name__}.{found} cannot be set")
    try:
        setattr(instance, found, value)
    except AttributeError:
        raise InvalidArgumentException(f"{type(instance).__name__}.{found} cannot be set") from None
    except InvalidArgumentException:
        if not isinstance(value, str):
            raise
        _set_text(instance, found, value)


def _set_text(instance: Any, name: str, text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        value = (
            text.split(",") if "=" not in text else dict(pair.split("=", 1) for pair in text.split(",") if "=" in pair)
        )
    setattr(instance, name, value)


def _spellings(name: str) -> list[str]:
    return [name, *(other for other, known in SPELLINGS.items() if known == name)]


def _name(kind: Any, instance: Any, name: str) -> str:
    """An attribute's name as Python has it."""
    if not isinstance(name, str) or not name:
        raise InvalidArgumentException(f"name: an attribute's name is expected, not {name!r}")
    words = [name, _IDL.get(name) or re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m[1].lower(), name)]
    if kind is JobTemplate:
        words += [SPELLINGS[name]] if name in SPELLINGS else []
    known = known_names(kind)
    for word in words:
        if word in known:
            return word
    raise InvalidArgumentException(f"{kind.__name__} has no attribute {name!r}{nearest(words[-1], known)}")


def known_names(kind: Any) -> list[str]:
    """Return the attributes of a class, of templates the extensions, too."""
    if hasattr(kind, "names"):
        return [*kind.names(), *(EXTENSIONS if kind is JobTemplate else ())]
    found = [name for name in dir(kind) if not name.startswith("_") and isinstance(getattr(kind, name), property)]
    return [*found, *_described(kind)]
