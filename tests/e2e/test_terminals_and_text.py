"""What nobody should do to a command line, and somebody will: tried on real terminals, pipes, locales and names."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

import proctracker
import proctracker as pt
from proctracker.store import Home

ROOT = str(Path(proctracker.__file__).parents[1])
LONG = 40.0
EVIL = "\x1b[31mred\x07\nnext\r\u202e\x9b2J"
"""A name that would colour, ring, begin lines and turn the direction of a terminal."""


def cli(*words: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """A command to its end."""
    argv = [sys.executable, "-m", "proctracker", *words]
    given = {**os.environ, "PYTHONPATH": ROOT, **environ}
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, env=given, check=False, timeout=LONG)


def out(*words: str, **environ: str) -> str:
    """What a command prints; it succeeds."""
    done = cli(*words, **environ)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode("utf-8")


# dependencies


def test_dependencies_make_no_circle_by_resubmitting(home: Home) -> None:
    first = out("submit", "true").strip()
    second = out("submit", "--after", first, "true").strip()
    assert cli("wait", first, second).returncode == 0
    third = out("resubmit", "--after", second, first).strip()
    fourth = out("resubmit", "--after", third, second).strip()
    assert cli("resubmit", "--after", "99", first).returncode == 1
    both = out("resubmit", "--after-any", fourth, first, second).split()
    for job in (third, fourth, *both):
        assert cli("wait", "--timeout", "20", job).returncode == 0, job


def test_a_job_that_waits_is_not_submitted_again_for_what_it_waits_for(home: Home) -> None:
    first = out("submit", "true").strip()
    assert cli("wait", first).returncode == 0
    held = out("submit", "--hold", "--after", first, "true").strip()
    done = cli("resubmit", "--after", held, first, held)
    assert done.returncode == 1
    assert f"job {held} has not ended".encode() in done.stderr
    waiting = done.stdout.decode().strip()
    assert cli("release", held).returncode == 0
    assert cli("wait", "--timeout", "20", waiting).returncode == 0


def test_in_python_too(home: Home) -> None:
    with pt.job_session("circle") as session:
        first = session.run_job({"remote_command": "true"})
        second = session.run_job({"remote_command": "true", "implementation_specific": {"after": [first]}})
        assert second.wait_terminated(LONG).job_state == pt.JobState.DONE
        again = first.resubmit(after=[second])
        assert second.resubmit(after=[again]).wait_terminated(LONG).job_state == pt.JobState.DONE


# terminals


@pytest.fixture
def narrow() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal with 20 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 20, 0, 0))
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def _shown(narrow: tuple[int, int], *words: str, **environ: str) -> tuple[int, str]:
    """What a command shows on such a terminal."""
    ours, theirs = narrow
    argv = [sys.executable, "-m", "proctracker", *words]
    streams = {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": theirs}
    process = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": ROOT, **environ}, **streams)  # type: ignore[call-overload]
    shown = b""
    os.set_blocking(ours, False)
    while True:
        over = process.poll() is not None
        try:
            while part := os.read(ours, 65536):
                shown += part
        except BlockingIOError:
            pass
        if over:
            return process.wait(), shown.decode("utf-8").replace("\r\n", "\n")
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue


@pytest.mark.parametrize(
    "words",
    [
        ["ps", "-a"],
        ["top", "-n", "1"],
        ["info", "1"],
        ["events"],
        ["--help"],
        ["ps", "--help"],
        ["doctor"],
        ["wait", "1"],
    ],
)
def test_a_terminal_of_20_columns(home: Home, narrow: tuple[int, int], words: list[str]) -> None:
    out("array", "1-3", "-n", "a-name-of-some-length", "--", "true")
    out("submit", "--hold", "--", "sleep", "600")
    assert cli("wait", "1").returncode == 0
    code, shown = _shown(narrow, *words)
    assert code == 0
    assert "Traceback" not in shown
    if words[0] == "top":
        assert max(map(len, re.sub(r"\x1b\[\w+", "", shown).splitlines())) <= 20


def test_a_count_stays_on_its_line(home: Home, narrow: tuple[int, int]) -> None:
    out("array", "1-60%8", "--", "sleep", "0.5")
    code, shown = _shown(narrow, "wait", "1")
    assert code == 0
    assert " of 60" in shown
    assert max(len(part.partition("\x1b")[0]) for part in shown.split("\r")) < 20


# pipes


@pytest.mark.parametrize(
    "words", [["ps", "-a"], ["logs", "1"], ["events"], ["info", "1"], ["--help"], ["completion", "bash"]]
)
def test_a_pipe_that_is_closed(home: Home, words: list[str]) -> None:
    out("submit", "--", "seq", "5000")
    assert cli("wait", "1").returncode == 0
    read_end, write_end = os.pipe()
    os.close(read_end)
    argv = [sys.executable, "-m", "proctracker", *words]
    done = subprocess.run(
        argv, stdout=write_end, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": ROOT}, check=False
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("words", [["ps"], ["run", "true"], ["submit", "true"], ["nosuch"]])
def test_streams_that_are_closed(home: Home, words: list[str]) -> None:
    argv = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-m", "proctracker", *words]
    done = subprocess.run(argv, env={**os.environ, "PYTHONPATH": ROOT}, check=False, timeout=LONG)
    assert done.returncode == (2 if words == ["nosuch"] else 0)


# text


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
    ],
)
def test_a_locale_without_utf_8(home: Home, locale: dict[str, str]) -> None:
    told = {**os.environ, "PYTHONPATH": ROOT, **locale}

    def raw(*words: bytes) -> bytes:
        argv = [os.fsencode(sys.executable), b"-m", b"proctracker", *words]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, env=told, check=False, timeout=LONG)
        assert done.returncode == 0, done.stderr
        return done.stdout

    text = "grün \u263a".encode()
    assert raw(b"run", b"-n", text, b"printf", b"%s", text + b"\xff") == text + b"\xff"
    assert raw(b"logs", b"1") == text + b"\xff"
    for words in (
        (b"ps", b"-a"),
        (b"info", b"1"),
        (b"events",),
        (b"ps", b"-a", b"--json"),
        (b"--help",),
        (b"ps", b"--help"),
    ):
        assert raw(*words)
    assert raw(b"logs", text) == text + b"\xff"
    with pt.job_session("text") as session:
        assert (
            session.run_job({"remote_command": "true", "job_name": text.decode()}).get_info().job_name == text.decode()
        )


def test_control_characters_of_names_and_commands_do_nothing(home: Home) -> None:
    with pt.job_session("evil") as session:
        job = session.run_job({"remote_command": "sh", "args": ["-c", f"exit 3 # {EVIL}"], "job_name": EVIL})
        job.wait_terminated(LONG)
    for words in (
        ["ps", "-a"],
        ["info", "1"],
        ["ps", "-a", "--columns", "id,name,command"],
        ["ps", "-a", "--tsv"],
        ["events"],
    ):
        shown = cli(*words)
        text = (shown.stdout + shown.stderr).decode("utf-8")
        assert not [char for char in text if not char.isprintable() and char not in "\n\t"], words
        assert len(shown.stdout.splitlines()) == {"events": 3}.get(words[0], 2) or words[0] == "info"
    assert cli("ps", "-a", "--json").stdout.isascii()
    found = cli("wait", EVIL)
    assert found.returncode == 3
    assert b"\x1b" not in found.stderr
    assert b"\x1b" not in cli("wait", f"no{EVIL}").stderr


def test_output_is_shown_as_it_is(home: Home) -> None:
    raw = bytes(range(1, 256)) * 3
    path = Path(home.path) / "raw"
    path.write_bytes(raw)
    done = cli("run", "cat", str(path))
    assert (done.returncode, done.stdout) == (0, raw)
    assert cli("logs", "1").stdout == raw


# programs written for other bindings


@pytest.mark.parametrize(
    ("binding", "text", "code"),
    [
        ("drmaa1", "import drmaa.const; print(drmaa.const.JobControlAction.HOLD)", 0),
        ("drmaa1", "from drmaa.errors import DrmaaException; import drmaa.helpers", 0),
        ("drmaa1", "from drmaa import Session, JobTemplate, nosuch", 1),
        ("gridengine", "from drmaa2.drmaa2_constants import JobState", 0),
        ("gridengine", "import drmaa2.job_session", 0),
        ("gridengine", "import drmaa2.nosuch", 1),
        ("drmaa1", "import sys; sys.exit(7)", 7),
        (
            "drmaa1",
            "import os, sys; pid = os.fork(); sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if pid else 5)",
            5,
        ),
        ("drmaa1", "import os; os._exit(9)", 9),
        ("drmaa1", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("drmaa1", "raise SystemExit('why')", 1),
    ],
)
def test_programs_that_import_half_fork_or_exit(home: Home, tmp_path: Path, binding: str, text: str, code: int) -> None:
    path = tmp_path / "program.py"
    path.write_text(text, encoding="utf-8")
    argv = [sys.executable, "-m", "proctracker.compat", binding, str(path)]
    done = subprocess.run(argv, env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True, check=False, timeout=LONG)
    assert done.returncode == code, done.stderr


@pytest.mark.parametrize("program", ["/nonexistent.py", "no-such-program-anywhere", ""])
def test_a_program_that_is_not_there(home: Home, program: str) -> None:
    argv = [sys.executable, "-m", "proctracker.compat", "drmaa1", program]
    done = subprocess.run(argv, env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True, text=True, check=False)
    assert done.returncode not in (0, None)
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
