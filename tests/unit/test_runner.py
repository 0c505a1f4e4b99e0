"""The door to the CLIs, on commands every machine has."""

from __future__ import annotations

import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from proctracker import runner
from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed
from proctracker.runner import Runner
from proctracker.runtimes.base import Dialog, Engine

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


@pytest.fixture
def shell() -> Runner:
    return Runner(Engine((), {}, ENV), 10.0)


def test_code_and_streams_are_data(shell: Runner) -> None:
    [done] = shell.run(("sh", "-c", "echo out; echo err >&2; exit 3"))
    assert done == Completed(("sh", "-c", "echo out; echo err >&2; exit 3"), 3, "out\n", "err\n")


def test_a_signal_is_a_negative_code(shell: Runner) -> None:
    assert [done.returncode for done in shell.run(("sh", "-c", "kill -9 $$"), ("sh", "-c", "kill -15 $$"))] == [-9, -15]


@pytest.mark.parametrize("command", ["no-such-command-here", "/etc/passwd", "/no/such/file"])
def test_what_cannot_be_found_says_so(shell: Runner, command: str) -> None:
    [done] = shell.run((command, "x"))
    assert (done.returncode, done.stderr) == (runner.NOT_FOUND, f"{command}: command not found")


def test_what_cannot_be_executed_says_so(shell: Runner, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    [done] = shell.run((str(broken),))
    assert done.returncode != 0


def test_bytes_pass_unharmed_both_ways(shell: Runner) -> None:
    word = os.fsdecode(b"a\xffb\nc \xc3\xa9")
    [done] = shell.run(("printf", "%s", word))
    assert done.stdout == word


def test_only_the_engines_environment_counts() -> None:
    [done] = Runner(Engine((), {}, {**ENV, "ONLY": "é"})).run(("env",))
    assert "ONLY=é" in done.stdout
    assert "PROCTRACKER_HOME" not in done.stdout


def test_there_is_no_input(shell: Runner) -> None:
    assert shell.run(("cat",))[0].returncode == 0


def test_a_call_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    [done] = Runner(Engine((), {}, ENV), 0.3).run(
        ("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; echo so; sleep 60")
    )
    assert (done.returncode, done.stdout, done.stderr) == (runner.TIMED_OUT, "so\n", "no answer within 0.3 s")
    assert time.monotonic() - began < 5
    child = int((tmp_path / "pid").read_text())
    assert not os.path.exists(f"/proc/{child}") or "Z" in Path(f"/proc/{child}/stat").read_text()


def test_calls_run_side_by_side(shell: Runner, tmp_path: Path) -> None:
    meet = f"touch {tmp_path}/$0; while [ $(ls {tmp_path} | wc -l) -lt 3 ]; do sleep 0.01; done"
    assert [done.returncode for done in shell.run(*(("sh", "-c", meet, str(number)) for number in range(3)))] == [
        0,
        0,
        0,
    ]


def test_output_is_bounded(shell: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "CHUNK", 1024)
    monkeypatch.setattr(runner, "CHUNKS", 4)
    [done] = shell.run(("sh", "-c", "head -c 100000 /dev/zero; echo end"))
    assert len(done.stdout) <= 5 * 1024
    assert done.stdout.endswith("end\n")


def test_copy_writes_into_files(shell: Runner, tmp_path: Path) -> None:
    with open(tmp_path / "out", "wb") as out, open(tmp_path / "err", "wb") as err:
        assert shell.copy(("sh", "-c", "echo out; echo err >&2; exit 4"), out, err) == 4
    assert ((tmp_path / "out").read_text(), (tmp_path / "err").read_text()) == ("out\n", "err\n")


def test_a_call_begun_can_be_stopped(shell: Runner, tmp_path: Path) -> None:
    with open(tmp_path / "out", "wb") as out:
        call = shell.begin(("sleep", "600"), out, out)
        call.stop()
    assert call.finish(None).returncode == runner.TIMED_OUT


def test_threads_at_once(shell: Runner) -> None:
    with warnings.catch_warnings(), ThreadPoolExecutor(16) as pool:
        warnings.simplefilter("error")
        found = [*pool.map(lambda number: shell.run(("sh", "-c", f"exit {number}"))[0].returncode, range(32))]
    assert found == [*range(32)]


def echo(*words: str) -> Dialog[str]:
    said = yield [("echo", word) for word in words]
    (again,) = yield [("echo", "".join(each.stdout.strip() for each in said))]
    return again.stdout.strip()


def nothing() -> Dialog[str]:
    yield []
    return "nothing"


def failing() -> Dialog[str]:
    yield [("true",)]
    raise DrmCommunicationException("not there")


def test_a_dialog_is_carried_through(shell: Runner) -> None:
    assert shell.converse(echo("a", "b")) == "ab"
    with pytest.raises(DrmCommunicationException):
        shell.converse(failing())


def test_dialogs_of_several_engines_go_on_together(shell: Runner) -> None:
    dialogs: list[Dialog[Any]] = [echo("a", "b"), failing(), nothing(), echo("c")]
    found = runner.converse_all([(shell, dialog) for dialog in dialogs])
    assert (found[0], found[2], found[3]) == ("ab", "nothing", "c")
    assert isinstance(found[1], DrmCommunicationException)


def test_no_dialogs_no_answers() -> None:
    assert runner.converse_all([]) == []


def test_a_death_by_signal_is_no_error_of_ours_with_an_older_sh(monkeypatch: pytest.MonkeyPatch) -> None:
    import sh

    wait = sh.RunningCommand.wait

    def older(self: sh.RunningCommand, timeout: float | None = None) -> None:
        wait(self, timeout)
        raise sh.SignalException_SIGKILL("sh", b"", b"")

    monkeypatch.setattr(sh.RunningCommand, "wait", older)
    engine = Engine(("sh",), {}, {"PATH": os.environ["PATH"]})
    assert Runner(engine).run(("sh", "-c", "kill -9 $$"))[0].returncode == -9
