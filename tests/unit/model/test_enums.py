"""The enumerations: the C binding's numbers, and the groups of states."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from enum import IntEnum
from pathlib import Path

import pytest

import proctracker
from proctracker import model
from proctracker.model import CpuArchitecture, DrmaaCapability, JobState, OperatingSystem, StatusCode, enums


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


def test_limits_are_numbered_as_in_c() -> None:
    words = "CORE_FILE_SIZE CPU_TIME DATA_SIZE FILE_SIZE OPEN_FILES STACK_SIZE VIRTUAL_MEMORY WALLCLOCK_TIME"
    assert [each.name for each in model.ResourceLimitType] == words.split()
    assert [int(each) for each in model.ResourceLimitType] == list(range(8))


@pytest.mark.parametrize(
    "kind", [each for each in vars(enums).values() if isinstance(each, type) and issubclass(each, IntEnum)]
)
def test_members_are_shown_by_their_names(kind: type[IntEnum]) -> None:
    for each in kind:
        assert str(each) == f"{each}" == "%s" % each == "{}".format(each) == each.name  # noqa: UP031, UP032
        assert f"{each:>30}" == each.name.rjust(30)
        assert (f"{each:03d}", "%d" % each, json.dumps(each)) == (f"{int(each):03d}", str(int(each)), str(int(each)))  # noqa: UP031
        assert repr(each) == f"<{kind.__name__}.{each.name}: {int(each)}>"
        assert pickle.loads(pickle.dumps(each)) is each


def test_members_are_shown_by_their_names_on_every_python() -> None:
    code = "from proctracker import JobState as S; print(S.DONE, f'{S.DONE}', f'{S.DONE:>6}|{S.DONE:d}', '%s' % S.DONE)"
    root = Path(proctracker.__file__).parents[1]
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [*versions.glob("3.9.*/bin/python"), *versions.glob("3.1?.*/bin/python")]
    for python in [Path(sys.executable), *found]:
        done = subprocess.run([python, "-c", code], cwd=root, capture_output=True, text=True, check=True)
        assert done.stdout == "DONE DONE   DONE|7 DONE\n", python
