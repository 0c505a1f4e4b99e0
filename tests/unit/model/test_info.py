"""JobInfo and its like, as data and as filters."""

from __future__ import annotations

import json
import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import (
    CpuArchitecture,
    DrmaaEvent,
    JobInfo,
    JobState,
    MachineInfo,
    Notification,
    OperatingSystem,
    QueueInfo,
    ReservationInfo,
    SlotInfo,
    Version,
    matches,
)

_NOON = datetime(2026, 1, 31, 12, 0, 0, 5, timezone.utc)


def test_the_specifications_attributes_come_first() -> None:
    assert JobInfo.names()[:5] == ("job_id", "job_name", "exit_status", "terminating_signal", "annotation")
    assert JobInfo.names().index("finish_time") == 16
    assert all(getattr(JobInfo(), name) is None for name in JobInfo.names())


def test_an_info_as_plain_data() -> None:
    info = JobInfo(job_id="42", job_state=JobState.DONE, finish_time=_NOON, wallclock_time=1.25, command=["a", "b"])
    plain = info.to_dict()
    assert json.loads(json.dumps(plain)) == {
        "job_id": "42",
        "job_state": "DONE",
        "finish_time": "2026-01-31T12:00:00.000005Z",
        "wallclock_time": 1.25,
        "command": ["a", "b"],
    }
    assert pickle.loads(pickle.dumps(info)) == info


def test_structures_within_structures() -> None:
    machine = MachineInfo("n1", machine_os=OperatingSystem.LINUX, machine_os_version=Version("6", "1"))
    assert machine.to_dict() == {
        "name": "n1",
        "machine_os": "LINUX",
        "machine_os_version": {"major": "6", "minor": "1"},
    }
    assert str(machine.machine_os_version) == "6.1"
    assert ReservationInfo(reserved_machines=[SlotInfo("n1", 2)]).to_dict() == {
        "reserved_machines": [{"machine_name": "n1", "slots": 2}]
    }
    assert Notification(DrmaaEvent.NEW_STATE, "4").to_dict() == {"event": "NEW_STATE", "job_id": "4"}


def test_a_mapping_is_as_good_as_names() -> None:
    assert JobInfo({"job_id": "1"}, exit_status=3) == JobInfo(job_id="1", exit_status=3) == JobInfo("1", None, 3)
    assert SlotInfo({"machine_name": "m"}) == SlotInfo("m") == SlotInfo.from_dict({"machine_name": "m"})
    for build in (lambda: JobInfo(exit_statu=3), lambda: JobInfo({"exit_statu": 3})):  # type: ignore[call-arg, arg-type]
        with pytest.raises(InvalidArgumentException, match="did you mean exit_status"):
            build()


@pytest.mark.parametrize("given", ["RUNNING", "running", 3, JobState.RUNNING])
def test_states_are_members_however_they_are_given(given: Any) -> None:
    info = JobInfo(job_state=given)
    assert info.job_state is JobInfo({"job_state": given}).job_state is JobState.RUNNING
    info.job_state = given
    assert info.job_state is JobState.RUNNING
    assert Notification(job_state=given).job_state is JobState.RUNNING
    several: Any = ["DONE", given]
    assert JobInfo(job_state=several).job_state == [JobState.DONE, JobState.RUNNING]


def test_other_values_are_read_too() -> None:
    values: dict[str, Any] = {
        "wallclock_time": timedelta(minutes=1.5),
        "finish_time": "2026-01-31T13:00:00.000005+01:00",
    }
    info = JobInfo(values)
    assert (info.wallclock_time, info.finish_time) == (90.0, _NOON)
    machine: dict[str, Any] = {"machine_os": "LINUX", "machine_arch": 8}
    assert (MachineInfo(machine).machine_os, MachineInfo(machine).machine_arch) == (
        OperatingSystem.LINUX,
        CpuArchitecture.X64,
    )
    for name, value in (("job_state", "RUNING"), ("job_state", 99), ("finish_time", "noon")):
        with pytest.raises(InvalidArgumentException, match=rf"^{name}: .* is expected, not {value!r}"):
            JobInfo({name: value})


def test_what_is_set_is_shown() -> None:
    assert repr(JobInfo(job_id="4", exit_status=0, job_state=JobState.DONE)) == (
        "JobInfo(job_id='4', exit_status=0, job_state=<JobState.DONE: 7>)"
    )
    assert repr(JobInfo()) == "JobInfo()"


def test_what_is_ours_is_told() -> None:
    assert JobInfo.get_implementation_specific_keys()[:2] == ["session_name", "contact"]
    assert Notification.get_implementation_specific_keys() == ["job_sub_state", "time"]
    assert QueueInfo.get_implementation_specific_keys() == []


@pytest.mark.parametrize("kind", [JobInfo, QueueInfo, Version, MachineInfo])
def test_unknown_names_are_refused_with_the_nearest(kind: Any) -> None:
    known = kind.names()[0]
    near = known + "s"
    with pytest.raises(InvalidArgumentException, match=rf"{kind.__name__} .*'{near}'.*did you mean {known}"):
        setattr(kind(), near, 1)
    with pytest.raises(InvalidArgumentException, match=f"did you mean {known}"):
        kind.from_dict({near: 1})
    assert getattr(kind.from_dict({known: "1"}), known) == "1"


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({}, True),
        ({"job_state": JobState.RUNNING}, True),
        ({"job_state": JobState.DONE}, False),
        ({"job_name": "night", "slots": 2}, True),
        ({"job_name": "night", "slots": 1}, False),
        ({"wallclock_time": 9.5}, True),
        ({"wallclock_time": 10.5}, False),
        ({"cpu_time": 0.0}, False),
        ({"submission_time": _NOON - timedelta(seconds=1)}, True),
        ({"submission_time": _NOON + timedelta(seconds=1)}, False),
        ({"allocated_machines": ["n1"]}, True),
        ({"allocated_machines": ["n1", "n3"]}, False),
        ({"annotation": "never a criterion"}, True),
    ],
)
def test_filters(wanted: dict[str, Any], fits: bool) -> None:
    info = JobInfo(
        job_name="night",
        job_state=JobState.RUNNING,
        slots=2,
        wallclock_time=10.0,
        submission_time=_NOON,
        allocated_machines=["n1", "n2"],
    )
    assert matches(info, wanted) is fits
