"""Refuses reservations, of which there are none, with UnsupportedOperation."""

from __future__ import annotations

from typing import Any, NoReturn

from proctracker.compat.gridengine.drmaa2_exceptions import UnsupportedOperation
from proctracker.compat.gridengine.drmaa2_object import Drmaa2Object


def _refuse() -> NoReturn:
    raise UnsupportedOperation("there are no reservations")


class ReservationSession(Drmaa2Object):
    """Cannot be made or opened."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse()

    @classmethod
    def list_session_names(cls) -> list[str]:
        """None can be made, so there are none."""
        return []

    @classmethod
    def destroy_by_name(cls, name: str, auth: Any = None) -> None:
        """UnsupportedOperation."""
        _refuse()


class Reservation(Drmaa2Object):
    """Cannot be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse()
