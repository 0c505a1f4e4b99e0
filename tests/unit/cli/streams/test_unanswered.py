"""Tests what is told of a file system that does not answer."""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path

import pytest

from contract.kit import LONG
from proctracker.cli.streams import unanswered

MOUNTS = r"""21 1 253:0 / / rw,relatime - ext4 /dev/vda rw
30 21 0:30 / /home rw,relatime shared:1 - nfs4 server:/home rw,vers=4.2
31 30 253:1 / /home/me/local rw - xfs /dev/vdb rw
32 21 0:31 / /with\040blank rw - fuse.sshfs server: rw
33 30 0:32 / /home/over rw - tmpfs tmpfs rw
34 30 0:33 / /home/over rw - lustre mgs:/x rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> str:
    """A mount table."""
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    return str(path)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/x", "ext4"),
        ("/homework", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/.local", "nfs4"),
        ("/home/me/local/x", "xfs"),
        ("/with blank/x", "fuse.sshfs"),
        ("/home/over/x", "lustre"),
    ],
)
def test_the_file_system_is_known_by_the_mount_table(mounts: str, path: str, kind: str) -> None:
    assert unanswered._kind(path, mounts) == kind


def test_a_local_disk_is_not_watched(mounts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unanswered, "_watch", lambda path: pytest.fail("watched"))
    assert not unanswered.watch("/var/x", mounts)
    assert not unanswered.watch("/var/x", "/nonexistent")


def test_a_server_that_is_gone_and_comes_back_is_told_of(mounts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: queue.Queue[str] = queue.Queue()
    back = threading.Event()
    monkeypatch.setattr(unanswered, "PATIENCE", 0.01)
    monkeypatch.setattr(os, "statvfs", lambda path: back.wait())
    monkeypatch.setattr(unanswered.formats, "say", told.put)
    assert unanswered.watch("/home/me", mounts)
    assert told.get(timeout=LONG) == "the file system of /home/me does not answer: waiting for its server"
    back.set()
    assert told.get(timeout=LONG) == "the file system of /home/me answers again"
