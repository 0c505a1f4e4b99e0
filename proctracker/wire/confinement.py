"""Describes a caller's confinement, which decides what supervisor may start its jobs."""

from __future__ import annotations

import os
import pwd
import re
import resource
from collections.abc import Mapping

from proctracker.linux import cage, logout
from proctracker.linux.textfile import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict
else:
    TypedDict = dict

MAIN = "main"
"""The key of every ordinary login of a user on a host."""

STANDS_IN = "PROCTRACKER_STANDS_IN"
"""Set in a supervisor that was started outside its key's confinement and starts nothing."""

_INITIAL = {"mnt": (4026531832, 4026531840, 4026531841), "pid": (4026531836,), "user": (4026531837,)}
"""Inodes of the kernel's first namespaces (include/linux/proc_ns.h)."""

_ALLOCATIONS = (
    ("SLURM_JOB_ID", r"/job_{id}(/|$)", r"slurm(stepd|d)"),
    ("PBS_JOBID", r"[/:]{id}(/|$)|jobid/{number}\b", r"pbs_mom|pbs\.service"),
    ("LSB_JOBID", r"/job\.{id}\.", r"/lsf[/.]"),
    ("JOB_ID", r"[/:]{id}(\.\d+)?(/|$)", r"sge|execd|gridengine"),
    ("OAR_JOB_ID", r"/oar/\S*_{id}(/|$)", r"/oar/"),
)
"""Variable of a batch allocation, its control group's name, and the daemon's group.

A variable alone says nothing: ``salloc`` sets it in a shell on the login node, ``sbatch`` from a job passes it on."""

_DOORS = r"(user@\d+|sshd?(@.*)?|dropbear(@.*)?|crond?|atd|(serial-|console-|container-)?getty(@.*)?)\.service"
"""Services that are no confinement: a login, or KillMode=process."""

_CAPABILITIES = {"limits": 24, "nice": 23}
"""CAP_SYS_RESOURCE and CAP_SYS_NICE, capabilities(7)."""


class Description(TypedDict):
    """Tells all that decides, JSON-able.

    ``limits`` are hard ones by name (-1: none).

    ``lifetime`` is what ends all there earlier than their user may expect (logout.py), ``unit`` one of the user's with limits
    of its own; ``delegated``: a supervisor started there could give each job a control group of its own, or this one does.
    """

    namespaces: dict[str, int]
    allocation: str | None
    service: str | None
    groups: list[int]
    limits: dict[str, int]
    nice: int
    best_nice: int
    may: list[str]
    cage: dict[str, str]
    lifetime: str | None
    unit: str | None
    delegated: bool


def describe(environ: Mapping[str, str] | None = None) -> Description:
    """Describe this process, by default with its own environment."""
    cgroup = text_of("/proc/self/cgroup")
    groups = [os.getegid(), *sorted(set(os.getgroups()))]
    may = _capabilities(text_of("/proc/self/status"))
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    login = logout.describe()
    raised = 20 - min(resource.getrlimit(resource.RLIMIT_NICE)[0] % 2**64, 40)
    return {
        "namespaces": _namespaces(),
        "allocation": allocation(os.environ if environ is None else environ, cgroup),
        "service": service(cgroup),
        "groups": groups,
        "limits": {name[7:]: resource.getrlimit(getattr(resource, name))[1] for name in _limit_names()},
        "nice": nice,
        "best_nice": -20 if "nice" in may else min(nice, raised),
        "may": may,
        "cage": cage.describe(),
        "lifetime": login.lifetime,
        "unit": login.bounded,
        "delegated": service(cgroup) is None and logout.delegates(login),
    }


def key(description: Description | None = None, apart: bool = False) -> str:
    """The name of the supervisor for such a caller: ``main``, or 12 hex digits.

    ``apart``: the caller does not fit the supervisor of its key (``fits``), so limits, nice and groups count too; for an
    ordinary login that is ``main-`` and 12 digits.
    """
    it = describe() if description is None else description
    groups = [] if _usual(it["groups"]) else it["groups"]
    facts: list[object] = [it["namespaces"], it["allocation"], it["service"], groups]
    facts += [each for each in (it["cage"], it["unit"]) if each]
    usual = not any(facts)
    if usual and not apart:
        return MAIN
    if apart:
        facts += [it["limits"], it["nice"], it["groups"]]
        facts += [each for each in (it["lifetime"], it["delegated"]) if each]
    import hashlib  # here: hardly any caller is anything but MAIN, and the import would cost each some milliseconds
    import json

    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode("ascii")).hexdigest()[:12]
    return f"{MAIN}-{digest}" if usual else digest


def ordinary(key: str) -> bool:
    """Whether a supervisor of this key is one of ordinary logins: those never end for good."""
    return key == MAIN or key.startswith(f"{MAIN}-")


def fits(supervisor: Description, caller: Description, key_of_it: str = "") -> bool:
    """Return whether this supervisor can give the caller's jobs what its shell would.

    ``key_of_it``: its key; one that was started for callers who do not fit the usual one has the groups there are.
    """
    same = ("namespaces", "allocation", "service", "groups")
    if any(supervisor[name] != caller[name] for name in same):  # type: ignore[literal-required]
        return False
    # A client of an older release tells nothing of its cage: it is taken for one without.
    if not cage.same(supervisor["cage"], caller.get("cage") or {}):
        return False
    if caller.get("unit") != supervisor["unit"] or supervisor["lifetime"] not in (None, caller.get("lifetime")):
        return False
    if caller.get("delegated") and not supervisor["delegated"] and key_of_it == key(caller):
        return False
    return can_start(supervisor, caller["nice"], caller["limits"])


def can_start(supervisor: Description, nice: int, hard: Mapping[str, int]) -> bool:
    """Whether this supervisor can give a job such a nice value and such hard limits."""
    if nice < supervisor["best_nice"]:
        return False
    return "limits" in supervisor["may"] or all(
        _limit(supervisor["limits"].get(name, -1)) >= _limit(most) for name, most in hard.items()
    )


def _limit(hard: int) -> float:
    """A hard limit as something to compare."""
    return float("inf") if hard == resource.RLIM_INFINITY or hard < 0 else hard


def allocation(environ: Mapping[str, str], cgroup: str) -> str | None:
    """Return the batch allocation (``SLURM_JOB_ID=7``) that environment and cgroup name."""
    for variable, group, daemon in _ALLOCATIONS:
        value = environ.get(variable, "")
        number = re.match(r"\d+", value)
        if number is None or (variable == "JOB_ID" and "PROCTRACKER_JOB" in environ):
            continue
        pattern = group.replace("{id}", re.escape(value)).replace("{number}", number[0])
        if re.search(pattern, cgroup, re.MULTILINE) or re.search(daemon, cgroup):
            return f"{variable}={value}"
    return None


def allocation_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the variables that may name a batch allocation, JOB_ID if it is not ours."""
    return [name for name, _, _ in _ALLOCATIONS if name != "JOB_ID" or "PROCTRACKER_JOB" not in environ]


def service_of(pid: int | str = "self") -> str | None:
    """Return the systemd service whose stop would end a process, or None for logins."""
    return service(text_of(f"/proc/{pid}/cgroup"))


def service(cgroup: str) -> str | None:
    """Return the innermost ``.service`` of a /proc/self/cgroup, or None for logins."""
    for line in cgroup.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("name=systemd", "") and path != "/":
            words = [word for word in path.split("/") if word.endswith(".service") and not re.fullmatch(_DOORS, word)]
            return words[-1] if words else None
    return None


def _namespaces() -> dict[str, int]:
    """Return the inodes of our mount, pid and user namespaces, but those of the machine."""
    found = {
        name: os.stat(f"/proc/self/ns/{name}").st_ino for name in _INITIAL if os.path.exists(f"/proc/self/ns/{name}")
    }
    other = {name: inode for name, inode in found.items() if inode not in _INITIAL[name]}
    if list(other) == ["mnt"] and _mounts_of("self") & _mounts_of("1"):
        return {}
    return other


def _mounts_of(pid: str) -> set[str]:
    """Return the mount ids a process sees, which are unique on a machine."""
    return {line.split(" ", 1)[0] for line in text_of(f"/proc/{pid}/mountinfo").splitlines()}


def _usual(groups: list[int]) -> bool:
    """Return whether a login of this user would get these groups now (newgrp would not)."""
    try:
        user = pwd.getpwuid(os.geteuid())
    except KeyError:
        return True
    return groups[0] == user.pw_gid and {*groups} == {*os.getgrouplist(user.pw_name, user.pw_gid)}


def _capabilities(status: str) -> list[str]:
    """Which of limits and nice values this process may raise, from CapEff of /proc/self/status."""
    match = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    mask = int(match[1], 16) if match else 0
    return [name for name, bit in _CAPABILITIES.items() if mask >> bit & 1]


def _limit_names() -> list[str]:
    """Return the names of all limits this Python knows, but OFILE, which is NOFILE."""
    return sorted(name for name in dir(resource) if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE")
