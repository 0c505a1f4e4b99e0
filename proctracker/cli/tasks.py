"""Reads the tasks of ``array``: a range, or the lines of files and their fields."""

from __future__ import annotations

import itertools
import math
import os

from proctracker.cli.options import UsageError, meant, number, text, texts
from proctracker.errors import InvalidArgumentException
from proctracker.templates import items, quantities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence, Union

    from proctracker.cli.call import Call

    Items = Union[Sequence[str], Sequence[Sequence[str]]]

_LARGEST = 2**26
"""Bytes of a list of tasks, as a device may have no end."""


class Tasks:
    """Describes an array's tasks: ``indices``, the ``command`` and, of lines, an item each."""

    def __init__(self, call: Call) -> None:
        over = texts(call.values, "over")
        self.stdin = "-" in over
        """Whether standard input is a list of tasks."""
        self.items: Items | None = None
        if over:
            self.command = call.words
            found = _items(call, over)
            self.items, self.indices = found, list(range(1, len(found) + 1))
        elif call.words:
            self.command = call.words[1:]
            self.indices = _range(call)
        else:
            raise UsageError("array: say which tasks: array 1-10 CMD…, or array --over FILE CMD…")
        self.max_parallel = number(call.values, "max_parallel") or 0
        self.halt = _halt(text(call.values, "halt"), len(self.indices))


def _range(call: Call) -> list[int]:
    """Read ``1-10``, and ``1-10%2`` as ``1-10 --max-parallel 2``, as Slurm has it."""
    if "colsep" in call.values:
        raise UsageError("array: --colsep goes with --over")
    tasks, percent, at_once = call.words[0].partition("%")
    if percent and "max_parallel" in call.values:
        raise UsageError(f"array: %{at_once} and --max-parallel say the same: leave one out")
    if percent:
        call.values["max_parallel"] = at_once
    return meant(quantities.indices, tasks)


def _halt(word: str | None, tasks: int) -> int:
    """Return how many failures end the array, ``N%`` of its tasks rounded up, or 0."""
    if word is None:
        return 0
    given = word[:-1] if word.endswith("%") else word
    found = number({"halt": given}, "halt", least=1) or 0
    if given == word:
        return found
    if found > 100:
        raise UsageError(f"--halt: 1% to 100% is expected, not {word!r}")
    return max(1, math.ceil(tasks * found / 100))


def _items(call: Call, paths: Sequence[str]) -> Items:
    """Return an item for each task: a line, or the fields that make its command."""
    if paths.count("-") > 1 or ("-" in paths and text(call.values, "input") == "-"):
        raise UsageError("array: standard input can be read once only")
    separator = text(call.values, "colsep")
    if separator == "":
        raise UsageError("array: --colsep: a separator is expected, such as , or \\t")
    places = items.places(call.words)
    sources = [_lines(path) for path in paths]
    count = math.prod(map(len, sources))
    if count > quantities.LARGEST_ARRAY:
        raise UsageError(f"array: {count} tasks: an array has at most {quantities.LARGEST_ARRAY}")
    if separator is None and len(paths) == 1 and not places:
        return sources[0]
    parted = [[_fields(line, separator) for line in source] for source in sources]
    found = [list(itertools.chain(*each)) for each in itertools.product(*parted)]
    if not all(items.argv(call.words, each)[0] for each in found if call.words):
        raise UsageError("array: the command of a line is empty")
    most = max(map(len, found))
    if any(abs(place) > most for place in places):
        lacking = max(places, key=abs)
        raise UsageError(f"array: {{{lacking}}}: no line has more than {most} field{'s' if most > 1 else ''}")
    return found


def _fields(line: str, separator: str | None) -> list[str]:
    """Split a line into fields, ``\\t`` being how a tab is typed."""
    return [line] if separator is None else line.split(separator.replace("\\t", "\t"))


def _lines(path: str) -> list[str]:
    """Return the lines of a file, or of standard input, that are not empty."""
    with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
        read = file.read(_LARGEST + 1)
    if len(read) > _LARGEST:
        raise InvalidArgumentException(f"array: {path} is larger than {_LARGEST >> 20} MiB: that is no list of tasks")
    lines = os.fsdecode(read).split("\n")
    found = [line[:-1] if line.endswith("\r") else line for line in lines if line.strip()]
    for place, line in enumerate(lines, 1):
        if "\0" in line:
            raise UsageError(f"array: {path}, line {place} holds a NUL byte, which no argument can")
    if not found:
        raise UsageError(f"array: {path} holds no task: a line is expected for each")
    return found
