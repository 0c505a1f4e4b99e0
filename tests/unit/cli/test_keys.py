"""``q`` leaves; the terminal is then as it was."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios

import pytest


@pytest.fixture
def terminal():
    """A terminal's end to type at, and one to give to a program."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    for fd in (ours, theirs):
        os.close(fd)


def _in(terminal, *words):
    """A command in the foreground of the terminal."""
    argv = [sys.executable, "-c", _FOREGROUND, *words]
    return subprocess.Popen(argv, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True)


_FOREGROUND = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from proctracker.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", [["top"], ["ps", "--watch"]])
def test_q_leaves(home, terminal, words):
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    process = _in(theirs, *words)
    shown = b""
    while b"ID" not in shown or not shown.endswith(b"\n"):
        shown += os.read(ours, 4096)
    os.write(ours, b"xq")
    assert process.wait(20) == 0
    assert termios.tcgetattr(theirs) == before


def test_what_is_no_terminal_is_not_read(home, begin):
    process = begin("top", "-n", "2", stdin=subprocess.PIPE)
    out, err = process.communicate("q" * 10, timeout=20)
    assert (process.returncode, err, out.count("0 jobs")) == (0, "", 2)
