"""Bounds the container starts that are under way at once, as engines get slower beyond that."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


class Bound:
    """Counts starts, and calls ``then`` when one is over."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self._starts = 0
        self.limit = 2 * len(os.sched_getaffinity(0))

    @property
    def reached(self) -> bool:
        """Whether what an engine starts has to wait."""
        return self._starts >= self.limit

    def begun(self) -> None:
        """Count a start that begins."""
        self._starts += 1

    def over(self) -> None:
        """Count one that is over, well or not."""
        self._starts -= 1
        self._then()
