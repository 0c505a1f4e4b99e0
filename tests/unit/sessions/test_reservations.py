"""There are no reservations, and what would need one says what to do instead."""

from __future__ import annotations

from typing import Callable

import pytest

import proctracker as pt
from proctracker.sessions import reservations

USES: list[Callable[[], object]] = [
    reservations.refuse,
    pt.ReservationSession,
    lambda: pt.Reservation("1"),
    lambda: pt.create_reservation_session("night", contact="process"),
    lambda: pt.open_reservation_session("night"),
    lambda: pt.destroy_reservation_session("night"),
    lambda: pt.open_monitoring_session().get_all_reservations(),
]


@pytest.mark.parametrize("use", USES)
def test_refused_with_what_to_do(use: Callable[[], object]) -> None:
    with pytest.raises(pt.UnsupportedOperationException, match="max_running"):
        use()


def test_none_are_named() -> None:
    assert pt.get_reservation_session_names() == []
