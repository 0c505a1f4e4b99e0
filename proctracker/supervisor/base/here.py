"""Holds what all parts of one supervisor share."""

from __future__ import annotations

import os

from proctracker.linux import procfs
from proctracker.model import JobRow
from proctracker.store import Home, Store
from proctracker.supervisor.base import settings
from proctracker.supervisor.base.files import Files
from proctracker.supervisor.base.jobs import Jobs
from proctracker.supervisor.base.ledger import Ledger
from proctracker.supervisor.base.loop import Loop
from proctracker.wire import confinement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.seat import Seat


class Here:
    """The one object that is handed to every part. It uses no part."""

    def __init__(self, home: Home, key: str, seat: Seat) -> None:
        self.home, self.key, self.seat = home, key, seat
        self.uuid = home.uuid
        self.boot = procfs.boot_id()
        self.settings = settings.load(home, key)
        self.loop = Loop()
        self.files = Files(self.loop)
        self.store = Store(home, os.environ.get("PROCTRACKER_DURABILITY", "process"))
        self.ledger = Ledger(self.store, seat.journal, self.loop)
        self.jobs = Jobs()
        self.me = confinement.describe()
        """Our confinement, as it is compared with those of clients."""
        self.stands_in = bool(os.environ.get(confinement.STANDS_IN))
        """Whether it was started from another confinement, and controls but starts nothing."""

    def mark(self, row: JobRow) -> str:
        """Return what the processes of a job carry in their environment."""
        return f"{self.uuid}/{row.id}/{row.attempt}"
