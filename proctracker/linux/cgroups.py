"""Reads control groups: whose they are, who is in them, what was used (v1 and v2)."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence

from proctracker.linux import procfs
from proctracker.linux.textfile import text_of
from proctracker.records import NamedTuple

_CONTROLLERS = ("cpuacct", "memory", "freezer")

DIVISIBLE = ("cpu", "memory")
"""Controllers without which a group below another would limit nothing, and tell no peak."""


class Paths(NamedTuple):
    """Names one control group's directories below /sys/fs/cgroup, None where there is none.

    ``unified`` is cgroup v2; on a v1 or mixed host the first three are the controllers' own hierarchies.
    """

    cpuacct: str | None = None
    memory: str | None = None
    freezer: str | None = None
    unified: str | None = None


class Usage(NamedTuple):
    """Holds what a control group used: seconds, peak KiB, whether the OOM killer struck."""

    cpu: float | None
    peak: int | None
    oom: bool


def paths(pid: int, container_id: str | None = None) -> Paths:
    """The control groups a process is in.

    With a container's id: only groups that it names, cut to the group of that name (an engine may put its processes
    one below). So where the engine made no group, nothing is said rather than the figures of somebody else's.
    """
    return resolve(text_of(f"/proc/{pid}/cgroup"), _mounted(), container_id)


@functools.lru_cache(maxsize=1)
def _mounted() -> Mapping[str, tuple[str, str]]:
    """Return the hierarchies as mounted, read once, as each container adds lines."""
    return mounted(text_of("/proc/self/mountinfo"))


def mounted(mountinfo: str) -> Mapping[str, tuple[str, str]]:
    """Return hierarchy -> its root and mount point, by a /proc/PID/mountinfo (proc(5))."""
    return dict(_mounts(mountinfo))


def resolve(cgroup: str, mounts: Mapping[str, tuple[str, str]], container_id: str | None = None) -> Paths:
    """Paths out of the text of /proc/PID/cgroup (cgroups(7)) and what is mounted."""
    found: dict[str, str] = {}
    for line in cgroup.splitlines():
        number, controllers, path = line.split(":", 2)
        cut = path if container_id is None else _cut(path, container_id)
        for name in ["unified"] if number == "0" and not controllers else controllers.split(","):
            if cut is not None and name in mounts:
                root, point = mounts[name]
                inside = root == "/" or cut == root or cut.startswith(root + "/")
                if inside and ".." not in cut.split("/"):
                    found[name] = os.path.normpath(point + "/" + (cut if root == "/" else cut[len(root) :]))
    return Paths(*(found.get(name) for name in (*_CONTROLLERS, "unified")))


def _mounts(mountinfo: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """(hierarchy, (its root in that hierarchy, mount point)) for every mounted one that we use."""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - cgroup")
        if not right:
            continue
        kind, _source, options = (right.split(" ", 2) + ["", ""])[:3]
        root, point = [re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), w) for w in left.split(" ")[3:5]]
        if kind == "2":
            yield "unified", (root, point)
        elif not kind:
            for name in set(options.split(",")).intersection(_CONTROLLERS):
                yield name, (root, point)


def _named(container_id: str) -> re.Pattern[str]:
    """Finds the id as a whole name: job 1's container must not be found in job 10's."""
    return re.compile(r"(?<![0-9A-Za-z])" + re.escape(container_id) + r"(?![0-9A-Za-z_-])")


def _cut(path: str, container_id: str) -> str | None:
    """Cut a path after the last component that names the container, or return None."""
    words, name = path.split("/"), _named(container_id)
    named = [index for index, word in enumerate(words) if name.search(word)]
    return "/".join(words[: named[-1] + 1]) if named else None


def has_name(pid: int, container_id: str) -> bool:
    """Return whether a process is in that container, by its control groups or mounts.

    Without this a pid told by a remote engine, or by one in a virtual machine, would be some other process here.
    """
    name = _named(container_id)
    return any(name.search(text_of(f"/proc/{pid}/{file}")) for file in ("cgroup", "mountinfo"))


def usage(paths: Paths) -> Usage:
    """Return what a group used so far, None for what this kernel does not tell.

    To be asked at once when the container's process ends: its engine removes the group a few milliseconds later.
    """
    if paths.unified and not paths.memory and not paths.cpuacct:
        cpu = _field(f"{paths.unified}/cpu.stat", "usage_usec")
        peak = _number(f"{paths.unified}/memory.peak")
        oom = _field(f"{paths.unified}/memory.events", "oom_kill")
        return Usage(None if cpu is None else cpu / 1e6, None if peak is None else peak // 1024, bool(oom))
    cpu = _number(f"{paths.cpuacct}/cpuacct.usage")
    peak = _number(f"{paths.memory}/memory.max_usage_in_bytes")
    oom = _field(f"{paths.memory}/memory.oom_control", "oom_kill")
    return Usage(None if cpu is None else cpu / 1e9, None if peak is None else peak // 1024, bool(oom))


def first(places: Sequence[str], container_id: str) -> int | None:
    """Return a container's first process, by where its engine makes groups, or None.

    It is the oldest whose parent is outside.
    """
    for place in places:
        for root, point in _mounted().values():
            text = text_of(f"{point}/{place.format(id=container_id)}/cgroup.procs") if root == "/" else ""
            group = {int(word) for word in text.split()}
            found = [seen for seen in map(procfs.stat, group) if seen and seen.ppid not in group]
            if found:
                return min(found, key=lambda seen: seen.ticks).pid
    return None


def pids(paths: Paths) -> list[int]:
    """Every process of the group and of the groups below it, by one hierarchy that holds it."""
    choice: Sequence[str | None] = (paths.freezer, paths.unified, paths.memory, paths.cpuacct)
    top = next((path for path in choice if path), None)
    if top is None:
        return []
    lists = (text_of(os.path.join(folder, "cgroup.procs")) for folder, _, _ in os.walk(top))
    return sorted({int(word) for text in lists for word in text.split()})


def _number(path: str) -> int | None:
    """Return the number a file holds, or None (``max``)."""
    text = text_of(path).strip()
    return int(text) if text.isdigit() else None


def _field(path: str, name: str) -> int | None:
    """The number behind a name in a file of ``name number`` lines."""
    for line in text_of(path).splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return None


def divisible(folder: str) -> bool:
    """Whether groups below this one can be given the controllers that jobs need."""
    return set(text_of(f"{folder}/cgroup.controllers").split()) >= set(DIVISIBLE)
