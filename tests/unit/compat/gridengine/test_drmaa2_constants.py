"""The binding's constants."""

from __future__ import annotations

import pickle
from datetime import datetime

from proctracker.compat.gridengine import drmaa2_constants as const


def test_values() -> None:
    assert datetime(1970, 1, 1) == const.POSIX_EPOCH and const.POSIX_EPOCH.tzinfo is None
    assert (const.Time.INFINITE_TIME, const.Time.NOW, const.UNSET_PRIORITY) == (-1, -2, -99999)
    assert (const.JobState.RUNNING_HELD, const.JobState.UNSET_JSTATE) == (9, -1)
    assert (const.Os.LINUX, const.Cpu.PPC64LE, const.Capability.RT_MACHINEARCH) == (3, 16, 12)
    assert (const.Os.UNSET_OS, const.Event.ATTRIBUTE_CHANGE, const.StatusCode.AUTHORIZATION) == (-1, 2, 14)
    assert const.ResourceLimit.CPU_TIME.value == "CPU_TIME" and const.ListType.RESERVATIONLIST == 5


def test_they_pickle() -> None:
    for member in (const.Os.LINUX, const.JobState.DONE, const.Bool.TRUE):
        assert pickle.loads(pickle.dumps(member)) is member
