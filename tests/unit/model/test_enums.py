"""The enumerations: the C binding's numbers, and the groups of states."""

from __future__ import annotations

import pytest

from proctracker import model
from proctracker.model import CpuArchitecture, DrmaaCapability, JobState, OperatingSystem, StatusCode


def test_states_are_numbered_as_in_c() -> None:
    words = "UNDETERMINED QUEUED QUEUED_HELD RUNNING SUSPENDED REQUEUED REQUEUED_HELD DONE FAILED"
    assert [each.name for each in JobState] == words.split()
    assert [int(each) for each in JobState] == list(range(9))


@pytest.mark.parametrize(
    ("group", "members"),
    [
        ("queued", "QUEUED QUEUED_HELD REQUEUED REQUEUED_HELD"),
        ("started", "RUNNING SUSPENDED REQUEUED REQUEUED_HELD"),
        ("ended", "DONE FAILED"),
    ],
)
def test_groups_of_states(group: str, members: str) -> None:
    assert [each.name for each in JobState if getattr(each, group)] == members.split()


@pytest.mark.parametrize(
    ("kind", "name", "number"),
    [
        (OperatingSystem, "LINUX", 3),
        (CpuArchitecture, "ARM64", 3),
        (CpuArchitecture, "X64", 8),
        (CpuArchitecture, "PPC64LE", 16),
        (DrmaaCapability, "RT_MACHINEARCH", 12),
        (StatusCode, "LASTERROR", 14),
    ],
)
def test_numbers_of_the_c_binding(kind: type[OperatingSystem], name: str, number: int) -> None:
    assert kind[name] == number
    assert len(set(kind)) == len(kind.__members__)


def test_short_names_and_constants() -> None:
    assert (model.Os, model.Cpu, model.Event) == (model.OperatingSystem, model.CpuArchitecture, model.DrmaaEvent)
    assert (model.ZERO_TIME, model.INFINITE_TIME, model.NOW) == (0, -1, -2)
    assert model.Time.INFINITE_TIME == model.INFINITE_TIME
    assert model.HOME_DIR == model.HOME_DIRECTORY == "$DRMAA2_HOME_DIR$"


def test_limits_are_their_own_names() -> None:
    assert all(each.value == each.name for each in model.ResourceLimitType)
    assert {model.ResourceLimitType.CPU_TIME: 1} == {"CPU_TIME": 1}
