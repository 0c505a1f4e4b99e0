"""What the tasks of an array are made of: a line's fields, and where a command has them, as GNU parallel writes it."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Sequence

_PLACE = r"\{(-?[1-9]\d{0,8})?\}"


def places(words: Iterable[str]) -> set[int]:
    """The places in a command: 0 for ``{}``, N for ``{N}``; empty: it has none."""
    return {int(found or 0) for word in words if "{" in word for found in re.findall(_PLACE, word)}


def whole(fields: Sequence[str]) -> str:
    """What ``{}`` and ``TASK_ITEM`` are: the fields, a blank between two."""
    return " ".join(fields)


def argv(words: Sequence[str], fields: Sequence[str]) -> list[str]:
    """A task's command: ``{}`` is all its fields, ``{1}`` the first, ``{-1}`` the last; without any they are appended.

    A place that a short line has no field for is empty (parallel(1), ``--colsep``).
    """
    if not places(words):
        return [*words, *fields]

    def value(match: re.Match[str]) -> str:
        number = int(match[1] or 0)
        place = number - 1 if number > 0 else len(fields) + number
        return (fields[place] if 0 <= place < len(fields) else "") if number else whole(fields)

    return [re.sub(_PLACE, value, word) if "{" in word else word for word in words]
