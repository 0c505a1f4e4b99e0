"""Where output is, and an engine's log on its way to us."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from proctracker import runtimes
from proctracker.cli.streams import output
from proctracker.cli.streams.logpart import WHOLE
from proctracker.model import JobRow
from proctracker.store import Home

SCRIPT = "import sys; print('a'); print('b'); sys.stdout.write('c'); sys.stdout.flush(); print('e', file=sys.stderr)"


class Engine:
    keeps_logs = True
    script = SCRIPT

    def logs(self, engine, name, follow):
        return (sys.executable, "-I", "-S", "-c", self.script)


@pytest.fixture
def fake(monkeypatch):
    made = Engine()
    monkeypatch.setitem(runtimes._loaded, "podman", made)
    return made


@pytest.fixture
def row(fake):
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
    skip = output.lines_before(row, SPEC, 2, "stdout", WHOLE)
    assert skip == {"stdout": 1, "stderr": 0}
    output.Log(row, SPEC, {"stdout": 1}, follow=False, skip=skip).all()
    assert capfd.readouterr().out == "b\nc"


def test_joined_streams_are_one(row, capfd):
    joined = {**SPEC, "join": True}
    output.Log(row, joined, {"stdout": 1, "stderr": 2}, follow=False).all()
    out, err = capfd.readouterr()
    assert (sorted(out.split()), err) == (["a", "b", "ce"], "")
    output.Log(row, joined, {"stderr": 1}, follow=False).all()
    assert capfd.readouterr() == ("", "")
    assert output.lines_before(row, joined, 1, "stdout", WHOLE) == {"stdout": 2, "stderr": 0}


@pytest.fixture
def saved(tmp_path):
    """Where the log of a container that was removed is."""
    paths = {"stdout": str(tmp_path / "out"), "stderr": str(tmp_path / "err")}
    for stream, path in paths.items():
        Path(path).write_text(f"saved {stream}\n")
    return paths


GONE = "import sys; sys.exit('Error: no such container')"


def test_a_container_that_was_removed(fake, row, saved, capfd):
    fake.script = GONE
    output.Log(row, SPEC, {"stdout": 1, "stderr": 2}, follow=True, saved=saved).all()
    assert capfd.readouterr() == ("saved stdout\n", "saved stderr\n")


def test_a_removed_container_whose_streams_were_joined(fake, row, saved, capfd):
    fake.script = GONE
    output.Log(row, {**SPEC, "join": True}, {"stdout": 1, "stderr": 2}, follow=True, saved=saved).all()
    assert capfd.readouterr() == ("saved stdout\n", "")


def test_a_removed_containers_streams_stay_apart_whichever_ends_first(fake, row, saved, capfd, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    fake.script = f"import os, sys; os.close(1); open({str(gate)!r}).read(); sys.exit('Error: no such container')"
    log = output.Log(row, SPEC, {"stdout": 1, "stderr": 2}, follow=True, saved=saved)
    while len(log.fds()) == 2:
        log.pump(select.select(log.fds(), [], [])[0])
    gate.write_text("")
    log.all()
    assert capfd.readouterr() == ("saved stdout\n", "saved stderr\n")


@pytest.mark.parametrize("code", [0, 1])
def test_a_log_that_is_cut_off_is_completed(fake, row, saved, capfd, tmp_path, code):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    fake.script = f"import sys; print('sav', end='', flush=True); open({str(gate)!r}).read(); sys.exit({code})"
    for prefix, skip, shown in (
        (b"", {}, "saved stdout\n"),
        (b"7: ", {}, "7: saved stdout\n"),
        (b"", {"stdout": 1}, "more\n"),
    ):
        if skip:
            Path(saved["stdout"]).write_text("saved stdout\nmore\n")
        log = output.Log(row, SPEC, {"stdout": 1}, follow=True, prefix=prefix, skip=skip, saved=saved)
        log.pump(select.select(log.fds(), [], [])[0])
        gate.write_text("")
        log.all()
        assert (capfd.readouterr().out, log.problem) == (shown, "")


def test_an_engine_that_fails_for_another_reason(fake, row, saved, capfd):
    fake.script = GONE
    os.unlink(saved["stdout"])
    for given in (saved, None):
        log = output.Log(row, SPEC, {"stdout": 1, "stderr": 2}, follow=True, saved=given)
        log.all()
        assert (log.problem, capfd.readouterr()) == ("Error: no such container", ("", ""))


@pytest.mark.parametrize(
    ("script", "env", "problem"),
    [
        ("raise SystemExit(3)", {}, "exit code 3"),
        ("", {"PATH": "/nonexistent"}, "podman: command not found"),
        ("", {}, ""),
        ("print('a')", {}, ""),
    ],
)
def test_an_engine_that_fails_without_a_word(fake, row, capfd, script, env, problem):
    fake.script = script
    if env:
        fake.logs = lambda *given: ("podman", "logs")
    log = output.Log(row, {"engine": {"command": ["podman"], "env": env}}, {"stdout": 1}, follow=False)
    log.all()
    assert (log.problem, capfd.readouterr().err) == (problem, "")


@pytest.mark.parametrize("first", ["print('a', flush=True)", "", "import time; time.sleep(0.5)"])
def test_a_job_that_writes_to_stderr_first(fake, row, saved, capfd, first):
    fake.script = f"import sys; print('e', file=sys.stderr, flush=True); {first or 'pass'}; print('b')"
    output.Log(row, SPEC, {"stdout": 1, "stderr": 2}, follow=True, saved=saved).all()
    assert capfd.readouterr() == ("a\nb\n" if "print" in first else "b\n", "e\n")


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
