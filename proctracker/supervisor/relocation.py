"""Leaves a login's scope for the user's systemd, as soon as the user lingers."""

from __future__ import annotations

import os

from proctracker.linux import logout, procfs
from proctracker.linux.inotify import APPEARS
from proctracker.linux.textfile import text_of
from proctracker.model.marks import group_name
from proctracker.runtimes.base import Engine
from proctracker.supervisor.processes import signalling
from proctracker.wire import confinement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.model import Completed
    from proctracker.supervisor.base.files import Watched
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.processes.jobgroups import Groups

_MANAGER = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
_BUSCTL = ("busctl", "--user", "--quiet", "call", *_MANAGER)
_ANSWER = 30.0
"""Seconds that the user's systemd has to answer, which our own login may start."""

_SETTLE = 0.2
"""Seconds between two looks whether a move that was asked for has been made."""

_LOOKS = 25
"""Looks until it is tried again only when the user's lingering changes."""


class Relocation:
    """Moves once. Where it cannot be done the supervisor stays where it is, as its warning said."""

    def __init__(self, here: Here, calls: Calls, groups: Groups) -> None:
        self._here, self._calls, self._groups = here, calls, groups
        self._watched: Watched | None = None
        self._unit = f"proctracker-{here.uuid[:8]}-{os.getpid()}.scope"
        self._looks = 0
        self._asked = False

    def begin(self) -> None:
        """Watch for the user's lingering, where that would let us out of a session."""
        login = logout.describe()
        if not login.in_session or login.root or confinement.service_of():
            return
        try:
            there = os.path.isdir(logout.LINGER)
            folder = logout.LINGER if there else os.path.dirname(logout.LINGER)
            self._watched = self._here.files.watch(folder, APPEARS, self._look)
        except OSError:
            return
        self._look()

    def _look(self, name: str = "") -> None:
        if not self._asked and logout.describe().leaves:
            self._asked, self._looks = True, 0
            pids = [str(pid) for pid in self._staying()]
            properties = ["Description", "s", "jobs of proctracker", "Delegate", "b", "true"]
            properties += ["CollectMode", "s", "inactive-or-failed", "PIDs", "au", str(len(pids)), *pids]
            self._ask("StartTransientUnit", "ssa(sv)a(sa(sv))", self._unit, "fail", "4", *properties, "0")

    def _ask(self, method: str, *words: str) -> None:
        engine = Engine(_BUSCTL[:1], {}, logout.manager_environ(os.environ))
        self._calls.start([*_BUSCTL, method, *words], engine, self._answered, timeout=_ANSWER)

    def _answered(self, completed: Completed) -> None:
        if completed.returncode:
            self._asked = False
        else:
            self._settle()

    def _settle(self) -> None:
        """Look whether all have been moved: what was forked meanwhile is moved after them."""
        self._looks += 1
        if self._looks > _LOOKS:
            self._asked = False
        elif logout.describe().in_session:
            self._here.loop.after(_SETTLE, self._settle)
        elif self._staying():
            pids = [str(pid) for pid in self._staying()]
            self._ask("AttachProcessesToUnit", "ssau", self._unit, "", str(len(pids)), *pids)
        else:
            self._moved()

    def _staying(self) -> list[int]:
        """Those of ours that are still in a session: keeper, supervisor, and whatever the jobs are."""
        here, stats = self._here, procfs.all_stats()
        found = {os.getpid(), here.seat.keeper, *procfs.tree([here.seat.keeper], stats)}
        for job in here.jobs:
            if job.row.pid and not job.scheduled:
                found.update(pid for pid, _ in signalling.members(job, here.mark(job.row)))
        places = {pid: logout.login_place(text_of(f"/proc/{pid}/cgroup")) for pid in found}
        inside = (pid for pid, place in places.items() if (place or "").startswith("session-"))
        return sorted(pid for pid in inside if procfs.owner(pid) == os.getuid())

    def _moved(self) -> None:
        """Give each job that came along a group of its own, so that ours can be divided."""
        here = self._here
        self._here.files.forget(self._watched)
        for job in here.jobs:
            if job.supervised and job.row.pid:
                job.cgroup = self._groups.take(group_name(job.row), signalling.members(job, here.mark(job.row)))
        self._groups.divide()
        here.me = confinement.describe()
        here.me["delegated"] = self._groups.base is not None
