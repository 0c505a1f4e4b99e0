"""Goes on as another release, with all children, descriptors and the socket."""

from __future__ import annotations

import os

from proctracker.errors import DrmCommunicationException
from proctracker.supervisor.base.seat import become

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.here import Here

PROBE_WAIT = 10.0
"""Seconds the new release may take to say that it can start."""


def upgrade(here: Here, close: Callable[[], None], command: list[bytes]) -> None:
    """Try the new release, tell the keeper, become it once ``close`` has been called.

    Raises DrmCommunicationException where it does not start; nothing has changed then.
    """
    import subprocess

    try:
        subprocess.run(
            [*command, b"--probe"], stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_WAIT, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise DrmCommunicationException(f"the new release does not start, the old one goes on: {error}") from None
    os.ftruncate(here.seat.command, 0)
    os.pwrite(here.seat.command, b"\0".join(command), 0)

    def go_on() -> None:
        here.ledger.flush()
        close()
        become(here.seat, command)

    here.loop.soon(go_on)
