"""What the tests of a user's day share beside the contract's kit: running commands, who supervises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from contract.kit import LONG, cli, until
from proctracker.linux import procfs
from proctracker.store import Home
from proctracker.wire import confinement, election

PROGRAM = [sys.executable, "-m", "proctracker"]


class Seat(NamedTuple):
    """The two processes that see to jobs."""

    keeper: int
    supervisor: int


def seat(home: Home) -> Seat:
    """Keeper and supervisor, once both are there."""
    return until(lambda: _seat(home), "keeper and supervisor")


def _seat(home: Home) -> Seat | None:
    locks = [name for name in os.listdir(home.run) if name.endswith(".lock")] if os.path.isdir(home.run) else []
    # A test may have its jobs in another confinement than it is in itself.
    keys = sorted((name[: -len(".lock")] for name in locks), key=confinement.key().__eq__)
    pids = [pid for key in keys for pid in election.holders(home.run, key)]
    found = {pid: procfs.stat(pid) for pid in pids}
    for pid, stat in found.items():
        if stat is not None and stat.state not in "ZX" and stat.ppid in found:
            return Seat(stat.ppid, pid)
    return None


def kill(*pids: int) -> None:
    """``kill -9``, all at the same moment."""
    for number in (signal.SIGSTOP, signal.SIGKILL) if len(pids) > 1 else (signal.SIGKILL,):
        for pid in pids:
            os.kill(pid, number)


@contextmanager
def started(*words: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A ``proctracker`` command that runs on; it has ended in the end."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # The tests themselves may have been started with nohup.
    options.setdefault("preexec_fn", lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
    process: subprocess.Popen[str] = subprocess.Popen([*PROGRAM, *words], **{**streams, **options})  # type: ignore[call-overload]
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def submit(*words: str, environ: Mapping[str, str] | None = None) -> str:
    """``proctracker submit …``; the id."""
    done = cli("submit", *words, **(environ or {}))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line a failed command said on stderr."""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("proctracker: error: "), done.stderr
    return lines[0]


def running(count: int = 1) -> list[str]:
    """The ids of running jobs, once there are so many."""
    return until(lambda: _ids(count), f"{count} running jobs", LONG)


def _ids(count: int) -> list[str] | None:
    found = cli("ps", "-q", "--state", "RUNNING").stdout.split()
    return found if len(found) >= count else None
