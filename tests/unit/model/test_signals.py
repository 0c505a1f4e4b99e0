"""Signals by name and number, held against this system's own."""

from __future__ import annotations

import signal

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import FATAL, signal_name, signal_number


def test_names_are_the_systems() -> None:
    for each in signal.Signals:
        if each < 32:
            assert signal_number(each.name) == each
            assert signal.Signals[signal_name(each)] == each


@pytest.mark.parametrize("number", [*range(1, 32), *range(34, 65)])
def test_a_name_is_the_numbers_own(number: int) -> None:
    assert signal_number(signal_name(number)) == number


@pytest.mark.parametrize("word", ["TERM", "SIGTERM", "sigterm", " term ", 15, "15"])
def test_spellings(word: str | int) -> None:
    assert signal_number(word) == 15


@pytest.mark.parametrize(
    "word", ["", "0", 65, "SIGTERMS", "RTMIN+31", "RTMIN+", "RTMIN-1", "RTMIN+²", "²", "-9", "SIG"]
)
def test_what_is_no_signal(word: str | int) -> None:
    with pytest.raises(InvalidArgumentException, match="is no signal: give a name such as TERM"):
        signal_number(word)


def test_names_of_what_is_none() -> None:
    assert signal_name(32) == "SIG32"
    assert signal_name(34) == "SIGRTMIN"
    assert signal_name(64) == "SIGRTMIN+30"


def test_what_ends_a_process() -> None:
    harmless = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
    stopping = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
    assert frozenset(range(1, 32)) - harmless - stopping == FATAL
