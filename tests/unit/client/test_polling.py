"""Waiting for descriptors."""

from __future__ import annotations

import os
import socket
import time

import pytest

from proctracker.client import polling
from proctracker.client.polling import readable


def test_many_descriptors() -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    fds = [pair[0].fileno() for pair in pairs]
    assert readable(fds, 0) == []
    pairs[1][1].send(b"x")
    pairs[2][1].close()
    assert readable(fds, None) == fds[1:]
    for pair in pairs:
        for sock in pair:
            sock.close()


def test_time_outs_longer_than_one_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    try:
        monkeypatch.setattr(polling, "_LONGEST", 3)
        began = time.monotonic()
        assert readable([read_end], 0.02) == []
        assert time.monotonic() - began >= 0.02
        monkeypatch.undo()
        os.write(write_end, b"x")
        assert readable([read_end], 30 * 86400.0) == [read_end]
        assert readable([read_end], 1e300) == [read_end]
    finally:
        os.close(read_end)
        os.close(write_end)
