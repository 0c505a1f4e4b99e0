"""What clients are told while they wait: why their answer does not come, for people to read."""

from __future__ import annotations

from proctracker.linux import logout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Sequence

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.scheduling.queue import Queue
    from proctracker.supervisor.serving.connection import Connection

STARTS = "`proctracker session start`, as any submit, lets them go on"
"""What is to be done about queued jobs that a reboot or a double death left."""


class Notices:
    """Sends lines to those of ``connections`` that said in ``hello`` that they show such."""

    def __init__(self, here: Here, queue: Queue, connections: Iterable[Connection]) -> None:
        self._here, self._queue, self._connections = here, queue, connections
        self._troubles: dict[str, str] = {}
        self._warning: str | None = None

    def located(self) -> None:
        """Look where we are, and warn the next submit if jobs end with a logout now."""
        login, me = logout.describe(), self._here.me
        if login.lifetime is None:
            self._warning = None
        elif me["lifetime"] is None:
            self._warning = logout.warning(login)
        me["lifetime"] = login.lifetime

    def submitted(self, connection: Connection) -> None:
        """Tell a client that submits jobs, as the first since that, what they end with."""
        if self._warning and connection.shows:
            self._tell(connection, self._warning)
            self._warning = None

    def greeted(self, connection: Connection, shown: bool) -> None:
        """Greet a client, which with ``shown`` shows notices."""
        connection.shows = shown
        for text in self._troubles.values():
            self._tell(connection, text)

    def trouble(self, text: str | None, about: str = "store") -> None:
        """Tell why nothing can be written, or a scheduler does not answer, None being over."""
        known = self._troubles.pop(about, None)
        if text is not None:
            self._troubles[about] = text
            for connection in list(self._connections) if text != known else ():
                self._tell(connection, text)

    def awaited(self, connection: Connection, ids: Sequence[str]) -> None:
        """Tell a client that waits what somebody has to do for jobs that are held back."""
        here = self._here
        if not self._queue.paused or here.stands_in:
            return
        jobs = [here.jobs.find(name) for name in ids]
        left = [job.row.id for job in jobs if job is not None and job.waits and not job.held]
        if left:
            what = f"job {left[0]} is" if len(left) == 1 else f"{len(left)} of these jobs are"
            why = "left by a reboot or by the death of keeper and supervisor"
            self._tell(connection, f"{what} queued, {why}: {STARTS}")

    @staticmethod
    def _tell(connection: Connection, text: str) -> None:
        if connection.shows:
            connection.send({"notice": text})
