"""How things look on a terminal: safe text, tables, durations, times."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Sequence, TextIO


_ADDRESS = 12
"""Characters of a contact's address that a table has room for."""


def safe(word: object) -> str:
    """Escape control characters and bytes that are no UTF-8, to keep text on its line."""
    text = str(word)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")


def command_line(words: Sequence[str]) -> str:
    """Return a command as it would be typed, safe to print."""
    import shlex

    return safe(" ".join(shlex.quote(word) for word in words))


def contact(name: str) -> str:
    """A contact with a long address left out: ``ctr:…?namespace=x``."""
    runtime, colon, rest = name.partition(":")
    address, mark, options = rest.partition("?")
    return f"{runtime}{colon}…{mark}{options}" if len(address) > _ADDRESS else name


def duration(seconds: float | None) -> str:
    """Return ``0.4s``, ``42s``, ``3:05``, ``2:03:04``, ``1d 02:03``, or ``-`` for None."""
    if seconds is None:
        return "-"
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}s"
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole}s"
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    if not hours:
        return f"{minute}:{second:02}"
    if hours < 24:
        return f"{hours}:{minute:02}:{second:02}"
    return f"{hours // 24}d {hours % 24:02}:{minute:02}"


def local_time(epoch: float | None) -> str:
    """Return ``14:03:07`` for today, ``Jan 31 14:03`` for another day, ``-`` for None."""
    if epoch is None:
        return "-"
    then, now = time.localtime(epoch), time.localtime()
    today = then[:3] == now[:3]
    return time.strftime("%H:%M:%S" if today else "%b %d %H:%M", then)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], width: int | None = None) -> str:
    """Pad columns to the widest cell, and cut the last one at ``width``."""
    lines = [list(head), *([safe(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    out = []
    for line in lines:
        cells = [cell.ljust(size) for cell, size in zip(line, widths)]
        whole = "  ".join([*cells, line[-1]]).rstrip()
        out.append(whole if width is None or len(whole) <= width else whole[: width - 1] + "…")
    return "\n".join(out) + "\n"


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Return the columns of the terminal on stdout, or on another stream, or None."""
    import os

    try:
        return os.get_terminal_size((stream or sys.stdout).fileno()).columns or None
    except (OSError, ValueError):
        return None


def write(text: str) -> None:
    """Print to stdout."""
    sys.stdout.write(text)


_noticed: list[str] = []


def notice(text: str) -> None:
    """A line of a supervisor's on stderr: why it does not answer yet. The same is said once."""
    if text not in _noticed:
        _noticed.append(text)
        say(text)


def say(text: str, whose: str = "proctracker: ") -> None:
    """Print one line on stderr with our name in front, if there is a stderr."""
    try:
        sys.stderr.write(f"{whose}{safe(text)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def dump_json(value: object) -> str:
    """Indented JSON in ASCII."""
    import json

    return json.dumps(value, indent=2) + "\n"
