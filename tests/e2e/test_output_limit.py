"""A job that writes more than is kept goes on, and whoever reads its output is told what is missing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import LONG, cli, until
from e2e.day import one_line, submit
from proctracker.store import Home

LIMIT = 256 * 1024
LINES = 40_000
WRITER = f"""
seq -f 'line %015.0f' {LINES // 2}; while ! test -e "$0"; do sleep 0.05; done; seq -f 'line %015.0f' {LINES // 2 + 1} {LINES}
echo quiet >&2
"""
"""Writes 21 bytes a line; in the middle it waits for a file."""


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = tmp_path / "config.yaml"
    config.write_text("output_limit: 256K\n")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(config))
    return tmp_path / "gate"


def _kept(home: Home, job: str) -> Path:
    return Path(home.kept(job, 1, "out"))


def _within(path: Path) -> bool:
    return path.exists() and path.stat().st_size > LIMIT and path.stat().st_blocks * 512 <= LIMIT


def _numbers(text: str) -> list[int]:
    """The numbers of the whole lines; the two halves of those the hole has cut make no line."""
    return [int(number) for number in re.findall(r"^line (\d{15})$", text, re.MULTILINE)]


def test_the_middle_is_missing_and_logs_says_so(home: Home, gate: Path) -> None:
    job = submit("--", "sh", "-c", WRITER, str(gate))
    until(lambda: _within(_kept(home, job)), "the hole")
    gate.touch()
    assert cli("wait", job).returncode == 0
    path = _kept(home, job)
    assert _within(path)
    assert path.stat().st_size == 21 * LINES
    told = (
        rf"proctracker: job {job}: (\d+) bytes of its stdout are a hole, because of output_limit \({LIMIT} bytes\).*\n"
    )

    for words in ([job], ["-f", job], ["--stdout", job], ["-n", str(LINES), job]):
        done = cli("logs", *words)
        found = re.fullmatch(told, done.stderr)
        assert found is not None, done.stderr
        numbers = _numbers(done.stdout)
        assert (numbers[0], numbers[-1]) == (1, LINES)
        shown = len(done.stdout) - len("quiet\n") * ("--stdout" not in words)
        assert int(found[1]) == 21 * LINES - shown
        assert "\0" not in done.stdout

    for words, shown in ((["-n", "2", "--stdout", job], [LINES - 1, LINES]), (["--stderr", job], [])):
        done = cli("logs", *words)
        assert (_numbers(done.stdout), done.stderr) == (shown, "")

    again = pt.open_job_session("default").get_jobs()[0].read_output()
    assert again.decode() == cli("logs", "--stdout", job).stdout


def test_who_watches_misses_only_what_is_told_of(home: Home, gate: Path) -> None:
    gate.touch()
    done = cli("run", "--", "sh", "-c", WRITER, str(gate))
    found = re.search(r"(\d+) bytes of its stdout are a hole", done.stderr)
    assert len(done.stdout) + (int(found[1]) if found else 0) == 21 * LINES
    assert (_numbers(done.stdout)[-1], "\0" in done.stdout, "quiet\n" in done.stderr) == (LINES, False, True)


def test_captured_output_is_what_is_kept(home: Home, gate: Path) -> None:
    job = pt.submit(["sh", "-c", WRITER, str(gate)])
    until(lambda: _within(_kept(home, job.id)), "the hole")
    gate.touch()
    job.wait_terminated(LONG)
    out = job.read_output()
    assert len(out) <= LIMIT
    assert (_numbers(out.decode())[0], _numbers(out.decode())[-1]) == (1, LINES)
    assert job.read_output("stderr") == b"quiet\n"


def test_files_of_the_users_own_are_left_alone(home: Home, gate: Path, tmp_path: Path) -> None:
    gate.touch()
    path = tmp_path / "mine"
    assert cli("run", "-o", str(path), "--", "sh", "-c", WRITER, str(gate)).returncode == 0
    assert os.stat(path).st_blocks * 512 >= 21 * LINES
    done = cli("logs", "--stdout", cli("ps", "-a", "-q").stdout.strip())
    assert (len(done.stdout), done.stderr) == (21 * LINES, "")


@pytest.mark.parametrize("value", ["lots", "-1", "true", "[1]"])
def test_a_limit_that_is_none_is_an_error(home: Home, gate: Path, value: str) -> None:
    Path(os.environ["PROCTRACKER_CONFIG"]).write_text(f"output_limit: {value}\n")
    done = cli("run", "--", "true")
    assert done.returncode == 125
    assert "output_limit" in one_line(done) and "is no size" in done.stderr
