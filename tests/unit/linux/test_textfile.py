"""Small files of the system as text."""

from __future__ import annotations

import os
from pathlib import Path

from proctracker.linux.textfile import tail, text_of


def test_bytes_that_are_no_text_come_through(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a\xff\n")
    assert text_of(str(tmp_path / "file")).encode("utf-8", "surrogateescape") == b"a\xff\n"


def test_what_cannot_be_read_is_empty(tmp_path: Path) -> None:
    assert text_of(str(tmp_path)) == text_of(str(tmp_path / "no")) == ""


def test_the_end_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123\xff")
    os.mkfifo(tmp_path / "fifo")
    assert tail(str(tmp_path / "file"), 3) == "23\udcff"
    assert tail(str(tmp_path / "fifo")) == tail(str(tmp_path)) == tail(str(tmp_path / "no")) == ""
