"""Resource limits by DRMAA2's names and units."""

from __future__ import annotations

import resource
from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import ResourceLimitType
from proctracker.templates import limits


def test_every_limit_is_one_of_setrlimits() -> None:
    assert {*limits.RLIMITS, "WALLCLOCK_TIME"} == set(ResourceLimitType.__members__)
    assert all(hasattr(resource, f"RLIMIT_{name}") for name, _ in limits.RLIMITS.values())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"DATA_SIZE": 2}, {"DATA": 2048}),
        ({"DATA_SIZE": "2"}, {"DATA": 2048}),
        ({"VIRTUAL_MEMORY": "2G"}, {"AS": 2 * 2**30}),
        ({"STACK_SIZE": 1.5}, {"STACK": 1536}),
        ({"CORE_FILE_SIZE": 0, "FILE_SIZE": "1m"}, {"CORE": 0, "FSIZE": 2**20}),
        ({"CPU_TIME": 90}, {"CPU": 90}),
        ({"CPU_TIME": "1h"}, {"CPU": 3600}),
        ({"CPU_TIME": "1:30:00"}, {"CPU": 5400}),
        ({"OPEN_FILES": "1024"}, {"NOFILE": 1024}),
        ({"OPEN_FILES": "Unlimited", "CPU_TIME": -1, "DATA_SIZE": "infinity"}, {"NOFILE": -1, "CPU": -1, "DATA": -1}),
    ],
)
def test_units(given: dict[str, Any], expected: dict[str, int]) -> None:
    assert limits.read(given) == (expected, None)


def test_the_wall_clock_is_ours_to_watch() -> None:
    assert limits.read({"WALLCLOCK_TIME": "1.5m"}) == ({}, 90.0)
    for none in ("unlimited", 0, "0", "0s", "0:00:00"):
        assert limits.read({"WALLCLOCK_TIME": none}) == ({}, None)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CPU_TIM", 1, "resource_limits: no limit 'CPU_TIM' (did you mean CPU_TIME?)"),
        ("CPU_TIME", "long", "resource_limits CPU_TIME: 'long' is no duration"),
        ("WALLCLOCK_TIME", -5, "resource_limits WALLCLOCK_TIME: -5 is no duration"),
        ("WALLCLOCK_TIME", "1:30", "resource_limits WALLCLOCK_TIME: '1:30' may mean"),
        ("CPU_TIME", "1:30", "H:MM:SS"),
        ("CPU_TIME", 2**63, "is more than can be counted"),
        ("STACK_SIZE", 2**60, "is more than can be counted: say unlimited"),
        ("OPEN_FILES", "2k", "resource_limits OPEN_FILES: '2k' is no number"),
        ("OPEN_FILES", "²", "resource_limits OPEN_FILES: '²' is no number"),
        ("DATA_SIZE", -5, "resource_limits DATA_SIZE: -5 is no size"),
        ("STACK_SIZE", "", "resource_limits STACK_SIZE: '' is no size"),
    ],
)
def test_what_means_nothing_is_named(name: str, value: Any, words: str) -> None:
    with pytest.raises(InvalidArgumentException) as caught:
        limits.read({name: value})
    assert words in caught.value.message
