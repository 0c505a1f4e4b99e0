"""Monitoring sessions of the Grid Engine DRMAA2 binding."""

from __future__ import annotations

from typing import Any

from proctracker.compat.gridengine.drmaa2_exceptions import InvalidSession, translated
from proctracker.compat.gridengine.drmaa2_object import Drmaa2Object, Text
from proctracker.compat.gridengine.job import Job
from proctracker.compat.gridengine.job_session import filter_of
from proctracker.compat.gridengine.structs import MachineInfo, QueueInfo
from proctracker.sessions import functions


class MonitoringSession(Drmaa2Object):
    """Shows everything, from when it is made."""

    name = Text()

    def __init__(self, name: str | None = None, session_dict: Any = None) -> None:
        super().__init__()
        self.name = name or (session_dict or {}).get("name")
        self._session: Any = None
        self.open()

    def open(self) -> None:
        """Open it again after ``close``."""
        if self._session is None:
            with translated():
                self._session = functions.open_monitoring_session()

    def close(self) -> None:
        """Disengage."""
        if self._session is not None:
            with translated():
                self._session.close()
            self._session = None

    @property
    def session(self) -> Any:
        """Our session. InvalidSession once it was closed."""
        if self._session is None:
            raise InvalidSession("the monitoring session was closed")
        return self._session

    def get_all_machines(self, filter: Any) -> list[MachineInfo]:
        """Return the machines of these names, or all."""
        with translated():
            return [_machine(each) for each in self.session.get_all_machines(filter)]

    def get_all_queues(self, filter: Any) -> list[QueueInfo]:
        """Return the queues of these names, or all."""
        with translated():
            return [QueueInfo({"name": each.name}) for each in self.session.get_all_queues(filter)]

    def get_all_reservations(self, filter: Any) -> list[Any]:
        """UnsupportedOperation: there are no reservations."""
        with translated():
            return list(self.session.get_all_reservations())

    def get_all_jobs(self, filter: Any) -> list[Job]:
        """Return the jobs that match a JobInfo or a dictionary, or all."""
        wanted = filter_of(filter)
        with translated():
            return [Job(each) for each in self.session.get_all_jobs(wanted)]


def _machine(found: Any) -> MachineInfo:
    version = found.machine_os_version
    values = {name: getattr(found, name, None) for name in MachineInfo.fields}
    values["machine_os_version"] = {"major": version.major, "minor": version.minor} if version else None
    return MachineInfo({name: value for name, value in values.items() if value is not None})
