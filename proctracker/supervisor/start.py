"""Starting a supervisor from a client: one exec, and the socket is there when it says so."""

from __future__ import annotations

import os
import select
import subprocess
import sys

from proctracker.errors import DrmCommunicationException, OutOfResourceException
from proctracker.store import Home
from proctracker.supervisor import confinement, logout

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

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
"""Variables a supervisor is started with, beside those that name a batch allocation: it serves other shells than this."""


def _environment(durability: str) -> dict[str, str]:
    names = [*_KEPT, *confinement.allocation_variables(os.environ)]
    found = {name: os.environ[name] for name in names if name in os.environ}
    return {**found, "PROCTRACKER_DURABILITY": durability}


def start(home: Home, key: str, durability: str = "process") -> str | None:
    """Start a supervisor, or leave it to the one that is just starting; returns once its socket can be connected to.

    Returns a warning in one line where a logout would end the jobs. Raises DrmCommunicationException or
    OutOfResourceException with what went wrong.
    """
    read_end, write_end = os.pipe()
    environment = _environment(durability)
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
    return logout.warning(login)


def command(home: Home, key: str) -> list[str]:
    """The command that goes on as supervisor of a seat after an upgrade; the descriptors are appended by its caller."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = "import sys; sys.path.append(sys.argv[1]); from proctracker.supervisor.main import take_over; take_over(sys.argv[2:])"
    return [sys.executable, "-I", "-S", "-c", code, root, home.path, home.host, key]
