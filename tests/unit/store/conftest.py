"""A state directory, its store, and a disk that is soon full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctracker.store import Home, Reader, Store


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A state directory that is not there yet."""
    return Home(str(tmp_path / "state"), "node1")


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """Its store, open to write."""
    opened = Store(home)
    yield opened
    opened.close()


@pytest.fixture
def reader(home: Home) -> Iterator[Reader]:
    """Its reader."""
    made = Reader(home)
    yield made
    made.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB; for root alone."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here (root alone can)")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
