"""Tells what a logout does to processes, and how to leave its scope (systemd-logind)."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Mapping

from proctracker.linux import cgroups
from proctracker.linux.textfile import text_of
from proctracker.records import record, replace

LINGER = "/var/lib/systemd/linger"
"""Holds a file for each user whose manager stays without a login (loginctl(1))."""

_SETTINGS = ("/usr/lib/systemd/logind.conf", "/etc/systemd/logind.conf")
_DROPINS = ("/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd")
"""Folders of logind.conf(5) and drop-ins, of which the last of a name counts."""

_PLACE = r"/user-(\d+)\.slice/(?:(session-[^/]+\.scope)|(user@\d+\.service)(/.*)?)(?:/|$)"
_LINE = r"(?m)^\s*(#?)\s*(KillUserProcesses|KillOnlyUsers|KillExcludeUsers)\s*=\s*(.*?)\s*$"

_WAY_OUT = ("--scope", "--collect", "--quiet", "--property=Delegate=yes", "--description=jobs of proctracker", "--")
"""Makes systemd-run move itself into a scope and execute the command there."""

BOOTED = "/run/systemd/system"
"""Is there where systemd runs the machine (sd_booted(3))."""

_JOB = r"/job-[^/]*$"
"""A job's own group (jobgroups.py): what it submits is no part of it."""

_BOUNDS = {"memory.max": "max", "memory.high": "max", "cpu.max": "max", "memory.swap.max": "max"}
"""A file of a unit's control group that holds the word unless the unit was given that limit."""


@record(frozen=True)
class Login:
    """Tells where a process is, and what a logout does to it.

    ``place`` is ``session-3.scope``, ``user@1000.service`` or None (no login's), ``lingers`` that of its user,
    ``kills`` whether logind ends what is left in the session.

    ``user`` is the login's, another than ours after sudo. ``bounded`` names a unit of the user's with limits of its own.
    """

    place: str | None
    lingers: bool
    kills: bool
    user: str = ""
    bounded: str | None = None
    root: bool = False

    @property
    def in_session(self) -> bool:
        """Whether it is in a session's scope, which may end before the user's other logins."""
        return self.place is not None and self.place.startswith("session-")

    @property
    def lifetime(self) -> str | None:
        """Return what the processes there end with, or None for the machine alone."""
        if self.place is None or (self.lingers and not self.in_session):
            return None
        return self.place if self.kills or not self.in_session else None

    @property
    def leaves(self) -> bool:
        """Return whether a supervisor started here gets a scope that lives as long.

        A user's only under the user's manager, which ends with the last session unless the user lingers; root's beside
        all logins.
        """
        if self.place is None or self.bounded:
            return False
        return self.root or self.lingers or not self.in_session


def describe(pid: int | str = "self") -> Login:
    """Describe a process, by default this one, and this machine's settings."""
    text = text_of(f"/proc/{pid}/cgroup")
    place, uid = login_place(text), _login_uid(text)
    user = _user(os.getuid() if uid is None else uid)
    return Login(
        place,
        lingers(user),
        place is not None and kills(user, settings()),
        user,
        _bounded(text) if place else None,
        not os.geteuid(),
    )


def _login_uid(cgroup: str) -> int | None:
    """Whose login it is."""
    found = re.search(_PLACE, cgroup)
    return int(found[1]) if found else None


def _bounded(cgroup: str) -> str | None:
    """Return the unit of a user's manager that we are in, if it has limits of its own."""
    line = next((line for line in cgroup.splitlines() if line.startswith("0::")), "")
    found = re.search(_PLACE, line)
    if not found or not found[4] or re.search(_JOB, line):
        return None
    folder = f"/sys/fs/cgroup{line[3:]}"
    for name, word in _BOUNDS.items():
        if (text_of(f"{folder}/{name}").split() or [word])[0] != word:
            return line.rpartition("/")[2]
    return None


def login_place(cgroup: str) -> str | None:
    """Return the session's scope or user's manager in a /proc/self/cgroup."""
    for line in cgroup.splitlines():
        _, controllers, path = line.split(":", 2)
        found = re.search(_PLACE, path) if controllers in ("", "name=systemd") else None
        if found:
            return found[2] or found[3]
    return None


def lingers(user: str, folder: str = LINGER) -> bool:
    """Whether the user's manager outlives the last logout."""
    return bool(user) and os.path.exists(os.path.join(folder, user))


def settings() -> list[str]:
    """The texts of logind.conf and its drop-ins in the order they count."""
    import glob  # here: as subprocess below

    dropins: dict[str, str] = {}
    for folder in _DROPINS:
        for path in glob.glob(f"{folder}/logind.conf.d/*.conf"):
            dropins[os.path.basename(path)] = path
    return [text_of(path) for path in (*_SETTINGS, *(dropins[name] for name in sorted(dropins)))]


def kills(user: str, texts: Iterable[str]) -> bool:
    """Whether logind ends this user's processes at the end of their session (logind.conf(5)).

    A commented line tells what the distribution compiled in; systemd's own default is yes, and every distribution's
    file that changes it says so.
    """
    values = {"KillUserProcesses": "", "KillOnlyUsers": "", "KillExcludeUsers": "root"}
    default = "no"
    for text in texts:
        for comment, name, value in re.findall(_LINE, text):
            if not comment:
                values[name] = value
            elif name == "KillUserProcesses":
                default = value
    only, spared = values["KillOnlyUsers"].split(), values["KillExcludeUsers"].split()
    wanted = (values["KillUserProcesses"] or default).lower() in ("1", "yes", "y", "true", "t", "on")
    return wanted and user not in spared and (not only or user in only)


def way_out(login: Login) -> list[str]:
    """Return the words before the keeper's command by which a logout leaves it alone."""
    if not login.leaves or not os.path.isdir(BOOTED):
        return []
    return ["systemd-run", *([] if login.root else ["--user"]), *_WAY_OUT]


def left(login: Login) -> Login:
    """Where a supervisor is that went by the way out."""
    return replace(login, place=None if login.root else f"user@{os.getuid()}.service", kills=False)


def manager_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment by which systemd-run finds the user's manager."""
    folder = f"/run/user/{os.getuid()}"
    if "XDG_RUNTIME_DIR" in environ or not os.path.isdir(folder) or os.stat(folder).st_uid != os.getuid():
        return dict(environ)
    return {**environ, "XDG_RUNTIME_DIR": folder}


def warning(login: Login, service: str | None = None) -> str | None:
    """Warn of jobs that would end before what their user expects, or return None.

    ``login`` is the supervisor's; ``service`` a systemd service that it is in.
    """
    if service:
        return (
            f"jobs will be ended when {service} stops, in which this runs: to keep them submit from a login,"
            " or give the service KillMode=process"
        )
    if login.lifetime is None:
        return None
    whose = f"{login.user}'s" if login.root else "your"
    when = f"{whose} logout (KillUserProcesses=yes)" if login.in_session else f"{whose} last logout"
    if login.root:
        remedy = "to keep them log in as root"
    elif login.lingers:
        remedy = f"{login.user} lingers, but the systemd of that user did not answer (yet)"
    else:
        remedy = f"to keep them run 'loginctl enable-linger {login.user}'".rstrip()
    return f"jobs will be ended by {when}: {remedy}"


def _user(uid: int) -> str:
    """Return a user's name, or nothing."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def delegates(login: Login) -> bool:
    """Whether a supervisor started from such a place gets a group that it may divide."""
    if not login.leaves or not os.path.isdir(BOOTED):
        return False
    uid = os.getuid()
    if login.root:
        folder = "/sys/fs/cgroup"
    else:
        folder = f"/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service"
        if not os.path.exists(f"/run/user/{uid}/systemd/private"):
            return False
    return cgroups.divisible(folder)
