"""Commands in this very process, and in processes of their own where signals and descriptors matter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from proctracker.cli.main import main
from proctracker.store import Home


class Told(NamedTuple):
    """What a command gave back."""

    code: int
    out: str
    err: str


@pytest.fixture
def pt(home: Home, capfd: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Run a command here: ``pt("ps", "-a")``."""

    def call(*words: str) -> Told:
        capfd.readouterr()
        code = main(words)
        sys.stdout.flush()
        return Told(code, *capfd.readouterr())

    return call


def _as_from_a_terminal() -> None:
    """The tests themselves may have been started with nohup, or behind a script's ``&``."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def begin(home: Home) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begin a command in a process of its own, its streams piped."""
    begun: list[subprocess.Popen[str]] = []

    def call(*words: str, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options.setdefault("preexec_fn", _as_from_a_terminal)
        argv = [sys.executable, "-m", "proctracker", *words]
        process = subprocess.Popen(argv, text=True, env=os.environ, **{**pipes, **options})
        begun.append(process)
        return process

    yield call
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def sink() -> Iterator[tuple[int, Callable[[], bytes]]]:
    """A pipe's end to write to, and how to read what has come."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)

    def read() -> bytes:
        try:
            return os.read(read_end, 1 << 16)
        except BlockingIOError:
            return b""

    yield write_end, read
    os.close(read_end)
    os.close(write_end)
