"""Where output is, and an engine's log on its way to us."""

from __future__ import annotations

import os
import sys

import pytest

from proctracker import runtimes
from proctracker.cli import output
from proctracker.model import JobRow
from proctracker.store import Home

SCRIPT = "import sys; print('a'); print('b'); sys.stdout.write('c'); sys.stdout.flush(); print('e', file=sys.stderr)"


class Engine:
    keeps_logs = True

    def logs(self, engine, name, follow):
        return (sys.executable, "-c", SCRIPT)


@pytest.fixture
def row(monkeypatch):
    monkeypatch.setitem(runtimes._loaded, "podman", Engine())
    return JobRow("1", 1, runtime="podman", container="c")


SPEC = {"engine": {"command": ["podman"], "env": {"PATH": os.environ["PATH"]}}}


def test_an_engines_log_is_shown_on_both_descriptors(row, capfd):
    output.Log(row, SPEC, {"stdout": 1, "stderr": 2}, follow=False).all()
    assert capfd.readouterr() == ("a\nb\nc", "e\n")


def test_both_streams_on_one_descriptor(row, capfd):
    output.Log(row, SPEC, {"stdout": 1, "stderr": 1}, follow=False, prefix=b"1: ").all()
    out, err = capfd.readouterr()
    assert sorted(out.splitlines()) == ["1: a", "1: b", "1: c", "1: e"] and not err


def test_a_stream_alone_with_the_id_before_each_line(row, capfd):
    output.Log(row, SPEC, {"stdout": 1}, follow=False, prefix=b"1: ").all()
    assert capfd.readouterr() == ("1: a\n1: b\n1: c\n", "")


def test_its_last_lines(row, capfd):
    skip = output.lines_before(row, SPEC, 2)
    assert skip == {"stdout": 1, "stderr": 0}
    output.Log(row, SPEC, {"stdout": 1}, follow=False, skip=skip).all()
    assert capfd.readouterr().out == "b\nc"


def test_files_of_a_job_and_those_kept(tmp_path):
    home = Home(str(tmp_path))
    both = {"stdout": 1, "stderr": 2}
    plain = JobRow("1", 1, attempt=2)
    assert [each.path for each in output.tails(home, plain, {}, both)] == [
        home.kept("1", 2, "out"),
        home.kept("1", 2, "err"),
    ]
    own = JobRow("1", 1, output="/o")
    assert [(each.path, each.lines.fd) for each in output.tails(home, own, {}, both)] == [
        ("/o", 1),
        (home.kept("1", 1, "err"), 2),
    ]
    assert [each.path for each in output.tails(home, own, {"join": True}, both)] == ["/o"]
    assert [each.path for each in output.tails(home, own, {}, {"stderr": 1})] == [home.kept("1", 1, "err")]
