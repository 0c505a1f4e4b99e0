"""Starting a supervisor from a client: one exec, and the socket is there when it says so."""

from __future__ import annotations

import os
import select
import subprocess
import sys

from proctracker import __version__
from proctracker.errors import DrmCommunicationException, OutOfResourceException
from proctracker.store import Home
from proctracker.supervisor import logout

PACKAGE = __version__
"""The release whose code this is."""

READY_WAIT = 20.0
"""Seconds a start may take on a machine that swaps or has a slow network file system."""

_BOOT = """
import os, sys
if os.fork(): os._exit(0)
os.setsid()
sys.path.append(sys.argv[1])
from proctracker.supervisor.main import main
main(sys.argv[2:])
"""

_NOT_OURS = ("JOB_ID", "TASK_ID", "PROCTRACKER_JOB", "PROCTRACKER_ATTEMPT", "PROCTRACKER_SESSION", "TASK_ITEM")
"""Variables of a job that must not become those of a supervisor it happens to start."""


def start(home: Home, key: str, durability: str = "process") -> None:
    """Start a supervisor, or leave it to the one that is just starting; returns once its socket can be connected to.

    Raises DrmCommunicationException or OutOfResourceException with what went wrong.
    """
    read_end, write_end = os.pipe()
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    environment["PROCTRACKER_DURABILITY"] = durability
    login = logout.describe()
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    argv = [sys.executable, "-I", "-S", "-c", _BOOT, root, home.path, home.host, key, str(write_end)]
    try:
        prefix = logout.way_out(login, logout.manager_environ(environment)) if login.lingers else []
        if prefix:
            environment = logout.manager_environ(environment)
        null = subprocess.DEVNULL
        subprocess.run(
            [*prefix, *argv],
            env=environment,
            cwd="/",
            stdin=null,
            stdout=null,
            stderr=null,
            pass_fds=[write_end],
            check=False,
        )
    except OSError as error:
        os.close(read_end)
        raise OutOfResourceException(f"no supervisor could be started: {error.strerror}") from None
    finally:
        os.close(write_end)
    try:
        poll = select.poll()
        poll.register(read_end, select.POLLIN)
        ready = poll.poll(READY_WAIT * 1000)
        said = os.read(read_end, 4096) if ready else b"no word from it in time"
    finally:
        os.close(read_end)
    if said not in (b"ready", b"busy"):
        log = os.path.join(home.here, "supervisor.log")
        text = said.decode("utf-8", "replace") or f"it ended at once, see {log}"
        raise DrmCommunicationException(f"no supervisor could be started: {text}")


def command(home: Home, key: str, fds: str = "") -> list[str]:
    """The command that goes on as supervisor of a seat after an upgrade; the descriptors are appended by its caller."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = "import sys; sys.path.append(sys.argv[1]); from proctracker.supervisor.main import take_over; take_over(sys.argv[2:])"
    return [sys.executable, "-I", "-S", "-c", code, root, home.path, home.host, key]
