"""Gives each process' job a control group where ours is delegated (cgroup v2)."""

from __future__ import annotations

import os
from collections.abc import Iterable

from proctracker.linux import cgroups
from proctracker.linux.cgroups import Paths, Usage
from proctracker.linux.textfile import text_of
from proctracker.model.marks import group_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

    from proctracker.model import JobRow

_OURS = "supervisor"
"""The group of supervisor and keeper, as one that is divided may hold no process itself."""


def enter(cgroup: str) -> None:
    """Become a process of a group."""
    fd = os.open(f"{cgroup}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    os.write(fd, b"0")
    os.close(fd)


class Groups:
    """The groups below our own. ``base`` is our own, None where it is not ours to divide."""

    def __init__(self, keeper: int) -> None:
        self._keeper = keeper
        self._left: set[str] = set()
        self.base: str | None = None
        self._struck = 0
        self._own: str | None = None
        self.divide()

    def divide(self) -> None:
        """Make our own group one that has groups below it, if it is ours alone."""
        self._own = cgroups.paths(os.getpid()).unified
        base = self.own()
        self.base = base if base and self._divided(base) else None
        self.struck()

    def own(self) -> str | None:
        """The group that we and our jobs are in or below."""
        leaf = self._own is not None and os.path.basename(self._own) == _OURS
        return os.path.dirname(self._own or "") if leaf else self._own

    def _divided(self, base: str) -> bool:
        leaf = f"{base}/{_OURS}"
        if set(_words(f"{base}/cgroup.subtree_control")) >= set(cgroups.DIVISIBLE) and os.path.isdir(leaf):
            return True
        here = {int(word) for word in _words(f"{base}/cgroup.procs")}
        mine = {self._keeper, os.getpid()}
        if not cgroups.divisible(base) or not os.access(f"{base}/cgroup.subtree_control", os.W_OK) or here - mine:
            return False
        try:
            os.makedirs(leaf, exist_ok=True)
            for pid in here:
                _write(f"{leaf}/cgroup.procs", str(pid))
            _write(f"{base}/cgroup.subtree_control", " ".join(f"+{name}" for name in cgroups.DIVISIBLE))
        except OSError:
            return False
        return True

    def make(self, name: str, limits: Mapping[str, str]) -> Paths | None:
        """Make a job's group with its limits, return None, or raise OSError where a limit fails."""
        self.tidy()
        if self.base is None:
            return None
        path = f"{self.base}/{name}"
        try:
            os.mkdir(path, 0o755)
        except FileExistsError:
            pass  # of a start that a killed supervisor did not end
        for file, value in limits.items():
            if file != "memory.swap.max" or os.path.exists(f"{path}/{file}"):
                _write(f"{path}/{file}", value)
        return Paths(unified=path)

    def take(self, name: str, processes: Iterable[tuple[int, int]]) -> Paths | None:
        """Make a group for a running job, with its processes, or return None."""
        path = f"{self.own()}/{name}"
        try:
            os.makedirs(path, exist_ok=True)
            for pid, _ in processes:
                _write(f"{path}/cgroup.procs", str(pid))
        except OSError:
            return None
        return Paths(unified=path)

    def of(self, row: JobRow) -> Paths | None:
        """Return the group of a job that a former supervisor started, or None."""
        own = group_name(row)
        places = [f"{self.base}/{own}"] if self.base else []
        seen = cgroups.paths(row.pid).unified if row.pid else None
        if seen and os.path.basename(seen) == own:
            places.append(seen)
        return next((Paths(unified=place) for place in places if os.path.isdir(place)), None)

    def ended(self, group: Paths) -> Usage:
        """Return what a job used, and drop its group once nobody is in it."""
        used = cgroups.usage(group)
        self.drop(group)
        return used

    def drop(self, group: Paths) -> None:
        """Remove a group, now or when what a job left behind has gone."""
        if group.unified:
            self._left.add(group.unified)
            self.tidy()

    def tidy(self) -> None:
        """Remove the groups that are empty by now."""
        for path in list(self._left):
            try:
                os.rmdir(path)
            except FileNotFoundError:
                pass
            except OSError:
                continue
            self._left.discard(path)

    def struck(self) -> bool:
        """Whether the OOM killer struck in our own group, or below it, since this was last asked."""
        before, self._struck = self._struck, _kills(self._own)
        return self._struck > before


def kill(group: Paths) -> None:
    """End all that is in a group at once (cgroup.kill, Linux 5.14)."""
    if group.unified and os.path.exists(f"{group.unified}/cgroup.kill"):
        try:
            _write(f"{group.unified}/cgroup.kill", "1")
        except OSError:
            return


def pids(group: Paths | None) -> Iterable[int]:
    """Who is in a job's own group."""
    return cgroups.pids(group) if group is not None else ()


def _kills(group: str | None) -> int:
    for line in text_of(f"{group}/memory.events").splitlines():
        name, _, number = line.partition(" ")
        if name == "oom_kill":
            return int(number)
    return 0


def _words(path: str) -> list[str]:
    return text_of(path).split()


def _write(path: str, text: str) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(text.encode("ascii"))
