"""Reads processes in /proc: identity, environment, families, what a job left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Mapping

from proctracker.records import NamedTuple

MARK = b"PROCTRACKER_JOB"
"""The variable that says whose job a process is: ``<home uuid>/<job id>/<attempt>``."""


clock_ticks: int = os.sysconf("SC_CLK_TCK")
"""Clock ticks in a second: the unit of every time in Stat."""

_STAY = ((b"catatonit", b"-P"), (b"podman", b"pause"))
"""Command lines of rootless podman's pause process, which all containers share."""


class Stat(NamedTuple):
    """Holds a /proc/PID/stat (proc(5)), ``ticks`` being the start since boot."""

    pid: int
    comm: str
    state: str
    ppid: int
    pgrp: int
    session: int
    ticks: int
    utime: int
    stime: int
    cutime: int
    cstime: int


def _read(pid: int | str, name: str) -> bytes | None:
    """Return the content of /proc/PID/NAME, or None."""
    try:
        with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return None


def boot_id() -> str:
    """The kernel's id of this boot: a pid and start time mean something within one boot only."""
    text = _read("sys", "kernel/random/boot_id")
    return text.decode("ascii").strip() if text else ""


def parse_stat(text: bytes) -> Stat:
    """A stat line as Stat. The name in brackets may hold anything, brackets and newlines too."""
    first, last = text.index(b"("), text.rindex(b")")
    rest = text[last + 2 :].split()
    comm = os.fsdecode(text[first + 1 : last])
    ppid, pgrp, session = map(int, rest[1:4])
    utime, stime, cutime, cstime = map(int, rest[11:15])
    pid, state, ticks = int(text[:first]), rest[0].decode("ascii"), int(rest[19])
    return Stat(pid, comm, state, ppid, pgrp, session, ticks, utime, stime, cutime, cstime)


_loadavg: list[int] = []
"""Its descriptor, once it was opened: each start reads it."""


def last_pid() -> int:
    """Return the last pid of our pid namespace (loadavg, proc(5)), or 0."""
    try:
        if not _loadavg:
            _loadavg.append(os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC))
        return int(os.pread(_loadavg[0], 256, 0).split()[4])
    except (OSError, IndexError, ValueError):
        return 0


def pid_max() -> int:
    """How many pids there are: then they are given out from the beginning again (proc(5))."""
    text = _read("sys", "kernel/pid_max")
    return int(text) if text else 2**22


def stat(pid: int) -> Stat | None:
    """Return what /proc says of a process, a zombie too, or None."""
    text = _read(pid, "stat")
    return parse_stat(text) if text else None


def lives(pid: int) -> bool:
    """Return whether there is such a process that is no zombie."""
    found = stat(pid)
    return found is not None and found.state not in "ZX"


def alive(pid: int, ticks: int | None) -> bool:
    """Return whether the process that started at that time runs and is no zombie."""
    found = stat(pid)
    return found is not None and found.ticks == ticks and found.state not in "ZX"


def wait_status(pid: int, ticks: int) -> int | None:
    """Return how a zombie ended, as of wait(2), or None.

    Field 52 of its stat line is 0 for those who may not read it, so what has the same condition is read too.
    """
    if _read(pid, "io") is None:
        return None
    text = _read(pid, "stat")
    if not text:
        return None
    seen, words = parse_stat(text), text[text.rindex(b")") + 2 :].split()
    return int(words[49]) if seen.state == "Z" and seen.ticks == ticks and len(words) > 49 else None


def environ(pid: int) -> dict[bytes, bytes] | None:
    """Return the environment a process was started with, or None."""
    text = _read(pid, "environ")
    if not text:
        return None
    pairs = (entry.partition(b"=") for entry in text.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


def mark(pid: int) -> str | None:
    """Return the job a process was started for, or None."""
    value = (environ(pid) or {}).get(MARK)
    return None if value is None else os.fsdecode(value)


def pids() -> list[int]:
    """Every process that /proc shows us."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def all_stats() -> dict[int, Stat]:
    """Stat of every process by pid, as of about now."""
    found = (stat(pid) for pid in pids())
    return {each.pid: each for each in found if each}


def marked(mark: str) -> list[tuple[int, int]]:
    """Return our user's processes that carry this mark, as (pid, start ticks)."""
    return [(each.pid, each.ticks) for each in _marked(mark, all_stats())]


def marks(prefix: str) -> dict[str, tuple[int, int]]:
    """Return marks that begin so -> the oldest of our user's processes with each."""
    found: dict[str, tuple[int, int]] = {}
    for each in sorted(all_stats().values(), key=lambda it: it.ticks):
        name = mark(each.pid)
        if name and name.startswith(prefix) and _own(each.pid):
            found.setdefault(name, (each.pid, each.ticks))
    return found


def _marked(mark: str, stats: Mapping[int, Stat]) -> list[Stat]:
    """Of these processes the ones that are our own user's and carry the mark."""
    entry = b"\0" + MARK + b"=" + os.fsencode(mark) + b"\0"
    return [each for pid, each in stats.items() if entry in b"\0" + (_read(pid, "environ") or b"") and _own(pid)]


def tree(root_pids: Iterable[int], all_stats: Mapping[int, Stat], spare: Collection[int] = ()) -> set[int]:
    """Return all descendants of these processes, without spared ones and theirs."""
    below: dict[int, list[int]] = {}
    for each in all_stats.values():
        below.setdefault(each.ppid, []).append(each.pid)
    found: set[int] = set()
    open_ends = list(root_pids)
    while open_ends:
        fresh = [pid for pid in below.get(open_ends.pop(), ()) if pid not in found and pid not in spare]
        found.update(fresh)
        open_ends.extend(fresh)
    return found


def children(pid: int) -> list[int]:
    """The processes whose parent this one is, zombies included."""
    return [each.pid for each in all_stats().values() if each.ppid == pid]


def family(
    mark: str, leader_pid: int, leader_ticks: int | None = None, spare: Collection[int] = ()
) -> list[tuple[int, int]]:
    """Return all of a job: its session, descendants, marked ones and theirs.

    Never ourselves, our parent, ``spare``, keepers or rootless podman's pause process. With
    ``leader_ticks`` a recycled leader pid is told: a pid is not given away while it names a session with members, so
    another process there means that session is over. Zombies are left out, they need a reaper and no signal.
    """
    stats = all_stats()
    leader = stats.get(leader_pid)
    recycled = leader is not None and leader_ticks is not None and leader.ticks != leader_ticks
    out = {os.getpid(), os.getppid(), *spare}
    out.update(pid for pid, each in stats.items() if pid not in out and _stays(each))
    roots = {each.pid for each in _marked(mark, stats)}
    if not recycled:
        roots.update(each.pid for each in stats.values() if each.session == leader_pid or each.pid == leader_pid)
    roots -= out
    found = roots | tree(roots, stats, out)
    return [(pid, stats[pid].ticks) for pid in sorted(found) if stats[pid].state not in "ZX"]


def _stays(each: Stat) -> bool:
    """Return whether a process is a keeper, a supervisor or a pause process."""
    if not each.comm.startswith(("catatonit", "podman", "python", "proctracker")):
        return False
    words = tuple(cmdline(each.pid))
    name = (os.path.basename(words[0]), *words[1:2]) if words else ()
    return name in _STAY or any(b"proctracker.supervisor" in w or b"proctracker/supervisor" in w for w in words)


def cmdline(pid: int) -> list[bytes]:
    """Return a process' command line, empty for zombies and kernel threads."""
    text = _read(pid, "cmdline") or b""
    return text.rstrip(b"\0").split(b"\0") if text else []


def _status(pid: int, field: bytes) -> list[bytes]:
    """Return the words of one line of /proc/PID/status, or none."""
    for line in (_read(pid, "status") or b"").splitlines():
        if line.startswith(field + b":"):
            return line.split()[1:]
    return []


def _own(pid: int) -> bool:
    """Return whether a process is our user's, by its real uid."""
    uids = _status(pid, b"Uid")
    return bool(uids) and int(uids[0]) == os.geteuid()


def owner(pid: int) -> int | None:
    """Return the user whose a process is, by its real uid, or None."""
    uids = _status(pid, b"Uid")
    return int(uids[0]) if uids else None


def handles(pid: int, signum: int) -> bool:
    """Return whether a process handles a signal (SigCgt), False if it exited."""
    mask = _status(pid, b"SigCgt")
    return bool(mask) and bool(int(mask[0], 16) >> (signum - 1) & 1)


def started_at(pid: int) -> float:
    """When a process started, in epoch seconds."""
    found = stat(pid)
    if found is None:
        return time.time()
    with open("/proc/uptime", encoding="ascii") as file:
        up = float(file.read().split()[0])
    return min(time.time(), time.time() - up + found.ticks / clock_ticks)
