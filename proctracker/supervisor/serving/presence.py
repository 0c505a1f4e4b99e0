"""Keeps a supervisor reachable, with socket and lock made anew when removed."""

from __future__ import annotations

import os
import stat

from proctracker.errors import Drmaa2Exception, words
from proctracker.linux.inotify import CHANGES
from proctracker.supervisor import log
from proctracker.wire import election, socketpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.files import Watched
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.loop import Timer
    from proctracker.supervisor.serving.server import Server

LOOK_AGAIN = 10.0
"""Seconds between looks where the kernel gives no watch."""

SETTLE = 0.5
"""Seconds until what was removed is made anew, as a whole directory may be going."""

_ANSWERS = 0.05
"""Seconds within which a listener takes a connection, or has a full queue."""


class Presence:
    """Watches the socket's directory, and leaves a removed state directory alone."""

    def __init__(self, here: Here, server: Server) -> None:
        self._here, self._server = here, server
        self.leaving = False
        """Nothing is put back any more."""
        self._path = here.home.socket(here.key)
        self._lock_path = election.lock_path(here.home.run, here.key)
        self._home = _identity(here.home.here)
        self._socket = _identity(self._path)
        self._lock: int | None = None
        self._watched: Watched | None = None
        self._soon: Timer | None = None

    def begin(self) -> None:
        """Watch from now on, in place of a former supervisor's socket."""
        socketpath.unlink(self.going)
        if self._here.seat.turn and not _served(self._path):
            self._socket = None
        self._look()

    @property
    def going(self) -> str:
        """Return the socket's name while its supervisor leaves, for whoever finds the lock held."""
        return f"{self._path}.going"

    @property
    def replaced(self) -> bool:
        """Return whether our state directory was removed or replaced, not out of reach."""
        try:
            found = os.stat(self._here.home.here)
        except OSError as error:
            return isinstance(error, FileNotFoundError)
        return self._home is not None and (found.st_dev, found.st_ino) != self._home

    def hide(self) -> bool:
        """Remove the socket's name for a leave, and return whether it was there."""
        if self._socket is None or _identity(self._path) != self._socket:
            return False
        at = self._here.home.at
        os.rename(at(self._path), at(self.going))
        return True

    def show(self) -> None:
        """Undo that: somebody has come."""
        at = self._here.home.at
        os.rename(at(self.going), at(self._path))

    def _watch(self) -> None:
        old, files = self._watched, self._here.files
        try:
            self._watched = files.watch(self._here.home.run, CHANGES, self._changed)
            files.forget(old)
        except OSError:
            self._look_after(LOOK_AGAIN)

    def _look_after(self, seconds: float) -> None:
        """Look once, so many seconds from now."""
        if self._soon is not None:
            self._soon.cancel()
        self._soon = self._here.loop.after(seconds, self._look)

    def _changed(self, name: str) -> None:
        if name in (os.path.basename(self._path), os.path.basename(self._lock_path), ""):
            self._look_after(SETTLE)

    def _look(self) -> None:
        """Put back what is missing."""
        home = self._here.home
        whole = _identity(home.here) == self._home and os.path.exists(home.database)
        if self.leaving or self._home is None or not whole:
            return
        try:
            home.prepare()
            self._watch()  # it may be another directory by now
            self._hold()
            if self._socket is None or _identity(self._path) != self._socket:
                self._server.listen_anew(socketpath.listen(home.at(self._path)))
                self._socket = _identity(self._path)
        except (OSError, Drmaa2Exception) as error:
            log.say(f"{self._path}: {words(error)}: nobody can reach us")
            self._look_after(LOOK_AGAIN)

    def _hold(self) -> None:
        """Lock the lock's file again where its name has another one, or none."""
        here = self._here
        held = os.fstat(here.seat.lock if self._lock is None else self._lock)
        if stat.S_ISDIR(held.st_mode) or _identity(self._lock_path) == (held.st_dev, held.st_ino):
            return
        claim = election.claim(here.home.at(here.home.run), here.key)
        if claim is None:
            self._home = None  # we were too late, so this is left as it is
            log.say(f"{self._lock_path}: it was removed, and another supervisor has it now")
            return
        election.hold(claim, [here.seat.keeper, os.getpid()])
        if self._lock is not None:
            os.close(self._lock)
        self._lock = claim

    def close(self) -> None:
        """Watch no more, and remove what a leave has hidden."""
        if self.leaving:
            socketpath.unlink(self.going)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _identity(path: str) -> tuple[int, int] | None:
    """Return what tells a file from a later one of its name, or None."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _served(path: str) -> bool:
    """Return whether somebody of our seat listens at a socket's name."""
    try:
        socketpath.connect(path, _ANSWERS).close()
    except TimeoutError:
        return True
    except OSError:
        return False
    return True
