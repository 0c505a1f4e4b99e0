"""Where a benchmark runs: a state directory of its own, its supervisor's processes, what they use."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from proctracker.linux import procfs
from proctracker.store import Home
from proctracker.wire import confinement, election


class Place:
    """A state directory that is ours alone; ``quick`` asks for small numbers."""

    def __init__(self, folder: str, quick: bool) -> None:
        self.folder, self.quick = folder, quick
        self.home = Home(os.path.join(folder, "home"))

    def count(self, full: int, quick: int) -> int:
        """How many of something: of a full or of a quick run."""
        return quick if self.quick else full

    def supervisors(self) -> list[int]:
        """Keeper and supervisor; empty if none runs."""
        return election.holders(self.home.run, confinement.key()) if os.path.isdir(self.home.run) else []

    def end_supervisor(self) -> None:
        """Have no supervisor, as if it had left for want of work: both are killed, their socket removed."""
        while True:
            found = self.supervisors()
            if not found:
                break
            for pid in found:
                # Whoever outlives the other for a moment starts another: that is ended in the next round.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.001)
        path = self.home.socket(confinement.key())
        if os.path.exists(path):
            os.unlink(path)


@contextmanager
def place(folder: str | None, quick: bool) -> Iterator[Place]:
    """A Place below a folder (default: the temporary directory), named by PROCTRACKER_HOME, removed in the end."""
    made = Place(tempfile.mkdtemp(prefix="proctracker-bench-", dir=folder), quick)
    os.environ["PROCTRACKER_HOME"] = made.home.path
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        # As in an installation: code is compiled once, not at every start.
        os.environ["PYTHONPYCACHEPREFIX"] = os.path.join(made.folder, "compiled")
    try:
        yield made
    finally:
        made.end_supervisor()
        shutil.rmtree(made.folder, ignore_errors=True)


def pss(pid: int) -> int:
    """Bytes of memory of a process, shared pages by their share (smaps_rollup, proc(5))."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))


def own(pid: int) -> int:
    """Bytes of a process' memory less its files: what those count for depends on who else runs the same Python."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(("Pss_Anon:", "Pss_Shmem:")))


def wakeups(pid: int) -> int:
    """How often a process got going so far, all threads counted."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii", errors="replace") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))
    return total


def cpu(pid: int) -> float:
    """Processor seconds of a process so far."""
    found = procfs.stat(pid)
    return (found.utime + found.stime) / procfs.clock_ticks if found else 0.0


def command() -> list[str]:
    """How a user calls proctracker: the console script of this Python, else the module."""
    script = os.path.join(os.path.dirname(sys.executable), "proctracker")
    return [script] if os.access(script, os.X_OK) else [sys.executable, "-m", "proctracker"]


def call(argv: list[str], environ: Mapping[str, str] | None = None) -> None:
    """Run a command to its end, silently; CalledProcessError shows what it said."""
    subprocess.run(argv, env=environ, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def popen_loop(count: int) -> None:
    """The bare peer: one process after the other, started and waited for."""
    for _ in range(count):
        with subprocess.Popen(["/bin/true"]):
            pass
