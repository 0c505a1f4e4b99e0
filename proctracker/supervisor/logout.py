"""What a logout does to processes left behind, and the way out of a login's scope (systemd-logind)."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Mapping

from proctracker.model.records import record
from proctracker.supervisor.textfile import text_of

LINGER = "/var/lib/systemd/linger"
"""Holds a file named after each user whose manager stays without a login (loginctl(1), enable-linger)."""

_SETTINGS = ("/usr/lib/systemd/logind.conf", "/etc/systemd/logind.conf")
_DROPINS = ("/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd")
"""Where logind.conf(5) and its drop-ins lie, the later winning; of drop-ins with one name only the last counts."""

_PLACE = r"/user-\d+\.slice/(?:(session-[^/]+\.scope)|(user@\d+\.service))(?:/|$)"
_LINE = r"(?m)^\s*(#?)\s*(KillUserProcesses|KillOnlyUsers|KillExcludeUsers)\s*=\s*(.*?)\s*$"

_WAY_OUT = ("systemd-run", "--user", "--scope", "--collect", "--quiet", "--")
"""Moves itself into a scope of the user's manager and executes the command there: same pid, same descriptors."""


@record(frozen=True)
class Login:
    """Where we are: ``place`` is ``session-3.scope``, ``user@1000.service`` or None (no login's); whether the user
    lingers; whether logind ends what is left in a session."""

    place: str | None
    lingers: bool
    kills: bool
    user: str = ""


def describe() -> Login:
    """Look at this process and this machine's settings; reads a few files."""
    user = _user()
    place = login_place(text_of("/proc/self/cgroup"))
    return Login(place, lingers(user), place is not None and kills(user, settings()), user)


def login_place(cgroup: str) -> str | None:
    """What of a login we are in, by the text of /proc/self/cgroup: its session's scope or the user's manager."""
    for line in cgroup.splitlines():
        _, controllers, path = line.split(":", 2)
        found = re.search(_PLACE, path) if controllers in ("", "name=systemd") else None
        if found:
            return found[1] or found[2]
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


def way_out(login: Login, environ: Mapping[str, str], timeout: float = 1.0) -> list[str]:
    """What to put in front of the keeper's command so that a logout leaves it alone; empty to start it where we are.

    Only from a session's scope, only if the user lingers and the user's manager makes a scope within ``timeout``
    seconds. Without lingering, moving out would put the keeper under a manager that ends with the last session.
    ``environ`` is what the command gets too (``manager_environ``).
    """
    if not login.lingers or not (login.place or "").startswith("session-"):
        return []
    return list(_WAY_OUT) if _works([*_WAY_OUT, "true"], environ, timeout) else []


def manager_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment by which systemd-run finds the user's manager: an unset XDG_RUNTIME_DIR becomes the usual one."""
    folder = f"/run/user/{os.getuid()}"
    if "XDG_RUNTIME_DIR" in environ or not os.path.isdir(folder) or os.stat(folder).st_uid != os.getuid():
        return dict(environ)
    return {**environ, "XDG_RUNTIME_DIR": folder}


def warning(login: Login) -> str | None:
    """One line for the first submit where a logout would end the jobs; None where it would not."""
    if login.lingers or login.place is None:
        return None
    if login.place.startswith("user@"):
        when = "your last logout"
    elif login.kills:
        when = "logout (KillUserProcesses=yes)"
    else:
        return None
    return f"jobs will be ended by {when}: to keep them run 'loginctl enable-linger {login.user}'".rstrip()


def _works(argv: list[str], environ: Mapping[str, str], timeout: float) -> bool:
    """Whether a command ends with 0 in time."""
    import subprocess  # here: hardly any login needs it, and the import would cost each first job some milliseconds

    null = subprocess.DEVNULL
    try:
        subprocess.run(argv, env=environ, stdin=null, stdout=null, stderr=null, timeout=timeout, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _user() -> str:
    """Our user's name; empty if there is none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""
