"""Files as text: small ones of the system, the end of a large one."""

from __future__ import annotations

import os
import stat


def text_of(path: str) -> str:
    """Return the text of a file, or nothing if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def tail(path: str, size: int = 4096) -> str:
    """Return the last bytes of a regular file, or nothing if it cannot be read."""
    try:
        with open(path, "rb", opener=lambda name, how: os.open(name, how | os.O_NONBLOCK)) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                return ""
            file.seek(max(0, found.st_size - size))
            return file.read(size).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
