"""Finds everything that is wrong with a template, for ``template check``."""

from __future__ import annotations

from collections.abc import Mapping

from proctracker.errors import Drmaa2Exception, InvalidArgumentException
from proctracker.model import SPELLINGS, JobTemplate
from proctracker.templates.spec import check_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator


def problems(values: Mapping[str, Any], check: Callable[[JobTemplate], None]) -> list[str]:
    """List what is wrong with the values, then what ``check`` says of the valid ones."""
    found: list[str] = []
    good: dict[str, Any] = {}
    for name, part in _parts(values):
        try:
            check_values(JobTemplate({name: part}))
        except InvalidArgumentException as error:
            found.append(error.message)
            continue
        good[name] = {**good.get(name, {}), **part} if isinstance(part, Mapping) else part
    try:
        left = JobTemplate(good)
    except InvalidArgumentException as error:
        return [*found, error.message]
    if found and not left.remote_command:
        left.remote_command = "true"  # it may be what is wrong, or yet to be named
    return [*found, *_checked(left, check)]


def _parts(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The attributes, those that are mappings in their items."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            for key, item in value.items():
                yield name, {key: item}
        else:
            yield name, value


def _checked(template: JobTemplate, check: Callable[[JobTemplate], None]) -> Iterator[str]:
    """What a check says, again and again without the attribute or extension that it named."""
    while True:
        try:
            return check(template)
        except Drmaa2Exception as error:
            yield error.message
            name = error.message.partition(":")[0]
            given = template.implementation_specific or {}
            rest = {key: value for key, value in given.items() if name not in (key, SPELLINGS.get(key, key))}
            if len(rest) < len(given):
                template.implementation_specific = rest or None
            elif name == "remote_command" and not template.remote_command:
                template.remote_command = "true"  # what else there is to say
            elif name in template.names() and getattr(template, name) is not None:
                setattr(template, name, None)
            else:
                return
