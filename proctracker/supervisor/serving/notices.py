"""What clients are told while they wait: why their answer does not come, for people to read."""

from __future__ import annotations

from proctracker.linux import logout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.supervisor.service import Core
    from proctracker.supervisor.serving.server import Connection

STARTS = "`proctracker session start`, as any submit, lets them go on"
"""What is to be done about queued jobs that a reboot, or the death of keeper and supervisor, has left."""


class Notices:
    """Sends lines to the clients that said in ``hello`` that they show such."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._troubles: dict[str, str] = {}
        self._warning: str | None = None

    def located(self) -> None:
        """Look where we are, as that changes: a user may linger no longer. The next submit is told if jobs end with it now."""
        login, me = logout.describe(), self._core.me
        if login.lifetime is None:
            self._warning = None
        elif me["lifetime"] is None:
            self._warning = logout.warning(login)
        me["lifetime"] = login.lifetime

    def submitted(self, connection: Connection) -> None:
        """A client has submitted jobs: it is told, as the first since that, what they end with."""
        if self._warning and connection.shows:
            self._tell(connection, self._warning)
            self._warning = None

    def greeted(self, connection: Connection, shown: bool) -> None:
        """A client has come; ``shown``: it shows notices."""
        connection.shows = shown
        for text in self._troubles.values():
            self._tell(connection, text)

    def trouble(self, text: str | None, about: str = "store") -> None:
        """Nothing can be written down, or a scheduler does not answer, and why; None: that is over."""
        known = self._troubles.pop(about, None)
        if text is not None:
            self._troubles[about] = text
            for connection in list(self._core.server.connections) if text != known else ():
                self._tell(connection, text)

    def awaited(self, connection: Connection, ids: Sequence[str]) -> None:
        """A client is about to wait for jobs: for those that are held back somebody has to do something."""
        core = self._core
        if not core.paused or core.stands_in:
            return
        jobs = [core.jobs.find(name) for name in ids]
        left = [job.row.id for job in jobs if job is not None and job.waits and not job.held]
        if left:
            what = f"job {left[0]} is" if len(left) == 1 else f"{len(left)} of these jobs are"
            why = "left by a reboot or by the death of keeper and supervisor"
            self._tell(connection, f"{what} queued, {why}: {STARTS}")

    @staticmethod
    def _tell(connection: Connection, text: str) -> None:
        if connection.shows:
            connection.send({"notice": text})
