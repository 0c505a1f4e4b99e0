"""The supervisor's log: lines, and what becomes of them where its file takes none."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_SAY = """
import sys
from proctracker.supervisor import log
log.SYSLOG = sys.argv[1]
log.say("first")
try:
    raise RuntimeError("stumbled")
except RuntimeError:
    log.trace()
print("went on")
"""


def _said(log: Path | str, syslog: Path) -> str:
    """What a process prints that says two things where its log is this file."""
    with open(log, "ab") as file:
        done = subprocess.run([sys.executable, "-c", _SAY, str(syslog)], stdout=-1, stderr=file, text=True, check=True)
    return done.stdout


@pytest.fixture
def syslog(tmp_path: Path) -> Iterator[socket.socket]:
    """A syslog of ours, at ``tmp_path / "log"``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as made:
        made.bind(str(tmp_path / "log"))
        yield made


def test_a_line_tells_when_and_who(tmp_path: Path, syslog: socket.socket) -> None:
    assert _said(tmp_path / "file", tmp_path / "log") == "went on\n"
    first, second, *_, last = (tmp_path / "file").read_text().splitlines()
    assert first.endswith(": first")
    assert first.split(":")[2].split()[1].isdigit()
    assert second.endswith("Traceback (most recent call last):")
    assert last == "RuntimeError: stumbled"
    with pytest.raises(BlockingIOError):
        syslog.recv(1)


def test_what_a_full_disk_takes_no_more_goes_to_syslog(tmp_path: Path, syslog: socket.socket) -> None:
    assert _said("/dev/full", tmp_path / "log") == "went on\n"
    assert syslog.recv(4096).decode().startswith("<11>proctracker[")
    assert syslog.recv(4096).decode().endswith("RuntimeError: stumbled")


def test_nobody_stops_where_there_is_no_syslog_either(tmp_path: Path) -> None:
    assert _said("/dev/full", tmp_path / "none") == "went on\n"
