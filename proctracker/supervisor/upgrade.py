"""Going on as another release of the package, with all children, descriptors and waiting clients' socket kept."""

from __future__ import annotations

import os

from proctracker.errors import DrmCommunicationException
from proctracker.supervisor.base.seat import become

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.service import Core

PROBE_WAIT = 10.0
"""Seconds the new release may take to say that it can start."""


def upgrade(core: Core, command: list[bytes]) -> None:
    """Try the new release, tell the keeper, become it. Raises DrmCommunicationException where it does not start."""
    import subprocess

    try:
        subprocess.run(
            [*command, b"--probe"], stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_WAIT, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise DrmCommunicationException(f"the new release does not start, the old one goes on: {error}") from None
    seat = core.seat
    os.ftruncate(seat.command, 0)
    os.pwrite(seat.command, b"\0".join(command), 0)
    core.loop.soon(lambda: _become(core, command))


def _become(core: Core, command: list[bytes]) -> None:
    core.ledger.flush()
    core.close()
    become(core.seat, command)
