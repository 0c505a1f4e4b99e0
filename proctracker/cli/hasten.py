"""A supervisor's start, begun before the command that needs it has loaded its own code."""

from __future__ import annotations

import os

from proctracker.errors import Drmaa2Exception
from proctracker.store.paths import Home, home_path
from proctracker.wire import confinement


def hasten() -> None:
    """Begin the start of our supervisor if none runs: it loads its code while we load ours.

    Makes no state directory, for the command may still turn out to be wrong; what is in the way is told when it is met.
    """
    home, key = Home(home_path(os.environ)), confinement.key()
    if not os.path.isdir(home.run) or os.path.exists(home.socket(key)):
        return
    from proctracker import config
    from proctracker.client import start

    try:
        start.hasten(home, key, config.load(os.environ).durability)
    except Drmaa2Exception:
        return
