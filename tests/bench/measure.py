"""How things are measured: side by side in pairs, medians, and a table that says what was wanted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table. ``factor`` is what the goal is about; ``better`` says which side of ``goal`` is wanted."""

    what: str
    ours: str
    bare: str
    factor: float
    goal: float
    unit: str
    better: str = "less"

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.factor <= self.goal if self.better == "less" else self.factor >= self.goal


def timed(call: Callable[[], object]) -> float:
    """Seconds one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def pairs(count: int, ours: Callable[[], object], bare: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Seconds of both calls, made in turns (each first every other time), so that both see the same machine."""
    found: tuple[list[float], list[float]] = ([], [])
    for index in range(count):
        for which in (0, 1) if index % 2 else (1, 0):
            found[which].append(timed((ours, bare)[which]))
    return found


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """What 95 of 100 stay below."""
    return sorted(values)[max(0, round(len(values) * 0.95) - 1)]


def milli(seconds: float) -> str:
    """Seconds as text in ms."""
    return f"{seconds * 1000:.2f} ms"


def rate(count: int, seconds: float) -> str:
    """Jobs a second as text."""
    return f"{count / seconds:.0f}/s"


def extra(what: str, ours: Sequence[float], bare: Sequence[float], goal_ms: float) -> Row:
    """A row about what ours takes longer than the bare call, by the median of the pairs' differences."""
    more = median([one - other for one, other in zip(ours, bare)]) * 1000
    return Row(what, milli(median(ours)), milli(median(bare)), more, goal_ms, "ms more")


def ratio(what: str, ours: Sequence[float], bare: Sequence[float], goal: float) -> Row:
    """A row about how many times the bare call's time ours takes, by the medians."""
    return Row(what, milli(median(ours)), milli(median(bare)), median(ours) / median(bare), goal, "x")


def absolute(what: str, ours: float, bare: str, goal_ms: float) -> Row:
    """A row about a time in itself, in seconds."""
    return Row(what, milli(ours), bare, ours * 1000, goal_ms, "ms")


_HEAD = ("what", "proctracker", "bare", "factor", "goal", "met")


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    lines = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(_HEAD))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return "\n".join([texts[0], "  ".join("-" * width for width in widths), *texts[1:]]) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    sign = "<=" if row.better == "less" else ">="
    factor, goal = f"{row.factor:.2f} {row.unit}", f"{sign} {row.goal:g} {row.unit}"
    return (row.what, row.ours, row.bare, factor, goal, "yes" if row.met else "NO")
