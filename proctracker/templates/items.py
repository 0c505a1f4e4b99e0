"""Puts the fields of a line into a task's command, as GNU parallel does."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Sequence

_PLACE = r"\{(-?[1-9]\d{0,8})?\}"


def places(words: Iterable[str]) -> set[int]:
    """Return the places in a command: 0 for ``{}``, N for ``{N}``."""
    return {int(found or 0) for word in words if "{" in word for found in re.findall(_PLACE, word)}


def whole(fields: Sequence[str]) -> str:
    """Join the fields as ``{}`` and ``TASK_ITEM`` have them, with blanks."""
    return " ".join(fields)


def argv(words: Sequence[str], fields: Sequence[str]) -> list[str]:
    """Make a task's command of a command with places and the fields of a line.

    ``{}`` is all fields, ``{1}`` the first, ``{-1}`` the last. Where there is no place they are appended. A place that a short line has no field for is empty (parallel(1), ``--colsep``).
    """
    if not places(words):
        return [*words, *fields]

    def value(match: re.Match[str]) -> str:
        number = int(match[1] or 0)
        place = number - 1 if number > 0 else len(fields) + number
        return (fields[place] if 0 <= place < len(fields) else "") if number else whole(fields)

    return [re.sub(_PLACE, value, word) if "{" in word else word for word in words]
