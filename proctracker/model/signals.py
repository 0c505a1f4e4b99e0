"""Names signals (signal(7), Linux on x86 and ARM), and tells which end a process."""

from __future__ import annotations

from proctracker.errors import InvalidArgumentException
from proctracker.model.structs import written

_WORDS = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG"
    " XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)
NAMES = {number: "SIG" + word for number, word in enumerate(_WORDS.split(), 1)}
_NUMBERS = {name: number for number, name in NAMES.items()}
_FIRST_REAL_TIME, _LAST_REAL_TIME = 34, 64

FATAL = frozenset(range(1, 32)) - {17, 18, 19, 20, 21, 22, 23, 28}
"""Signals whose default action ends a process, beside the real-time ones."""


def signal_name(number: int) -> str:
    """Return ``SIGTERM`` for 15, and ``SIGRTMIN+n`` for real-time signals."""
    if number in NAMES:
        return NAMES[number]
    offset = number - _FIRST_REAL_TIME
    return f"SIGRTMIN+{offset}" if offset > 0 else "SIGRTMIN" if offset == 0 else f"SIG{number}"


def signal_number(word: str | int) -> int:
    """Return 15 for ``TERM``, ``SIGTERM``, ``sigterm``, 15 and ``15``.

    Raises InvalidArgumentException for what is no signal.
    """
    text = written(int(word) if isinstance(word, int) and not isinstance(word, bool) else word).strip().upper()
    if text.isdecimal() and len(text) < 4 and 0 < int(text) <= _LAST_REAL_TIME:
        return int(text)
    name = text if text.startswith("SIG") else "SIG" + text
    if name in _NUMBERS:
        return _NUMBERS[name]
    if name.startswith("SIGRTMIN"):
        offset = name[8:] or "+0"
        if (
            offset[:1] == "+"
            and offset[1:].isdecimal()
            and len(offset) < 4
            and int(offset) <= _LAST_REAL_TIME - _FIRST_REAL_TIME
        ):
            return _FIRST_REAL_TIME + int(offset)
    raise InvalidArgumentException(
        f"{written(word)[:40]} is no signal: give a name such as TERM or SIGUSR1, or a number"
    )
