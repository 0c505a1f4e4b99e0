"""Finds the supervisor of one confinement of a home, greets it and, on demand, starts it."""

from __future__ import annotations

import math
import os
import socket
import time

from proctracker.client.link import GONE, Link
from proctracker.client.polling import readable
from proctracker.errors import DrmCommunicationException
from proctracker.linux import cage
from proctracker.store import Home
from proctracker.wire import confinement, election, protocol, socketpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

_LATEST = 60.0
"""Seconds a supervisor may take to answer ``hello``: it may be recovering thousands of jobs."""

_NAMELESS = 2.0
"""Seconds that a supervisor which starts, or makes its socket anew, may be without one."""

SPARE = 2
"""Connections kept for further questions."""


class Supervisor:
    """Where the supervisor of one confinement of a home is reached."""

    def __init__(self, home: Home, key: str | None = None, settings: Mapping[str, Any] | None = None) -> None:
        self.home = home
        self._settings = dict(settings or {})
        self.warning: str | None = None
        """What to tell the user once: that a logout will end the jobs of the new supervisor."""
        self._caller = None if key is not None else confinement.describe()
        self._cage = cage.mark() if key is None else b""
        self.key = key if key is not None else confinement.key(self._caller)
        self._spare: list[tuple[int, Link]] = []

    def outgrown(self) -> bool:
        """Return whether this thread put itself into a cage since, which needs another supervisor."""
        return self._caller is not None and self._cage != cage.mark()

    def put_by(self, link: Link) -> None:
        """Keep a connection that has nothing under way: the next question needs no greeting."""
        if len(self._spare) < SPARE:
            self._spare.append((os.getpid(), link))
        else:
            link.close()

    def spare(self) -> Link | None:
        """Return a connection of the pool that is still connected, and not the parent's."""
        while self._spare:
            pid, link = self._spare.pop()
            if pid == os.getpid() and not readable([link.fileno()], 0):
                return link
            link.close()
        return None

    def close(self) -> None:
        """Let the connections kept go."""
        spare, self._spare = self._spare, []
        for _, link in spare:
            link.close()

    def connect(self, start: bool = True) -> Link | None:
        """Connect, or without ``start`` return None if no supervisor runs.

        Raises DrmCommunicationException naming the home.
        """
        attempt, until, nameless = 0, time.monotonic() + _LATEST, math.inf
        while time.monotonic() < until:
            path = self.home.socket(self.key)
            self.home.check()
            try:
                link = self._greet(self.home.at(path))
            except PermissionError as error:
                raise DrmCommunicationException(f"{path}: {error.strerror or error}") from None
            except (TimeoutError, socket.timeout):  # two classes before Python 3.10
                raise DrmCommunicationException(f"{path}: the supervisor does not answer for {_LATEST:g} s") from None
            except (FileNotFoundError, NotADirectoryError, *GONE):
                if not start:
                    return None
            else:
                if self._replaced(link):
                    continue
                if link.facts["fits"] or self._caller is None:
                    return link
                link.close()
                if not link.facts.get("leaves"):
                    self._go_apart()
                    continue
            attempt += 1
            if attempt > 1:
                # The one that leaves has its claim until it is gone; no event tells of that.
                time.sleep(min(0.005 * attempt, 0.1))
                without = election.nameless(self.home.run, self.key, path)
                nameless = min(nameless, time.monotonic()) if without else math.inf
                if time.monotonic() - nameless > self._patience():
                    raise DrmCommunicationException(
                        f"{path} was removed, and its supervisor (pid {without}) does not make it anew:"
                        f" `kill -9 {without}` has its keeper start another, which does; jobs are not harmed"
                    )
            began = time.monotonic()
            self._start()
            until += time.monotonic() - began  # however long it took, it is asked once it is there
        raise DrmCommunicationException(f"the supervisor in {self.home.here} does not answer; see supervisor.log there")

    def _patience(self) -> float:
        """Seconds that a supervisor which starts may be without a socket."""
        from proctracker.linux import netfs  # here: hardly anybody ever waits so long

        return _NAMELESS if netfs.file_system(self.home.here) is None else _LATEST / 2

    def _go_apart(self) -> None:
        """Look for the supervisor of callers that do not fit the one of our key.

        Raises where it was that one already.
        """
        key = confinement.key(self._caller, apart=True)
        if key == self.key:
            raise DrmCommunicationException(
                f"the supervisor {key} in {self.home.here} has other limits, groups or a higher nice value than this process"
            )
        self.key = key

    def _replaced(self, link: Link) -> bool:
        """Replace an older release's supervisor by ours, which keeps its children, or raise its refusal."""
        from proctracker.version import __version__

        theirs, ours = _numbers(link.facts["package"]), _numbers(__version__)
        if theirs > ours or (theirs == ours and link.facts.get("level", 1) >= protocol.LEVEL):
            if link.facts["version"] > protocol.VERSION:
                link.close()
                raise DrmCommunicationException(
                    f"the supervisor in {self.home.here} is of proctracker {link.facts['package']} (protocol"
                    f" {link.facts['version']}), this is {__version__} (protocol {protocol.VERSION}): use the newer one"
                )
            return False
        from proctracker.client.start import command

        try:
            link.call("upgrade", {"command": command(self.home, self.key)}, again=False)
            while True:  # it closes the connection when it becomes the new one
                link.pushed(-1)
                readable([link.fileno()], None)
        except GONE:
            pass
        finally:
            link.close()
        return True

    def _start(self) -> None:
        """Start a supervisor, and keep what there is to warn of."""
        from proctracker.client.start import start

        self.home.prepare()
        durability = str(self._settings.get("durability") or "process")
        self.warning = start(self.home, self.key, durability, not self._of_ours(), Link.notice)

    def _of_ours(self) -> bool:
        """Return whether a supervisor that we start has the confinement its key names."""
        caller = self._caller or confinement.describe()
        return self.key in (confinement.key(caller), confinement.key(caller, apart=True))

    def _anew(self) -> Link:
        """Connect again, starting a supervisor where none runs."""
        link = self.connect()
        assert link is not None
        return link

    def _greet(self, path: str) -> Link:
        """Connect to a socket, and exchange versions."""
        link = Link(socketpath.connect(path, _LATEST), self.key, self.home.here, self._anew)
        try:
            link.hello(self._settings, self._caller)
        except BaseException:
            link.close()
            raise
        return link


def _numbers(version: str) -> list[int]:
    """A version as something to compare."""
    return [int(part) for part in version.split(".") if part.isdigit()]
