"""Offers sessions and job templates of the DRMAA 1 binding (module ``drmaa.session``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable

from proctracker.compat.drmaa1 import const, errors, jobs
from proctracker.compat.drmaa1 import wrappers as library
from proctracker.compat.drmaa1.active import active, default_contact, is_active
from proctracker.compat.drmaa1.helpers import (
    Attribute,
    BoolConverter,
    DictAttribute,
    IntConverter,
    SessionStringAttribute,
    SessionVersionAttribute,
    VectorAttribute,
    attribute_names_iterator,
    string_vector,
    text_of,
)
from proctracker.compat.drmaa1.told import JobInfo as JobInfo
from proctracker.compat.drmaa1.told import info_of, state_of

if TYPE_CHECKING:
    pass

_ALL, _ANY = const.JOB_IDS_SESSION_ALL.decode(), const.JOB_IDS_SESSION_ANY.decode()


class JobTemplate:
    """A job to be submitted. Its attributes can be given as keywords."""

    HOME_DIRECTORY = "$drmaa_hd_ph$"
    WORKING_DIRECTORY = "$drmaa_wd_ph$"
    PARAMETRIC_INDEX = "$drmaa_incr_ph$"

    remoteCommand = Attribute(const.REMOTE_COMMAND)
    jobSubmissionState = Attribute(const.JS_STATE)
    workingDirectory = Attribute(const.WD)
    jobCategory = Attribute(const.JOB_CATEGORY)
    nativeSpecification = Attribute(const.NATIVE_SPECIFICATION)
    blockEmail = Attribute(const.BLOCK_EMAIL, BoolConverter(true="1", false="0"))
    startTime = Attribute(const.START_TIME)
    jobName = Attribute(const.JOB_NAME)
    inputPath = Attribute(const.INPUT_PATH)
    outputPath = Attribute(const.OUTPUT_PATH)
    errorPath = Attribute(const.ERROR_PATH)
    joinFiles = Attribute(const.JOIN_FILES, BoolConverter())
    transferFiles = Attribute(const.TRANSFER_FILES)
    deadlineTime = Attribute(const.DEADLINE_TIME)
    hardWallclockTimeLimit = Attribute(const.WCT_HLIMIT, IntConverter)
    softWallclockTimeLimit = Attribute(const.WCT_SLIMIT, IntConverter)
    hardRunDurationLimit = Attribute(const.DURATION_HLIMIT, IntConverter)
    softRunDurationLimit = Attribute(const.DURATION_SLIMIT, IntConverter)
    email = VectorAttribute(const.V_EMAIL)
    args = VectorAttribute(const.V_ARGV)
    jobEnvironment = DictAttribute(const.V_ENV)

    def __init__(self, **kwargs: Any) -> None:
        active()
        self._values: dict[bytes, Any] | None = {}
        for name, value in kwargs.items():
            setattr(self, name, value)

    @property
    def values(self) -> dict[bytes, Any]:
        """What is set, by the C library's names. InvalidArgumentException once it was deleted."""
        if self._values is None:
            errors.raise_code(errors.ARGUMENT, "the job template was deleted")
        return self._values

    @property
    def attributeNames(self) -> list[str]:
        """The names of the attributes that are one text, as the C library has them."""
        return list(attribute_names_iterator())

    def delete(self) -> None:
        """Delete it, and leave jobs submitted with it alone."""
        self.values.clear()
        self._values = None

    def __enter__(self) -> JobTemplate:
        return self

    def __exit__(self, *_: object) -> None:
        self.delete()


def _contact() -> str:
    return active().contact if is_active() else default_contact()


def _implementation() -> str:
    from proctracker.version import __version__

    return f"proctracker {__version__}"


class Session:
    """Is the one session of a process, whose methods are called on the class or an object."""

    TIMEOUT_WAIT_FOREVER = const.TIMEOUT_WAIT_FOREVER
    TIMEOUT_NO_WAIT = const.TIMEOUT_NO_WAIT
    JOB_IDS_SESSION_ANY = const.JOB_IDS_SESSION_ANY
    JOB_IDS_SESSION_ALL = const.JOB_IDS_SESSION_ALL

    contact = SessionStringAttribute(_contact)
    drmsInfo = SessionStringAttribute(_implementation)
    drmaaImplementation = SessionStringAttribute(_implementation)
    version = SessionVersionAttribute()

    def __init__(self, contactString: str | None = None) -> None:
        self.contactString = contactString

    @staticmethod
    def initialize(contactString: str | None = None) -> None:
        """Begin the session. AlreadyActiveSessionException where there is one."""
        library.py_drmaa_init(contactString)

    @staticmethod
    def exit() -> None:
        """Leave the session, while its jobs go on, or raise NoActiveSessionException."""
        library.py_drmaa_exit()

    @staticmethod
    def createJobTemplate() -> JobTemplate:
        """Make an empty job template."""
        return JobTemplate()

    @staticmethod
    def deleteJobTemplate(jobTemplate: JobTemplate) -> None:
        """Delete a job template, and leave jobs submitted with it alone."""
        jobTemplate.delete()

    @staticmethod
    def runJob(jobTemplate: JobTemplate) -> str:
        """Submit a job and return its id, or raise DeniedByDrmException for a wrong template."""
        from proctracker.compat.drmaa1 import submission

        now = active()
        job = submission.submitted(now, jobTemplate, None)
        now.jobs[job.id] = job
        return str(job.id)

    @staticmethod
    def runBulkJobs(jobTemplate: JobTemplate, beginIndex: int, endIndex: int, step: int) -> list[str]:
        """Submit an array of jobs, and return the ids of its tasks."""
        from proctracker.compat.drmaa1 import submission

        return submission.bulk(jobTemplate, beginIndex, endIndex, step)

    @staticmethod
    def control(jobId: str | bytes, operation: str) -> None:
        """Suspend, resume, hold, release or terminate a job, or all of the session that fit."""
        now, name = active(), text_of(jobId)
        try:
            const.string_to_control_action(operation)
        except ValueError:
            errors.raise_code(errors.ARGUMENT, f"{operation!r} is no action")
        if name == _ALL:
            jobs.control_all(now, operation)
            return
        with errors.translated(InvalidArgument=errors.JOB, InvalidState=jobs.UNFIT.get(operation, errors.JOB)):
            getattr(now.job(name), operation)()

    @staticmethod
    def synchronize(jobIds: Iterable[str | bytes], timeout: float = -1, dispose: bool = False) -> None:
        """Block until the jobs have ended, and reap them if told to.

        Raises ExitTimeoutException after so many seconds.
        """
        now, until = active(), jobs.until(timeout)
        # A single text is a list of its letters to the binding; nobody means that.
        names = string_vector([jobIds] if isinstance(jobIds, (str, bytes)) else jobIds)
        everything = _ALL in names
        found = list(now.jobs.values()) if everything else [now.job(name) for name in dict.fromkeys(names)]
        for job in found:
            jobs.await_end(job, until, may_be_reaped=everything)
        for job in found if dispose else ():
            try:
                jobs.reap(now, job)
            except errors.InvalidJobException:
                if not everything:
                    raise

    @staticmethod
    def wait(jobId: str | bytes, timeout: float = -1) -> JobInfo:
        """Block until a job, or any of the session, has ended, reap it and return how.

        ExitTimeoutException after so many seconds, InvalidJobException for a job that is unknown or was reaped.
        """
        now, name, until = active(), text_of(jobId), jobs.until(timeout)
        while True:
            live = list(now.jobs.values()) if name == _ANY else [now.job(name)]
            if not live:
                errors.raise_code(errors.JOB, "no job of the session is left to wait for")
            try:
                with errors.translated(InvalidArgument=errors.JOB):
                    job = now.session.wait_any_terminated(live, jobs.left(until))
                    told = info_of(job.get_info())
                jobs.reap(now, job)
                return told
            except errors.InvalidJobException:
                # Another thread, or another program, has reaped one of them.
                if name != _ANY or not jobs.forget_reaped(now, live):
                    raise

    @staticmethod
    def jobStatus(jobId: str | bytes) -> str:
        """The state of a job. InvalidJobException for one that is unknown or was reaped."""
        with errors.translated(InvalidArgument=errors.JOB):
            return state_of(*active().job(text_of(jobId)).get_state())

    def __enter__(self) -> Session:
        self.initialize(self.contactString)
        return self

    def __exit__(self, *_: object) -> None:
        self.exit()
