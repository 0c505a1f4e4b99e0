"""Which file systems are a network's."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from proctracker.linux import netfs


def test_the_kernels_number_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert netfs.file_system("/proc") is None
    told = subprocess.run(["stat", "-f", "-c", "%t", str(tmp_path)], capture_output=True, text=True, check=True)
    monkeypatch.setattr(netfs, "_MAGIC", {int(told.stdout, 16): "nfs"})
    assert netfs.file_system(str(tmp_path)) == "nfs"
    assert netfs.file_system("/proc") is None


def test_nowhere_is_no_network(tmp_path: Path) -> None:
    assert netfs.file_system(str(tmp_path / "none")) is None


def test_locks_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert netfs.locks_work(str(tmp_path))

    def refuse(fd: int, operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    assert not netfs.locks_work(str(tmp_path))
    assert not os.listdir(tmp_path)
