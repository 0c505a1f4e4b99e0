"""The last lines that jobs wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from proctracker.cli.reporting import lastlines
from proctracker.model import JobState
from proctracker.store import Store


def told(pt: Any, name: str) -> dict[str, list[str]]:
    """The last lines of a job, as the report has them."""
    (job,) = json.loads(pt("report", "--json", name).out)["jobs"]
    return job["last_lines"] or {}


@pytest.mark.parametrize(
    ("data", "cut", "lines"),
    [
        (b"one\ntwo\n", False, ["one", "two"]),
        (b"no end", False, ["no end"]),
        (b"", False, []),
        (b"\n\nlast\n", False, ["last"]),
        (b"half\nwhole\n", True, ["whole"]),
        (b"goes on and on", True, ["…goes on and on"]),
        (b"\xa9\xa9\xc3\xa9t\xc3\xa9", True, ["…été"]),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07plain\n", False, ["red plain"]),
        (b"10 %\r50 %\r100 %\r\n", False, ["100 %"]),
        (b"a\tb\n", False, ["a       b"]),
        (b"\0\x07\xff\xe2\x80\xae\n", False, ["\\x00\\x07\\xff\\u202e"]),
    ],
)
def test_lines_are_as_one_reads_them(data: bytes, cut: bool, lines: list[str]) -> None:
    assert lastlines.cleaned(data, 4096, cut=cut) == lines


def test_no_more_than_asked_for() -> None:
    lines = lastlines.cleaned(b"".join(b"%d\n" % number for number in range(1000)), 4096, cut=False)
    assert lines == [str(number) for number in range(1000 - lastlines.LINES, 1000)]
    (line,) = lastlines.cleaned(bytes(4096), 4096, cut=False)
    assert len(line) == 4097 and line.startswith("…") and line.endswith("\\x00")
    assert sum(map(len, lastlines.cleaned(b"x" * 300 + b"\n" + b"y" * 300, 400, cut=False))) <= 400


def test_of_those_that_failed_alone_and_of_both_streams(pt: Any) -> None:
    pt("run", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    pt("run", "--", "sh", "-c", "echo fine")
    pt("run", "--join", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert told(pt, "1") == {"stdout": ["out"], "stderr": ["err"]}
    assert told(pt, "2") == {}
    assert told(pt, "3") == {"stdout": ["out", "err"]}


def test_of_a_lost_job_too(pt: Any, home: Any) -> None:
    pt("run", "--", "sh", "-c", "echo so far; exit 1")
    store = Store(home)
    (row,) = store.jobs(["1"])
    store.begin()
    row.state, row.sub_state, row.exit_status = int(JobState.UNDETERMINED), "lost", None
    store.update(row, ["state", "sub_state", "exit_status"])
    store.commit()
    store.close()
    assert told(pt, "1") == {"stdout": ["so far"]}


def test_a_line_of_a_megabyte(pt: Any) -> None:
    pt("submit", "--", "sh", "-c", "head -c 1048576 /dev/zero | tr '\\0' x; echo the end; exit 1")
    pt("wait", "1")
    (line,) = told(pt, "1")["stdout"]
    assert line.startswith("…xxx") and line.endswith("xthe end") and len(line) < 5000


@pytest.mark.parametrize("what", ["gone", "fifo", "unreadable"])
def test_a_file_that_cannot_be_read_is_no_matter(pt: Any, tmp_path: Path, what: str) -> None:
    path = tmp_path / "out"
    pt("submit", "-o", str(path), "--", "sh", "-c", "echo here; exit 1")
    pt("wait", "1")
    path.unlink()
    if what == "fifo":
        os.mkfifo(path)
    elif what == "unreadable":
        path.mkdir()
    found = pt("report", "--json", "1")
    assert (found.code, found.err) == (0, "")
    assert json.loads(found.out)["jobs"][0]["last_lines"] is None


def test_kept_output_that_is_a_link_by_now_is_not_followed(pt: Any, home: Any, tmp_path: Path) -> None:
    pt("submit", "--", "sh", "-c", "echo mine; exit 1")
    pt("wait", "1")
    kept = Path(home.kept("1", 1, "out"))
    kept.unlink()
    (tmp_path / "other").write_text("somebody else's\n")
    kept.symlink_to(tmp_path / "other")
    assert "stdout" not in told(pt, "1")


def test_many_share_what_there_is_room_for(pt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lastlines, "_TOTAL", 12_000)
    pt("array", "1-20", "--", "sh", "-c", "seq 2000; exit 1")
    pt("wait", "1")
    jobs = json.loads(pt("report", "--json").out)["jobs"]
    assert {job["last_lines"]["stdout"][-1] for job in jobs} == {"2000"}
    assert sum(len(line) for job in jobs for line in job["last_lines"]["stdout"]) <= 12_000
