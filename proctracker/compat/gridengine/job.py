"""Jobs and arrays of the Grid Engine DRMAA2 binding."""

from __future__ import annotations

from typing import Any, Iterable

from proctracker.compat.gridengine.drmaa2_constants import JobState, Time
from proctracker.compat.gridengine.drmaa2_exceptions import InvalidArgument, UnsupportedOperation, translated
from proctracker.compat.gridengine.drmaa2_object import Drmaa2Object, Text, Words
from proctracker.compat.gridengine.structs import JobInfo, JobTemplate
from proctracker.sessions import job as jobs
from proctracker.sessions.jobarray import JobArray as Tasks


def refuse_sudo(auth: Any) -> None:
    """Raise UnsupportedOperation where a call is to be made as another user."""
    if auth is not None:
        raise UnsupportedOperation("jobs are the caller's own: nothing is done as another user")


def seconds(timeout: Any) -> float:
    """A time-out in seconds, -1 for none. InvalidArgument for what is no time."""
    try:
        return float(timeout)
    except (TypeError, ValueError):
        raise InvalidArgument(f"timeout: seconds are expected, not {timeout!r}") from None


class _Controlled(Drmaa2Object):
    """What a job and an array have in common."""

    id, session_name = Text(), Text()

    def __init__(self, job: Any = None) -> None:
        super().__init__()
        if not isinstance(job, (jobs.Job, Tasks)):
            raise InvalidArgument(f"Invalid argument: {job}")
        self._job: Any = job
        self.id, self.session_name = job.id, job.session_name

    def _act(self, operation: str, auth: Any, **options: Any) -> None:
        refuse_sudo(auth)
        with translated():
            getattr(self._job, operation)(**options)

    def suspend(self, auth: Any = None) -> None:
        """Stop what runs."""
        self._act("suspend", auth)

    def resume(self, auth: Any = None) -> None:
        """Let what is suspended go on."""
        self._act("resume", auth)

    def hold(self, auth: Any = None) -> None:
        """Keep what is queued from starting, or raise InvalidState for a running job."""
        self._act("hold", auth)

    def release(self, auth: Any = None) -> None:
        """Let what is held start."""
        self._act("release", auth)

    def terminate(self, auth: Any = None) -> None:
        """End it."""
        self._act("terminate", auth)

    def terminate_all(self, auth: Any = None) -> None:
        """End it."""
        self._act("terminate", auth)

    def terminate_forced(self, auth: Any = None) -> None:
        """End it by KILL at once."""
        self._act("terminate", auth, signal="SIGKILL", grace=0)

    def terminate_forced_all(self, auth: Any = None) -> None:
        """The same."""
        self.terminate_forced(auth)

    def reap(self) -> None:
        """Remove all there is of what has ended."""
        self._act("reap", None)

    def get_template(self) -> JobTemplate:
        """What it was to be."""
        with translated():
            found = self._job.job_template
        return JobTemplate({name: getattr(found, name) for name in found.names() if getattr(found, name) is not None})


class Job(_Controlled):
    """A job."""

    id, session_name, job_name = Text(), Text(), Text()

    def __init__(self, job: Any = None) -> None:
        super().__init__(job)
        self.job_name = job.job_template.job_name

    def get_state(self) -> tuple[JobState, str | None]:
        """State and sub-state."""
        with translated():
            state, sub_state = self._job.get_state()
        return JobState(int(state)), sub_state

    def get_info(self) -> JobInfo:
        """Everything about it."""
        with translated():
            return info_of(self._job.get_info())

    def wait_started(self, timeout: Any = Time.INFINITE_TIME) -> None:
        """Block until it has started, or ended."""
        with translated():
            self._job.wait_started(seconds(timeout))

    def wait_terminated(self, timeout: Any = Time.INFINITE_TIME) -> None:
        """Block until it has ended."""
        with translated():
            self._job.wait_terminated(seconds(timeout))


class JobArray(_Controlled):
    """An array of jobs."""

    id, session_name, job_list = Text(), Text(), Words()

    def __init__(self, array: Any = None) -> None:
        super().__init__(array)
        with translated():
            self.given["job_list"] = [Job(each) for each in array.jobs]


def info_of(found: Any) -> JobInfo:
    """The binding's JobInfo of ours."""
    values = {name: getattr(found, name) for name in JobInfo.fields if name != "implementation_specific"}
    for name in ("wallclock_time", "cpu_time"):
        values[name] = None if values[name] is None else int(values[name])
    more = {name: getattr(found, name) for name in JobInfo.get_implementation_specific_keys()}
    values["implementation_specific"] = {name: str(value) for name, value in more.items() if value is not None}
    return JobInfo({name: value for name, value in values.items() if value is not None})


def natives(job_list: Any) -> list[Any]:
    """Our jobs of the binding's. InvalidArgument for what is no list of them."""
    if not isinstance(job_list, Iterable) or isinstance(job_list, (str, bytes)):
        raise InvalidArgument(f"a list of jobs is expected, not {job_list!r}")
    found = list(job_list)
    if not found or not all(isinstance(each, Job) for each in found):
        raise InvalidArgument("a list of jobs is expected")
    return [each._job for each in found]
