"""Calls of command lines from the loop, with real programs."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import DrmCommunicationException, InternalException
from proctracker.linux import oomscore
from proctracker.model import Completed
from proctracker.runtimes.base import Engine
from proctracker.supervisor.processes import calls as module
from supervising import Desk, gone

_ENGINE = Engine(("engine",), env={"PATH": "/usr/bin:/bin", "NAME": "value"})


def _call(desk: Desk, *argv: str, **options: Any) -> Completed:
    found: list[Completed] = []
    desk.service.calls.start(argv, options.pop("engine", _ENGINE), found.append, **options)
    return desk.until(lambda: found)[0]


def _converse(desk: Desk, dialog: Any, timeout: float | None = None) -> tuple[Any, Any]:
    found: list[tuple[Any, Any]] = []
    desk.service.calls.converse(_ENGINE, dialog, lambda *answer: found.append(answer), timeout)
    return desk.until(lambda: found)[0]


def test_what_a_call_says(desk: Desk) -> None:
    script = 'echo "$NAME"; pwd; cat; printf "caf\\351" >&2; exit 3'
    done = _call(desk, "sh", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (3, "value\n/\n", os.fsdecode(b"caf\xe9"))
    assert done.argv == ("sh", "-c", script)
    assert len(desk.service.calls) == 0


def test_streams_directory_and_pid(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("given")
    fds = os.open(tmp_path / "in", os.O_RDONLY), os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT, 0o600)
    pids: list[int] = []
    script = "cat; pwd; echo error >&2; echo $$"
    done = _call(desk, "sh", "-c", script, streams=(*fds, None), called=pids.append, directory=str(tmp_path))
    for fd in fds:
        os.close(fd)
    assert (done.stdout, done.stderr) == ("", "error\n")
    assert (tmp_path / "out").read_text() == f"given{tmp_path}\n{pids[0]}\n"


@pytest.mark.parametrize(
    ("command", "code"), [("no-such-engine", 127), ("/nonexistent/engine", 127), ("/etc/passwd", 126)]
)
def test_a_program_that_cannot_be_started(desk: Desk, command: str, code: int) -> None:
    done = _call(desk, command, "ps")
    assert done.returncode == code
    assert done.stderr.startswith(f"{command}: ")


def test_a_call_that_takes_too_long_ends_with_all_it_started(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "pid"
    os.mkfifo(out)
    found: list[Completed] = []
    script = f"sleep 600 & echo $! > {out}; wait"
    desk.service.calls.start(("sh", "-c", script), _ENGINE, found.append, timeout=1000.0)
    pid = int(out.read_text())
    [call] = desk.service.calls._running.values()
    desk.service.calls._cut(call)
    done = desk.until(lambda: found)[0]
    assert (done.returncode, done.stderr) == (-1, "sh: no answer within 1000 s\n")
    assert gone(pid)


@pytest.mark.parametrize(("code", "made"), [(0, True), (3, True), (None, True), (0, False)])
def test_a_call_may_end_by_itself_before_it_is_killed(desk: Desk, tmp_path: Path, code: int | None, made: bool) -> None:
    """podman that makes a container just then finishes that part, does no more and returns 0."""
    out = tmp_path / "pid"
    os.mkfifo(out)
    found: list[Completed] = []
    listens = f"echo finished; exit {code}" if code is not None else ""
    script = f"trap '{listens}' TERM; echo $$ > {out}; while :; do sleep 0.01; done"
    desk.service.calls.start(("sh", "-c", script), _ENGINE, found.append, made=lambda: made)
    desk.service.calls.kill(int(out.read_text()))
    done = desk.until(lambda: found)[0]
    expected = (-signal.SIGTERM, "finished\n") if listens and made else (-signal.SIGKILL, "")
    assert (done.returncode, done.stdout) == expected


def test_the_time_is_watched(desk: Desk) -> None:
    assert _call(desk, "sleep", "600", timeout=0.01).returncode == -1


def test_a_dialog(desk: Desk) -> None:
    def dialog() -> Any:
        first, second = yield [("sh", "-c", "sleep 0.02; echo slow"), ("echo", "quick")]
        assert (yield []) == []
        (third,) = yield [("false",)]
        return first.stdout, second.stdout, third.returncode

    assert _converse(desk, dialog()) == (("slow\n", "quick\n", 1), None)


@pytest.mark.parametrize(("raised", "kind", "text"), [
    (DrmCommunicationException("asleep"), DrmCommunicationException, "asleep"),
    (KeyError("State"), InternalException, "engine: KeyError: 'State'"),
])  # fmt: skip
def test_a_dialog_that_fails(desk: Desk, raised: Exception, kind: type[Exception], text: str) -> None:
    def dialog() -> Any:
        yield [("true",)]
        raise raised

    answer, error = _converse(desk, dialog())
    assert (answer, type(error), error.message) == (None, kind, text)


def test_a_dialog_has_the_configured_time(desk: Desk) -> None:
    def dialog() -> Any:
        (done,) = yield [("sleep", "600")]
        return done.returncode

    desk.here.settings["cli_timeout"] = 0.01
    assert _converse(desk, dialog()) == (-1, None)
    assert _converse(desk, dialog(), timeout=0.01) == (-1, None)


def test_only_so_many_at_once(desk: Desk) -> None:
    found: list[Any] = []
    most = 0

    def dialog(number: int) -> Any:
        nonlocal most
        (done,) = yield [("echo", str(number))]
        most = max(most, len(desk.service.calls._running))
        return done.stdout.strip()

    desk.service.calls.limit = 2
    for number in range(6):
        desk.service.calls.converse(_ENGINE, dialog(number), lambda answer, error: found.append(answer))
    assert (len(desk.service.calls), len(desk.service.calls._running)) == (6, 2)
    desk.until(lambda: len(found) == 6)
    assert (sorted(found), most) == ([str(number) for number in range(6)], 1)  # beside the one that has just ended


def test_of_a_flood_the_beginning_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 5)
    assert _call(desk, "echo", "abcdefgh").stdout == "abcde"


def test_signals_are_at_their_defaults(desk: Desk) -> None:
    text = _call(desk, "cat", "/proc/self/status").stdout
    masks = dict(line.split(":\t") for line in text.splitlines() if line.startswith("Sig"))
    assert (int(masks["SigBlk"], 16), int(masks["SigIgn"], 16) & 0x7FFF_FFFF) == (0, 0)


def test_a_start_has_its_callers_oom_score_adj_and_a_look_has_ours(desk: Desk) -> None:
    assert _call(desk, "cat", oomscore.PATH, oom=900).stdout == "900\n"
    assert _call(desk, "cat", oomscore.PATH).stdout == f"{oomscore.read()}\n"
