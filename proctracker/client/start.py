"""Starting a supervisor from a client: one exec, and the socket is there when it says so."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys

from proctracker.errors import DrmCommunicationException, OutOfResourceException
from proctracker.linux import logout
from proctracker.store import Home
from proctracker.wire import confinement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

READY_WAIT = 20.0
"""Seconds of a start after which it is said that it takes long, as on a machine that swaps."""

GIVEN_UP = 300.0
"""Seconds after that in which it may still say something, as over a slow network."""

_READY = 3
"""The descriptor on which it says ready, or why not."""

_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ)
"""What Python ignores and other programs do not expect to."""

_BOOT = """
import gc, os, sys
if os.fork(): os._exit(0)
os.setsid()
gc.disable()
sys.path.append(sys.argv[1])
from proctracker.supervisor.main import main
main(sys.argv[2:])
"""

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
"""Variables a supervisor is started with, beside those that name a batch allocation."""


def _environment(durability: str, stands_in: bool) -> dict[str, str]:
    names = [*_KEPT, *confinement.allocation_variables(os.environ)]
    found = {name: os.environ[name] for name in names if name in os.environ}
    return {**found, "PROCTRACKER_DURABILITY": durability, **({confinement.STANDS_IN: "1"} if stands_in else {})}


class Starting:
    """A supervisor's start under way: its keeper is loading its code."""

    def __init__(self, home: Home, key: str, durability: str, stands_in: bool = False) -> None:
        self._home = home
        self._login = logout.describe()
        self._service = confinement.service_of()
        self._environment = _environment(durability, stands_in)
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self._argv = [sys.executable, "-I", "-S", "-c", _BOOT, root, home.path, home.host, key, str(_READY)]
        self._way_out = [] if self._service else logout.way_out(self._login)
        self._begin()

    def _begin(self) -> None:
        """Start it, by the way out of our login where there is one."""
        environment = logout.manager_environ(self._environment) if self._way_out else self._environment
        try:
            self._read_end, self._pid = _spawn([*self._way_out, *self._argv], environment)
        except FileNotFoundError as error:
            if not self._way_out:
                raise OutOfResourceException(f"no supervisor could be started: {error.strerror}") from None
            self._way_out = []
            self._begin()
        except OSError as error:
            from proctracker.linux import softlimits  # here: hardly anybody ever needs it

            raise OutOfResourceException(f"no supervisor could be started: {softlimits.named(error)}") from None

    def finish(self, tell: Callable[[str], None]) -> str | None:
        """Wait until its socket can be connected to, as ``start``."""
        said = self._said(tell)
        if not said and self._way_out:
            self._way_out = []
            self._begin()
            said = self._said(tell)
        if said not in (b"ready", b"busy"):
            log = os.path.join(self._home.here, "supervisor.log")
            text = (said or b"").decode("utf-8", "replace") or f"it ended at once, see {log}"
            raise DrmCommunicationException(
                f"no supervisor could be started: {'no word from it in time' if said is None else text}"
            )
        return logout.warning(logout.left(self._login) if self._way_out else self._login, self._service)

    def _said(self, tell: Callable[[str], None]) -> bytes | None:
        """Return its word, nothing if it exited, or None if it said none in time.

        Where it was to leave our login it is ended then.
        """
        try:
            poll = select.poll()
            poll.register(self._read_end, select.POLLIN)
            ready = bool(poll.poll(READY_WAIT * 1000))
            if not ready and self._way_out:
                os.kill(self._pid, signal.SIGKILL)
            elif not ready:
                tell(f"the supervisor in {self._home.here} takes long to start: the disk or the machine is slow")
                ready = bool(poll.poll(GIVEN_UP * 1000))
            said = os.read(self._read_end, 4096) if ready else None
        finally:
            os.close(self._read_end)
        _reap(self._pid, 0 if ready or self._way_out else os.WNOHANG)
        return said


_hastened: dict[tuple[str, str], Starting] = {}
"""Starts begun before they were needed, by directory and key."""


def hasten(home: Home, key: str, durability: str) -> None:
    """Begin what ``start`` will be asked for.

    Raises as that does. Where no supervisor is needed after all, it leaves soon.
    """
    home.prepare()
    _hastened[home.run, key] = Starting(home, key, durability)


def start(
    home: Home,
    key: str,
    durability: str = "process",
    stands_in: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> str | None:
    """Start a supervisor, or wait for the one that is starting, until its socket listens.

    ``stands_in``: it starts no jobs, as we are not in the confinement that its key names; ``tell``: told if it takes long.
    Returns a warning in one line where a logout, or the end of a service, would end the jobs. Raises DrmCommunicationException or
    OutOfResourceException with what went wrong.
    """
    begun = _hastened.pop((home.run, key), None)
    return (begun or Starting(home, key, durability, stands_in)).finish(tell)


def _spawn(argv: list[str], environment: dict[str, str]) -> tuple[int, int]:
    """Spawn the keeper, and return the descriptor that says when it is ready, and its pid."""
    read_end, write_end = os.pipe()
    try:
        high = fcntl.fcntl(write_end, fcntl.F_DUPFD_CLOEXEC, _READY + 1)
        os.close(write_end)
        write_end = high
        null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
        actions = [*null, (os.POSIX_SPAWN_DUP2, write_end, _READY)]
        return read_end, os.posix_spawnp(argv[0], argv, environment, file_actions=actions, setsigdef=_SIGNALS)
    except OSError:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)


def _reap(pid: int, options: int) -> None:
    """Reap what forked the keeper, unless the program ignores SIGCHLD."""
    try:
        os.waitpid(pid, options)
    except ChildProcessError:
        pass


def command(home: Home, key: str) -> list[str]:
    """Return the command that goes on as supervisor of a seat after an upgrade.

    The descriptors are appended by its caller.
    """
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = "import sys; sys.path.append(sys.argv[1]); from proctracker.supervisor.main import take_over; take_over(sys.argv[2:])"
    return [sys.executable, "-I", "-S", "-c", code, root, home.path, home.host, key]
