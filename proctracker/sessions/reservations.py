"""Reservations: there are none, and everything that would need one says so."""

from __future__ import annotations

from typing import NoReturn

from proctracker.errors import UnsupportedOperationException


def refuse() -> NoReturn:
    """Raise UnsupportedOperationException, with what to do instead."""
    raise UnsupportedOperationException(
        "there are no reservations here: submit with a start time, or limit a session with max_running"
    )


class Reservation:
    """Names slots kept for a time (GFD.194 8.7), for programs that test for it."""

    def __init__(self, *args: object, **more: object) -> None:
        """Raises UnsupportedOperationException."""
        refuse()


class ReservationSession:
    """Names what makes reservations (GFD.194 8.6), for programs that test for it."""

    def __init__(self, *args: object, **more: object) -> None:
        """Raises UnsupportedOperationException."""
        refuse()
