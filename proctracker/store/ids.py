"""Gives out job numbers, in blocks taken with mkdir(2), so that no two hosts share one."""

from __future__ import annotations

import os
from collections.abc import Iterable

from proctracker.store.paths import Home, trouble

BLOCK = 1000


def take_block(home: Home) -> range:
    """Take the next free block. Raises OutOfResource or DrmCommunication naming the directory."""
    try:
        folder = home.at(home.ids)
        number = max((int(name) for name in os.listdir(folder) if name.isdigit()), default=-1) + 1
        while not _made(os.path.join(folder, str(number))):
            number += 1
        _sync(folder)
    except OSError as error:
        raise trouble(home.ids, error) from None
    return range(number * BLOCK + (number == 0), (number + 1) * BLOCK)


def reserve(home: Home, blocks: Iterable[int]) -> None:
    """Take these blocks, if nobody has them. Raises as ``take_block``."""
    try:
        folder = home.at(home.ids)
        for number in blocks:
            _made(os.path.join(folder, str(number)))
        _sync(folder)
    except OSError as error:
        raise trouble(home.ids, error) from None


def _made(folder: str) -> bool:
    """Make a directory, and return False if it was there."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return False
    return True


def _sync(folder: str) -> None:
    """Make a new entry outlive a loss of power: the block would be handed out twice else."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError:
        pass  # some network file systems cannot; their server has it already
    finally:
        os.close(fd)
