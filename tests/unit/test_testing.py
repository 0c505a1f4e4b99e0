"""The shipped fakes."""

from __future__ import annotations

import pytest

from proctracker.model import Completed
from proctracker.runtimes.base import Dialog
from proctracker.testing import ManualClock, ReplayRunner


def test_the_longest_beginning_that_fits_answers() -> None:
    replay = ReplayRunner({("cli",): "any", ("cli", "ps"): (1, "", "down"), ("cli", "ps", "-a"): Completed(("x",), 2)})
    assert [done.stdout for done in replay.run(("cli", "inspect"))] == ["any"]
    assert replay.run(("cli", "ps"))[0] == Completed(("cli", "ps"), 1, "", "down")
    assert replay.run(("cli", "ps", "-a", "-q"))[0].returncode == 2
    assert replay.calls == [("cli", "inspect"), ("cli", "ps"), ("cli", "ps", "-a", "-q")]


def test_what_was_not_recorded_is_not_found() -> None:
    done = ReplayRunner({}).run(("cli", "x"))[0]
    assert (done.returncode, "cli x" in done.stderr) == (127, True)


def test_answers_in_turn_and_made() -> None:
    replay = ReplayRunner({("a",): ["1", "2"], ("b",): lambda argv: argv[-1]})
    assert [replay.run(("a",))[0].stdout for _ in range(3)] == ["1", "2", "2"]
    assert replay.run(("b", "x"))[0].stdout == "x"


def test_dialogs_are_carried_through() -> None:
    def dialog() -> Dialog[str]:
        one, two = yield [("a",), ("b",)]
        return one.stdout + two.stdout

    assert ReplayRunner({("a",): "1", ("b",): "2"}).converse(dialog()) == "12"


def test_a_clock_moves_by_hand() -> None:
    clock = ManualClock(5.0)
    clock.advance(2.5)
    assert clock() == 7.5
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
