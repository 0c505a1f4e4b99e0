"""Receives what a supervisor tells of waits and changes, also across its death."""

from __future__ import annotations

from proctracker.client.link import GONE, Link
from proctracker.client.supervisor import Supervisor
from proctracker.errors import from_wire
from proctracker.model import JobRow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence


class _Pushed:
    """Holds a connection on which the supervisor pushes, renewed when it has gone."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._link: Link | None = None
        self._number = 0

    def fileno(self) -> int:
        """Return the socket's descriptor, another one after each death of a supervisor."""
        return self._connected().fileno()

    def _connected(self) -> Link:
        while self._link is None:
            link = self._supervisor.spare() or self._supervisor.connect(True)
            assert link is not None
            try:
                self._number = self._begin(link)
                self._link = link
            except GONE:
                link.close()
            except BaseException:
                link.close()
                raise
        return self._link

    def _begin(self, link: Link) -> int:
        raise NotImplementedError

    def _pushes(self) -> list[dict[str, Any]]:
        """Return what has come, and leave nothing that ``fileno`` would not tell of."""
        while True:
            link = self._connected()
            try:
                return link.pushed(self._number)
            except GONE:
                link.close()
                self._link = None

    def settle(self) -> None:
        """Have everything here that the supervisor could tell at the time of this call."""
        try:
            self._connected().call("status", {}, again=False)
        except GONE:
            self._connected()

    def close(self) -> None:
        """Await nothing more."""
        if self._link is not None:
            if self._answered():
                self._supervisor.put_by(self._link)
            else:
                self._link.close()
            self._link = None

    def _answered(self) -> bool:
        return False  # more may be pushed, so the connection can serve no other question


class Wait(_Pushed):
    """A question about jobs under way: ``receive`` first, then whenever ``fileno`` is readable.

    First, because what the supervisor knew at once came with its answer and makes no descriptor readable.
    """

    def __init__(self, supervisor: Supervisor, ids: Sequence[str], states: str, any_: bool) -> None:
        super().__init__(supervisor)
        self._open = dict.fromkeys(ids)
        self._order = list(self._open)
        self._states, self._any = states, any_
        self._rows: dict[str, JobRow] = {}

    def _begin(self, link: Link) -> int:
        return link.ask("wait", {"ids": list(self._open), "kind": self._states, "all": not self._any})[0]

    def _answered(self) -> bool:
        return not self._open

    def receive(self) -> list[JobRow] | None:
        """Return the rows in the order asked, or None as long as the question is open.

        Raises InvalidArgumentException for an unknown id or one that was reaped meanwhile.
        """
        if not self._open and not self._rows:
            return []
        self._feed()
        if (self._any and self._rows) or not self._open:
            return [self._rows[name] for name in self._order if name in self._rows]
        return None

    def take(self) -> list[JobRow]:
        """Return the rows that came since the last call, each once.

        Empty says none yet, or no more to come. Raises as ``receive``.
        """
        if self._open:
            self._feed()
        found, self._rows = list(self._rows.values()), {}
        return found

    def _feed(self) -> None:
        for message in self._pushes():
            if "error" in message:
                raise from_wire(message["error"])
            for values in message["items"]:
                row = JobRow(*values)
                self._rows[row.id] = row
                self._open.pop(row.id, None)


class Follow(_Pushed):
    """State changes as they happen: ``receive`` first, then whenever ``fileno`` is readable.

    Begins after sequence number ``since`` (None: with what comes from now on). A supervisor that has gone is followed
    by the next from where it was, so nothing is told twice or left out.
    """

    def __init__(self, supervisor: Supervisor, session: str | None, since: int | None = None) -> None:
        super().__init__(supervisor)
        self._session, self._seq = session, since

    def _begin(self, link: Link) -> int:
        number, answer = link.ask("follow", {"session": self._session, "since": self._seq})
        self._seq = answer["seq"]
        return number

    def receive(self) -> list[dict[str, Any]]:
        """Return the changes since: job_id session attempt time (epoch seconds) state sub_state."""
        names = ("job_id", "session", "attempt", "time", "state", "sub_state")
        found = []
        for message in self._pushes():
            found += [dict(zip(names, change)) for change in message["items"]]
            self._seq = message["seq"]
        return found
