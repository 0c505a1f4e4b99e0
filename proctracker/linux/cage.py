"""Describes what was taken from a process and all it starts for good: its cage."""

from __future__ import annotations

import os
import re

from proctracker.linux import procfs
from proctracker.linux.textfile import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

_SHARED = ("NoNewPrivs", "Seccomp", "Seccomp_filters", "CapBnd")
"""Fields of /proc/PID/status that a login has as the machine's first process (proc(5))."""

_FILTERS = ("Seccomp", "Seccomp_filters")
_NAMES = frozenset(name.encode("ascii") for name in (*_SHARED, "CapEff", "CapAmb"))

_LABELS = ("apparmor/current", "current")
"""Files of the label below /proc/PID/attr, AppArmor's own before the common one."""

_UNCONFINED = r"unconfined|[^:]*:[^:]*:unconfined_t(:.*)?|_|\^"
"""What AppArmor, SELinux and Smack call a process they leave alone."""

ROOT = "root"
"""Names the process in which a filter begins, as filters of one number may differ."""


def describe() -> dict[str, str]:
    """Describe what is unlike an ordinary process of this user, nothing outside a cage."""
    mine, first = _status("thread-self") or _status("self"), _status("1") or _usual()
    facts = {name: mine[name] for name in _SHARED if mine.get(name) != first.get(name) and name in mine}
    ambient = mine.get("CapAmb", "")
    if ambient.strip("0") and ambient != first.get("CapAmb"):
        facts["CapAmb"] = ambient
    # What a program has after execve(2): root all that is not taken from it, others what is handed on.
    expected = mine.get("CapBnd") if not os.geteuid() else ambient
    if mine.get("CapEff", expected) != expected:
        facts["CapEff"] = mine["CapEff"]
    label = _label("self")
    if label and not re.fullmatch(_UNCONFINED, label) and label != _label("1"):
        facts["label"] = label
    if not facts.keys().isdisjoint(_FILTERS):
        facts[ROOT] = _root({name: mine.get(name) for name in _FILTERS})
    return facts


def same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether two cages take the same, wherever they begin."""
    return {**one, ROOT: ""} == {**other, ROOT: ""}


def mark() -> bytes:
    """Return what changes when this thread puts itself into a cage."""
    text = _text("thread-self")
    return text[text.find(b"\nCapInh") : text.find(b"\nSpeculation")]


def _status(process: str) -> dict[str, str]:
    """Return the fields that matter of /proc/PID/status, or none."""
    lines = (line.partition(b":") for line in _text(process).split(b"\n"))
    return {name.decode("ascii"): value.strip().decode("ascii") for name, _, value in lines if name in _NAMES}


def _text(process: str) -> bytes:
    """Return /proc/PID/status, or nothing where it cannot be read."""
    try:
        with open(f"/proc/{process}/status", "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""


def _usual() -> dict[str, str]:
    """The first process' fields where it is hidden from us (hidepid): nothing is taken away."""
    last = text_of("/proc/sys/kernel/cap_last_cap").strip()
    every = f"{(1 << (int(last) + 1)) - 1:016x}" if last.isdigit() else ""
    return {"NoNewPrivs": "0", "Seccomp": "0", "Seccomp_filters": "0", "CapBnd": every}


def _label(process: str) -> str:
    """Return the label of a process' security module, or nothing."""
    found = (text_of(f"/proc/{process}/attr/{name}").strip("\0\n ") for name in _LABELS)
    return next(filter(None, found), "")


def _root(filters: Mapping[str, str | None]) -> str:
    """The uppermost of our ancestors under as many filters as we are, ourselves at least."""
    pid, found = os.getpid(), ""
    while True:
        stat = procfs.stat(pid)
        if stat is None:
            return found
        found, pid = f"{pid}:{stat.ticks}", stat.ppid
        above = _status(str(pid))
        if pid <= 1 or any(above.get(name) != filters[name] for name in _FILTERS):
            return found
