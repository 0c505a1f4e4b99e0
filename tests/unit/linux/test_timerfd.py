"""The alarm of the wall clock."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator

import pytest

from proctracker.linux import timerfd
from supervising import LONG


@pytest.fixture
def alarm() -> Iterator[timerfd.Alarm]:
    made = timerfd.Alarm()
    yield made
    made.close()


def _rings(alarm: timerfd.Alarm, seconds: float) -> bool:
    return bool(select.select([alarm.fileno()], [], [], seconds)[0])


@pytest.mark.parametrize("when", [-5.0, 0.0, 0.25])
def test_it_rings_at_its_time_once(alarm: timerfd.Alarm, when: float) -> None:
    epoch = time.time() + when if when else 0.0
    alarm.arm(epoch)
    assert _rings(alarm, LONG)
    assert time.time() >= epoch
    alarm.taken()
    alarm.taken()
    assert not _rings(alarm, 0)


@pytest.mark.parametrize("when", [None, 1e300, float("inf")])
def test_what_is_far_away_is_awaited_in_silence(alarm: timerfd.Alarm, when: float | None) -> None:
    alarm.arm(when)
    assert not _rings(alarm, 0)


def test_errors_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    alarm = timerfd.Alarm()
    alarm.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        alarm.arm(None)
    monkeypatch.setattr(time, "CLOCK_REALTIME", 99)
    with pytest.raises(OSError, match="Invalid argument"):
        timerfd.Alarm()
