"""A terminal's input reaches the job through a pipe."""

from __future__ import annotations

import os
import pty

from proctracker.cli.signals import Signals
from proctracker.cli.streams.relay import Relay


def test_lines_and_the_end_pass():
    master, slave = pty.openpty()
    relay = Relay(slave)
    with Signals() as signals:
        relay.begin(signals)
        os.write(master, b"one\n")
        assert os.read(relay.read_end, 100) == b"one\n"
        os.write(master, b"\x04")
        assert os.read(relay.read_end, 100) == b""
    for fd in (master, slave, relay.read_end):
        os.close(fd)


def test_run_relays_its_terminal(begin):
    master, slave = pty.openpty()
    process = begin("run", "--", "sh", "-c", "read line; echo got $line; test -t 0 || echo no terminal", stdin=slave)
    os.write(master, b"it\n")
    out, _ = process.communicate(timeout=20)
    assert out == "got it\nno terminal\n"
    os.close(master)
    os.close(slave)
