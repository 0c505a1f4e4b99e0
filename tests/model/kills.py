"""Kills and stops supervisors, keepers and clients at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from model.history import Log
from proctracker.linux import procfs
from proctracker.store import Home
from proctracker.wire import confinement, election

KINDS = {
    "none": [],
    "supervisor": ["supervisor"],
    "keeper": ["keeper"],
    "single": ["supervisor", "supervisor", "keeper", "stop"],
    "clients": ["client", "supervisor"],
    "both": ["both"],
    "all": ["supervisor", "keeper", "both", "stop", "client"],
}
"""What is done to whom, by the name of a sequence's chaos."""

SETTLED = 6.0
"""Seconds within which the survivor of a kill has become two again."""


def pair(home: Home) -> tuple[int, int] | None:
    """Keeper and supervisor; None where there is none, or one is taking over from the other."""
    found = (
        {pid: procfs.stat(pid) for pid in election.holders(home.run, confinement.MAIN)}
        if os.path.isdir(home.run)
        else {}
    )
    live = {pid: stat for pid, stat in found.items() if stat is not None and stat.state not in "ZX"}
    pairs = [(stat.ppid, pid) for pid, stat in live.items() if stat.ppid in live]
    return pairs[0] if len(pairs) == 1 and len(live) == 2 else None


def settled(home: Home, other_than: tuple[int, int] | None = None) -> tuple[int, int] | None:
    """The pair, once it has lasted some moments; None if there is none in time."""
    until = time.time() + SETTLED
    while time.time() < until:
        found = pair(home)
        time.sleep(0.03)
        if found and found != other_than and found == pair(home):
            return found
    return None


class Killer:
    """Does one thing after the other to a home's processes until a moment."""

    def __init__(self, home: Home, log: Log, rng: random.Random, chaos: str) -> None:
        self.home, self.log, self.rng = home, log, rng
        self.kinds = KINDS[chaos]
        self.gap = rng.choice([(0.3, 1), (0.6, 2)])
        self.done: Counter[str] = Counter()

    def run(self, until: float, clients: list[subprocess.Popen[bytes]], another: Callable[[], None]) -> None:
        """Kill; ``another`` starts a client in place of a killed one."""
        while time.time() < until:
            time.sleep(self.rng.uniform(*self.gap))
            if not self.kinds:
                continue
            kind = self.rng.choice(self.kinds)
            if kind == "client":
                live = [client for client in clients if client.poll() is None]
                if live:
                    self._note(kind)
                    self.rng.choice(live).kill()
                    another()
            else:
                self._pair(kind)

    def _pair(self, kind: str) -> None:
        found = settled(self.home)
        if found is None:
            return
        keeper, supervisor = found
        self._note(kind)
        with suppress(ProcessLookupError):
            if kind == "stop":
                os.kill(supervisor, signal.SIGSTOP)
                time.sleep(self.rng.choice([0.3, 1]))
                os.kill(supervisor, signal.SIGCONT)
                return
            if kind == "both":
                for pid in found:
                    os.kill(pid, signal.SIGSTOP)
            for pid, of in ((keeper, "keeper"), (supervisor, "supervisor")):
                if kind in (of, "both"):
                    os.kill(pid, signal.SIGKILL)
        # The survivor is given time to become two again: deaths of both are another kind.
        settled(self.home, found)

    def _note(self, kind: str) -> None:
        self.done[kind] += 1
        self.log.put(time=time.time(), kill=kind)
