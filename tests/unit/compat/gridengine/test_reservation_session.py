"""There are no reservations."""

from __future__ import annotations

import pytest

from proctracker.compat.gridengine import (
    Reservation,
    ReservationSession,
    UnsupportedOperation,
    get_reservation_session_names,
)


def test_they_are_refused() -> None:
    for use in (ReservationSession, lambda: ReservationSession("x"), lambda: Reservation(None)):
        with pytest.raises(UnsupportedOperation):
            use()
    with pytest.raises(UnsupportedOperation):
        ReservationSession.destroy_by_name("x")
    assert get_reservation_session_names() == []
