"""Writes the supervisor's log, or to syslog, and never fails."""

from __future__ import annotations

import os
import socket
import time

FD = 2
"""The log's descriptor in keeper and supervisor."""

SYSLOG = "/dev/log"
"""Where the system's own log is written to (syslog(3))."""

_ERR = 8 + 3
"""Facility user, severity err (syslog(3), sys/syslog.h)."""


def say(text: str) -> None:
    """Write a line with its time and process, without raising or blocking.

    A full disk is where this matters most: the file cannot be written then, and whoever tells of that must go on.
    """
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {os.getpid()}: {text}\n".encode("utf-8", "backslashreplace")
    try:
        written = os.write(FD, line)
    except OSError:
        written = 0
    if written < len(line):
        _to_syslog(text)


def trace() -> None:
    """Write the exception that is being handled, and where it came from."""
    import traceback  # here: it is memory that hardly any supervisor ever needs

    say(traceback.format_exc().rstrip())


def _to_syslog(text: str) -> None:
    """Send a message to syslog, if that is there and reads."""
    data = f"<{_ERR}>proctracker[{os.getpid()}]: {text}".encode("utf-8", "backslashreplace")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
            out.sendto(data, SYSLOG)
    except OSError:
        return
