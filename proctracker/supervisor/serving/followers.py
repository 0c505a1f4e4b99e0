"""Sends followers the store's changes after the last that each saw."""

from __future__ import annotations

from proctracker.errors import Drmaa2Exception, InvalidArgumentException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.scheduling.storewatch import StoreWatch
    from proctracker.supervisor.serving.connection import Connection

PORTION = 1000
"""Changes in one push, the next coming when the client has read that."""

BEHIND = 10_000
"""Changes during which a client may read nothing before its connection is closed."""

MOST = 10
"""Followers that one connection may have."""

LOOK_AGAIN = 1.0
"""Seconds until a store is read again that could not be."""


class Follower:
    """Is one client: its pushes' number, its session, the last change it was sent."""

    __slots__ = ("connection", "number", "seq", "sent", "session", "top")

    def __init__(self, connection: Connection, number: int, session: str | None, seq: int) -> None:
        self.connection, self.number, self.session, self.seq = connection, number, session, seq
        self.sent, self.top = connection.sent, seq

    def stalled(self, top: int) -> bool:
        """Whether it has read nothing for too many changes."""
        if self.sent != self.connection.sent:
            self.sent, self.top = self.connection.sent, top
        return top - self.top > BEHIND


class Followers:
    """Sends changes from the store, so that nothing is told twice or left out."""

    def __init__(self, here: Here, storewatch: StoreWatch) -> None:
        self._here, self._storewatch = here, storewatch
        self._followers: list[Follower] = []

    def __bool__(self) -> bool:
        return bool(self._followers)

    def add(self, connection: Connection, number: int, session: str | None, since: int | None) -> int:
        """Follow for a client after that sequence number (None: from now), and return it."""
        if sum(each.connection is connection for each in self._followers) >= MOST:
            raise InvalidArgumentException(f"{MOST} followers are the most on one connection")
        last = self._here.store.last_change()
        seq = last if since is None else min(max(since, 0), last)
        self._followers.append(Follower(connection, number, session, seq))
        self._here.loop.soon(self.feed)
        return seq

    def cancel(self, connection: Connection, number: int) -> None:
        """Forget one follower."""
        self._followers = [each for each in self._followers if (each.connection, each.number) != (connection, number)]

    def gone(self, connection: Connection) -> None:
        """A client has left."""
        self._followers = [each for each in self._followers if each.connection is not connection]

    def feed(self) -> None:
        """Send everybody what is new, as far as they read."""
        if not self._followers:
            return
        here = self._here
        self._storewatch.once(self.feed)  # before the look: what others write after it is told
        try:
            top = here.store.last_change()
            known: dict[int, list[Any]] = {}
            for follower in list(self._followers):
                self._one(follower, top, known)
        except Drmaa2Exception:
            here.loop.after(LOOK_AGAIN, self.feed)

    def _one(self, follower: Follower, top: int, known: dict[int, list[Any]]) -> None:
        connection = follower.connection
        if connection.behind:
            if follower.stalled(top):
                connection.close()
            return
        if follower.seq >= top:
            return
        found = known.get(follower.seq)
        if found is None:
            found = known[follower.seq] = self._here.store.changes(follower.seq, PORTION)
        if not found:
            follower.seq = top  # what was there was reaped
            return
        follower.seq = found[-1][0]
        items = [change for _, *change in found if follower.session in (None, change[1])]
        if items:
            connection.send({"push": follower.number, "seq": follower.seq, "items": items})
        if follower.seq < top:
            self._here.loop.soon(self.feed)
