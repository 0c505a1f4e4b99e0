"""What part of a log is asked for."""

from __future__ import annotations

import time

import pytest

from proctracker.cli.call import Call
from proctracker.cli.commands import COMMANDS
from proctracker.cli.options import UsageError
from proctracker.cli.streams import logpart
from proctracker.templates.quantities import moment


def _asked(**values: object) -> logpart.Part:
    return logpart.asked(Call(COMMANDS["logs"], values, ["1"]))


def test_nothing_besides() -> None:
    assert _asked() == logpart.WHOLE
    assert _asked(timestamps=True) == (None, True, None)


@pytest.mark.parametrize(("given", "ago"), [("10m", 600), ("1.5h", 5400), ("90", 90), ("+10m", -600), ("now", 0)])
def test_a_time_ago_or_a_time(given: str, ago: float) -> None:
    since = _asked(since=given).since
    assert since is not None
    assert moment(since, 0.0) == pytest.approx(time.time() - ago, abs=5)


def test_a_time_of_the_clock() -> None:
    assert _asked(since="2026-01-31T18:00:00Z").since == "2026-01-31T18:00:00.000000Z"
    for wrong in ("soon", "1:30", "1x"):
        with pytest.raises(UsageError, match="--since"):
            _asked(since=wrong)
