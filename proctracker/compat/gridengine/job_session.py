"""Job sessions of the Grid Engine DRMAA2 binding."""

from __future__ import annotations

import contextlib
import getpass
import os
import weakref
from typing import Any
from uuid import uuid4

from proctracker.compat.gridengine.drmaa2_constants import Time
from proctracker.compat.gridengine.drmaa2_exceptions import InvalidArgument, InvalidSession, translated
from proctracker.compat.gridengine.drmaa2_object import Drmaa2Object, Text
from proctracker.compat.gridengine.job import Job, JobArray, natives, refuse_sudo, seconds
from proctracker.compat.gridengine.structs import JobInfo, JobTemplate
from proctracker.errors import Drmaa2Exception
from proctracker.sessions import functions


class JobSession(Drmaa2Object):
    """A session, opened or made. Unless told otherwise it is destroyed when the object goes.

    Without a name it is that of PROCTRACKER_SESSION, which stays, or a new one.
    """

    name, contact = Text(), Text()

    def __init__(
        self,
        name: str | None = None,
        contact: str | None = None,
        destroy_on_exit: bool = True,
        check_for_existing_session: bool = True,
        session_dict: Any = None,
        auth: Any = None,
    ) -> None:
        super().__init__()
        refuse_sudo(auth)
        said = session_dict or {}
        contact = contact or said.get("contact") or os.environ.get("PROCTRACKER_CONTACT") or None
        given = name or said.get("name")
        kept = None if given else os.environ.get("PROCTRACKER_SESSION")
        name = given or kept or uuid4().hex
        with translated():
            there = functions.get_job_session_names() if check_for_existing_session or kept else []
            known = [each for each in (name, f"{contact or getpass.getuser()}@{name}") if each in there]
            if known:
                self._open(known[0])
            elif "@" in name:
                raise InvalidArgument("session name with @ is not allowed")
            else:
                self._keep(functions.create_job_session(name, contact))
        self._destroyed = weakref.finalize(self, _destroy, self.name, os.getpid())
        if not destroy_on_exit or kept:
            self._destroyed.detach()

    def _keep(self, session: Any) -> None:
        self._session: Any = session
        self.name, self.contact = session.session_name, session.contact

    def _open(self, name: str) -> None:
        with translated():
            self._keep(functions.open_job_session(name))

    @property
    def session(self) -> Any:
        """Our session. InvalidSession once it was closed."""
        if self._session is None:
            raise InvalidSession(f"session {self.name!r} was closed")
        return self._session

    @classmethod
    def list_session_names(cls) -> list[str]:
        """The names of all sessions."""
        with translated():
            return functions.get_job_session_names()

    def open(self) -> None:
        """Open it again after ``close``."""
        if self._session is None:
            self._open(self.name)

    def close(self) -> None:
        """Disengage, any number of times, while jobs go on."""
        if self._session is not None:
            with translated():
                self._session.close()
            self._session = None

    def destroy(self, auth: Any = None) -> None:
        """Remove the session, while jobs that run go on, unseen."""
        self.destroy_by_name(self.name, auth)

    @classmethod
    def destroy_by_name(cls, name: str, auth: Any = None) -> None:
        """Remove a session. InvalidArgument if there is none of that name."""
        refuse_sudo(auth)
        with translated():
            functions.destroy_job_session(name, live="leave")

    def run_job(self, template: Any, auth: Any = None) -> Job:
        """Submit a job, of a template or a dictionary."""
        refuse_sudo(auth)
        given = _template(template)
        with translated():
            return Job(self.session.run_job(given))

    def run_bulk_jobs(
        self, template: Any, begin_index: int, end_index: int, step: int, max_parallel: int, auth: Any = None
    ) -> JobArray:
        """Submit an array of jobs."""
        refuse_sudo(auth)
        given = _template(template)
        parallel = None if max_parallel is None or max_parallel < 0 else max_parallel
        with translated():
            return JobArray(self.session.run_bulk_jobs(given, begin_index, end_index, step, parallel))

    def wait_any_started(self, job_list: Any, timeout: Any = Time.INFINITE_TIME) -> Job:
        """Block until one of the jobs has started, or ended."""
        with translated():
            return Job(self.session.wait_any_started(natives(job_list), seconds(timeout)))

    def wait_any_terminated(self, job_list: Any, timeout: Any = Time.INFINITE_TIME) -> Job:
        """Block until one of the jobs has ended."""
        with translated():
            return Job(self.session.wait_any_terminated(natives(job_list), seconds(timeout)))

    def wait_all_started(self, job_list: Any, timeout: Any = Time.INFINITE_TIME) -> list[Job]:
        """Block until every job has started, or ended."""
        with translated():
            return [Job(each) for each in self.session.wait_all_started(natives(job_list), seconds(timeout))]

    def wait_all_terminated(self, job_list: Any, timeout: Any = Time.INFINITE_TIME) -> list[Job]:
        """Block until every job has ended."""
        with translated():
            return [Job(each) for each in self.session.wait_all_terminated(natives(job_list), seconds(timeout))]

    def get_job_array(self, id: str) -> JobArray:
        """An array of the session."""
        with translated():
            return JobArray(self.session.get_job_array(id))

    def get_job_categories(self) -> list[str]:
        """Named categories, and images that are there."""
        with translated():
            found: list[str] = self.session.job_categories
        return found

    def get_jobs(self, filter: Any) -> list[Job]:
        """Return the jobs that match a JobInfo or a dictionary, or all."""
        wanted = filter_of(filter)
        with translated():
            return [Job(each) for each in self.session.get_jobs(wanted)]


def _destroy(name: str, pid: int) -> None:
    """Destroy a session whose object is gone, but not the parent's after a fork."""
    if os.getpid() == pid:
        with contextlib.suppress(Drmaa2Exception):
            functions.destroy_job_session(name, live="leave")


def filter_of(given: Any) -> dict[str, Any] | None:
    """Our filter of the binding's."""
    if given is None:
        return None
    found: dict[str, Any] = JobInfo.create_from_dict(given).native()
    found.pop("implementation_specific", None)  # it is told, and no criterion
    return found


def _template(given: Any) -> dict[str, Any]:
    """Return our template of the binding's, native options read as those of ``submit``."""
    found: dict[str, Any] = JobTemplate.create_from_dict(given).native()
    extensions = dict(found.pop("implementation_specific", None) or {})
    native, slots = extensions.pop("uge_jt_native", None), extensions.pop("uge_jt_pe", None)
    said = " ".join([*(["-pe", slots] if slots else []), native or ""]).strip()
    if said:
        from proctracker.compat.drmaa1.native import attributes

        with translated():
            base = attributes(said)
        extensions = {**(base.pop("implementation_specific", None) or {}), **extensions}
        found = {**base, **found}
    return {**found, "implementation_specific": extensions} if extensions else found
