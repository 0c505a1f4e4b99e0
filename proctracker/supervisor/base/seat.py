"""Holds what passes from one supervisor to the next, also of another release (execve(2)).

The order of its descriptors is frozen: a keeper of any release serves a supervisor of any other.
"""

from __future__ import annotations

import os

from proctracker.records import field, record
from proctracker.supervisor.base.journal import Journal


@record
class Seat:
    """The socket, the lock, both journals, the next command, and who the keeper is.

    ``command``: a memfd holding the NUL-separated command of the next supervisor after an upgrade, else empty.
    """

    listener: int
    lock: int
    journal: Journal
    kept: Journal
    command: int
    note: int = -1
    """A pipe from the keeper, with a byte for each exit it recorded, closed when it exits."""
    keeper: int = 0
    turn: int = 0
    """How many supervisors there have been before, 0 where this one starts from nothing."""
    held: dict[tuple[int, int], int] = field(default_factory=dict)
    """Descriptors of jobs that are nobody's children, by pid and ticks, kept by no upgrade."""


def unpack(word: str) -> Seat:
    """Read a seat from the argument that ``become`` appends."""
    listener, lock, journal, kept, command, note, keeper = map(int, word.split(","))
    seat = Seat(listener, lock, Journal(journal), Journal(kept), command, note, keeper, 1)
    _inheritable(seat, False)
    return seat


def become(seat: Seat, command: list[bytes]) -> None:
    """Execute another release in this process, with the seat, or raise OSError."""
    _inheritable(seat, True)
    word = b",".join(b"%d" % number for number in (*_descriptors(seat), seat.keeper))
    try:
        os.execv(command[0], [*command, word])
    finally:
        _inheritable(seat, False)


def _descriptors(seat: Seat) -> tuple[int, ...]:
    """Return what is passed on, in the order that every release knows."""
    return (seat.listener, seat.lock, seat.journal.fd, seat.kept.fd, seat.command, seat.note)


def _inheritable(seat: Seat, inheritable: bool) -> None:
    """Keep the descriptors open over execve(2), or not."""
    for fd in _descriptors(seat):
        os.set_inheritable(fd, inheritable)
