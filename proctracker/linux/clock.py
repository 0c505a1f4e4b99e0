"""Measures durations by CLOCK_BOOTTIME, which nobody can set and a sleep does not stop."""

from __future__ import annotations

import time


def boottime() -> float:
    """Seconds since the kernel started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def at(epoch: float) -> float:
    """Return what ``boottime`` was at an epoch second, never later than now."""
    return boottime() - max(0.0, time.time() - epoch)


def since(boot_seconds: float) -> float:
    """The epoch second at which ``boottime`` was that much, as the wall clock is set now."""
    return time.time() - (boottime() - boot_seconds)
