"""The seat's frozen layout, and passing it to another program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from proctracker.supervisor.base.journal import Journal
from proctracker.supervisor.base.seat import Seat, become, unpack


@pytest.fixture
def seat(tmp_path: Path) -> Seat:
    fds = [os.open(tmp_path, os.O_RDONLY | os.O_CLOEXEC) for _ in range(4)]
    return Seat(fds[0], fds[1], Journal(), Journal(), fds[2], fds[3], 4711)


def _layout(seat: Seat) -> list[int]:
    """As keepers and supervisors of every release have it."""
    return [seat.listener, seat.lock, seat.journal.fd, seat.kept.fd, seat.command, seat.note, seat.keeper]


def test_it_is_read_as_it_was_written(seat: Seat) -> None:
    word = ",".join(map(str, _layout(seat)))
    for fd in _layout(seat)[:-1]:
        os.set_inheritable(fd, True)
    found = unpack(word)
    assert (_layout(found), found.turn, found.held) == (_layout(seat), 1, {})
    assert not any(map(os.get_inheritable, _layout(seat)[:-1]))


def test_another_program_gets_the_descriptors_and_their_numbers(seat: Seat) -> None:
    show = "import os, sys; print(sys.argv[1:], [os.get_inheritable(int(fd)) for fd in sys.argv[2].split(',')[:-1]])"
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(write_end, 1)
        become(seat, [os.fsencode(sys.executable), b"-c", show.encode(), b"word"])
        os._exit(1)
    os.close(write_end)
    with open(read_end) as file:
        said = file.read()
    assert os.waitpid(pid, 0)[1] == 0
    assert said == f"{['word', ','.join(map(str, _layout(seat)))]} {[True] * 6}\n"


def test_one_that_cannot_be_executed_leaves_all_as_it_was(seat: Seat) -> None:
    with pytest.raises(FileNotFoundError):
        become(seat, [b"/none/such"])
    assert not any(map(os.get_inheritable, _layout(seat)[:-1]))
