"""Waiting for descriptors to become readable, for clients that have no loop."""

from __future__ import annotations

import math
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

_LONGEST = 2**31 - 1
"""Milliseconds that poll(2) can count."""


def readable(fds: Sequence[int], timeout: float | None) -> list[int]:
    """Return which descriptors can be read within so many seconds (None: no limit).

    There may be any number, unlike with select(2).
    """
    left = None if timeout is None else math.ceil(timeout * 1000)
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    while True:
        part = None if left is None else min(left, _LONGEST)
        found = poll.poll(part)
        if found or left is None or left == part:
            return [fd for fd, _ in found]
        left -= _LONGEST
