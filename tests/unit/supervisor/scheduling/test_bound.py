"""Container starts that are under way at once."""

from __future__ import annotations

from proctracker.supervisor.scheduling.bound import Bound


def test_a_start_that_is_over_lets_another_begin() -> None:
    over: list[str] = []
    bound = Bound(lambda: over.append("over"))
    bound.limit = 2
    bound.begun()
    assert not bound.reached
    bound.begun()
    assert bound.reached
    bound.over()
    assert (bound.reached, over) == (False, ["over"])
