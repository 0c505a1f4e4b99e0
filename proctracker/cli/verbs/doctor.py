"""Checks what works here and says what to do, starting and changing nothing."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys

from proctracker.cli import formats
from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.verbs.checks import Check
from proctracker.cli.verbs.trackerchecks import trackers
from proctracker.errors import Drmaa2Exception

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterator

_GRADES = {"ok": "\x1b[32m", "warn": "\x1b[33m", "fails": "\x1b[31m", "absent": "\x1b[2m"}
"""A check's result -> its colour, ``absent`` being no fault."""

_LITTLE_ROOM = 64 * 2**20
_FEW = {"NOFILE": 1024, "NPROC": 512}


def doctor(call: Call) -> int:
    """Check everything, with exit code 1 if the default tracker cannot work."""
    call.no_words()
    access = Access(call)
    access.place.lenient = True
    checks = list(_checks(access))
    if call.flag("json"):
        formats.write(formats.dump_json([check._asdict() for check in checks]))
    else:
        colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        formats.write("".join(_line(check, colours) for check in checks))
    needed = {"state directory", "configuration", f"tracker {access.default_contact}"}
    return 1 if any(check.name in needed and check.grade in ("fails", "absent") for check in checks) else 0


def _line(check: Check, colours: bool) -> str:
    grade = f"{check.grade:<6}"
    if colours:
        grade = f"{_GRADES[check.grade]}{grade}\x1b[0m"
    advice = f"\n         {' ' * 18}-> {formats.safe(check.advice)}" if check.advice else ""
    return f"{grade}   {check.name:<18}{formats.safe(check.text)}{advice}\n"


def _checks(access: Access) -> Iterator[Check]:
    for name, look in _LOOKS.items():
        try:
            yield look(access)
        except Drmaa2Exception as error:
            yield Check(name, "fails", error.message)
        except OSError as error:
            yield Check(name, "fails", f"{error.filename or ''}: {error.strerror}")
    yield from trackers(access, access.call.flag("probe"))


def _program(access: Access) -> Check:
    from proctracker.version import __version__

    place = os.path.dirname(sys.modules["proctracker"].__file__ or "")
    return Check("proctracker", "ok", f"{__version__} in {place}, Python {platform.python_version()}")


def _state(access: Access) -> Check:
    """The state directory, or the nearest directory above it that is there."""
    path, name = access.home.path, "state directory"
    if access.home.check():
        access.reader.sessions()  # raises what is wrong with the store
    there = path
    while not os.path.exists(there):
        there = os.path.dirname(there)
    if not os.access(there, os.W_OK | os.X_OK):
        return Check(
            name, "fails", f"{path}: {there} cannot be written to", "set PROCTRACKER_HOME to a directory of yours"
        )
    free = shutil.disk_usage(there).free
    room = f"{free // 2**20} MiB free"
    if free < _LITTLE_ROOM:
        return Check(name, "warn", f"{path}, {room}", "free some room: results could not be kept")
    return Check(name, "ok", f"{path}, {room}" + ("" if there == path else ", will be made"))


def _configuration(access: Access) -> Check:
    """Check what is believed of the configuration, and raise what is wrong with it."""
    from proctracker import config
    from proctracker.linux import trusted
    from proctracker.tracker import contacts

    found = contacts.Configured().load(os.environ)
    read = [path for path in config.paths(os.environ) if os.path.exists(path)]
    if found.output_dir:
        try:
            os.close(trusted.reach(found.output_dir, "name another output_dir"))
        except OSError as error:
            text = f"output_dir: {error.filename}: {error.strerror}"
            return Check("configuration", "fails", text, "make it, or name another output_dir")
    return Check("configuration", "ok", ", ".join(read) or "none")


def _file_system(access: Access) -> Check:
    from proctracker.linux import netfs

    there = access.home.path
    while not os.path.exists(there):
        there = os.path.dirname(there)
    kind = netfs.file_system(there)
    if kind is None:
        return Check("file system", "ok", "a local disk")
    if access.home.check() and not netfs.locks_work(access.home.here):
        return Check(
            "file system", "warn", f"{kind}, without locks", "works, slowly; a local PROCTRACKER_HOME is faster"
        )
    return Check("file system", "ok", f"{kind}, a network's: shared with other hosts, state is kept per host")


def _supervisor(access: Access) -> Check:
    told = access.supervisor_told()
    if told is None:
        return Check("supervisor", "ok", "not running; the next job starts it")
    return Check("supervisor", "ok", f"running, pid {told.get('pid')}, {told.get('package')}")


def _pidfd(access: Access) -> Check:
    from proctracker.linux import pidfd

    if pidfd.available():
        return Check("pidfd", "ok", "ends of containers are seen at once")
    return Check("pidfd", "warn", f"not on kernel {platform.release()}: ends are seen up to a second late")


def _exit_codes(access: Access) -> Check:
    """What deaths of our own processes do to the exit codes of plain processes."""
    from proctracker.linux import pidfd

    kept = "kept if the supervisor or its keeper is killed"
    if pidfd.available() and pidfd.tells():
        return Check(
            "exit codes", "ok", f"{kept}, also one after the other; lost if both are at once and the job ends then"
        )
    text = f"{kept}; lost for jobs that outlive both, whenever the second is (Linux before 6.15: {platform.release()})"
    return Check("exit codes", "ok", text)


def _cgroups(access: Access) -> Check:
    from proctracker.wire import confinement

    name, none = "control groups", "no --memory and --cpus for plain processes"
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return Check(name, "ok", f"v1: {none}", "use --limit for plain processes")
    if confinement.describe()["delegated"]:
        return Check(name, "ok", "v2, delegated: each process job has its own, --memory and --cpus hold")
    return Check(name, "ok", f"v2, not delegated: {none}", "loginctl enable-linger, or use --limit")


def _logout(access: Access) -> Check:
    """Say what a logout does to jobs, by where the supervisor is or would be."""
    from proctracker.linux import logout
    from proctracker.wire import confinement

    told = access.supervisor_told() if access.home.check() else None
    pid = told.get("pid") if told else None
    login = logout.describe(pid or "self")
    if pid is None and logout.way_out(login):
        login = logout.left(login)
    lingers = "lingers" if login.lingers else "does not linger"
    text = f"{login.place or 'no login scope'}, {login.user or os.getuid()} {lingers}"
    service = confinement.service_of(pid or "self")
    warning = logout.warning(login, service)
    if warning is None:
        return Check("logout", "ok", f"{text}: jobs go on")
    advice = None if service or login.root else f"loginctl enable-linger {login.user}"
    return Check("logout", "warn", f"{text}: {warning}", advice)


def _confined(access: Access) -> Check:
    from proctracker.linux import cage
    from proctracker.wire import confinement

    found = confinement.describe()
    if found["allocation"]:
        return Check("confinement", "ok", f"allocation {found['allocation']}: jobs end with it")
    if found["service"]:
        return Check("confinement", "warn", f"{found['service']}: jobs end when it is stopped")
    if found["cage"]:
        names = ", ".join(name for name in found["cage"] if name != cage.ROOT)
        return Check("confinement", "ok", f"{names} unlike an ordinary login's: jobs of this shell keep that")
    return Check("confinement", "ok", "none: jobs of all your logins share a supervisor")


def _limits(access: Access) -> Check:
    low = []
    for name, least in _FEW.items():
        soft = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
        if soft != resource.RLIM_INFINITY and soft < least:
            low.append(f"{name} {soft}")
    if low:
        return Check("limits", "warn", f"low: {', '.join(low)}", "raise them: ulimit -n, ulimit -u")
    return Check("limits", "ok", "enough files and processes")


_LOOKS: dict[str, Callable[[Access], Check]] = {
    "proctracker": _program,
    "state directory": _state,
    "configuration": _configuration,
    "file system": _file_system,
    "supervisor": _supervisor,
    "pidfd": _pidfd,
    "exit codes": _exit_codes,
    "control groups": _cgroups,
    "logout": _logout,
    "confinement": _confined,
    "limits": _limits,
}
