"""The stand-in's daemon: a socket that can be reached, and nothing behind it."""

from __future__ import annotations

import contextlib
import os
import select
import socket


def main(address: str) -> None:
    """Listen until killed; a caller's connection is kept as long as it lives."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(address)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(128)
    callers: list[socket.socket] = []
    while True:
        ready = select.select([listener, *callers], [], [])[0]
        for each in ready:
            if each is listener:
                callers.append(listener.accept()[0])
            else:
                callers.remove(each)
                each.close()
