"""Job numbers: blocks of 1,000 taken with mkdir(2), which is atomic on NFS too, so no two hosts share one."""

from __future__ import annotations

import os

from proctracker.store.paths import Home, trouble

BLOCK = 1000


def take_block(home: Home) -> range:
    """Take the next free block. Raises OutOfResource or DrmCommunication naming the directory."""
    folder = os.path.join(home.path, "ids")
    try:
        taken = [int(name) for name in os.listdir(folder) if name.isdigit()]
        number = max(taken, default=-1) + 1
        while True:
            try:
                os.mkdir(os.path.join(folder, str(number)), 0o700)
                break
            except FileExistsError:
                number += 1
    except OSError as error:
        raise trouble(home.path, error) from None
    return range(number * BLOCK + (number == 0), (number + 1) * BLOCK)
