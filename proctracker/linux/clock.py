"""The clock of durations, CLOCK_BOOTTIME: nobody can set it, it counts while the machine sleeps, and it ends with the boot."""

from __future__ import annotations

import time


def boottime() -> float:
    """Seconds since the kernel started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def at(epoch: float) -> float:
    """What ``boottime`` was at an epoch second, as the wall clock is set now; never later than now."""
    return boottime() - max(0.0, time.time() - epoch)


def since(boot_seconds: float) -> float:
    """The epoch second at which ``boottime`` was that much, as the wall clock is set now."""
    return time.time() - (boottime() - boot_seconds)
