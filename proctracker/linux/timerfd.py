"""Wakes at a time of the wall clock, and when that clock is set (timerfd_create(2))."""

from __future__ import annotations

import os
import struct
import time

from proctracker.linux import libc

_ABSTIME, _CANCEL_ON_SET = 1, 2
_LONGEST = 2**31 - 1
"""Epoch seconds of what is due later still: an alarm then, whatever the width of time_t."""

_SPEC = struct.Struct("@4l")
"""struct itimerspec: interval, then value, each in seconds and nanoseconds."""


class Alarm:
    """Rings at a time, at a step of the clock and after a sleep, to be armed again."""

    def __init__(self) -> None:
        self._fd = libc.call("timerfd_create", time.CLOCK_REALTIME, os.O_CLOEXEC | os.O_NONBLOCK)

    def fileno(self) -> int:
        """The descriptor."""
        return self._fd

    def arm(self, epoch: float | None) -> None:
        """Ring at an epoch second, or with None only when the clock is set."""
        when = _LONGEST if epoch is None else min(max(epoch, 0.001), _LONGEST)
        seconds = int(when)
        # Zero would disarm it.
        spec = _SPEC.pack(0, 0, seconds, max(1, int((when - seconds) * 1e9)))
        libc.call("timerfd_settime", self._fd, _ABSTIME | _CANCEL_ON_SET, spec, None)

    def taken(self) -> None:
        """It rang: let it be quiet until it is armed again."""
        try:
            os.read(self._fd, 8)
        except OSError:
            pass  # ECANCELED: the clock was set; EAGAIN: it has been armed anew since it rang

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)
