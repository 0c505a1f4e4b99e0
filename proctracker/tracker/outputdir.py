"""Keeps output without a path where the configuration says, below a directory of ours."""

from __future__ import annotations

import os

from proctracker.errors import DrmCommunicationException, InvalidArgumentException, OutOfResourceException
from proctracker.linux import trusted
from proctracker.tracker import infos

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from proctracker.store.paths import Home

_REMEDY = "name another output_dir in the configuration"


def settle(spec: dict[str, Any], output_dir: str | None, home: Home) -> None:
    """Put into a job's spec where its output is kept, and make that directory.

    A site may name one directory for everybody (mode 1777), and a user may have several homes that count from 1 each.
    Raises InvalidArgumentException where the configuration's directory is missing, DeniedByDrmsException where others
    can put another in its place, DrmCommunicationException or OutOfResourceException where nothing can be made in it.
    """
    spec["output_dir"] = None
    if output_dir is None:
        return
    home.prepare()
    path = os.path.join(output_dir, infos.owner(), home.uuid)
    try:
        os.close(trusted.reach(output_dir, _REMEDY))
    except OSError as error:
        raise InvalidArgumentException(
            f"output_dir (configuration): {error.filename or output_dir}: {error.strerror}: make it, or {_REMEDY}"
        ) from None
    try:
        os.close(trusted.hold(path, _REMEDY, make=True))
    except OSError as error:
        kind = OutOfResourceException if error.errno in trusted.FULL else DrmCommunicationException
        raise kind(f"output_dir (configuration): {error.filename or path}: {error.strerror}: {_REMEDY}") from None
    spec["output_dir"] = path
