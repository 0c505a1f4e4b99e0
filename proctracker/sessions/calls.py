"""``submit`` and ``run``: one call, one job."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from proctracker.errors import InvalidArgumentException, JobFailedException, TimeoutException
from proctracker.model import EXTENSIONS, SPELLINGS, JobInfo, JobState, JobTemplate
from proctracker.sessions.job import Job, facts_of, given_of, of_this_home
from proctracker.sessions.jobsession import JobSession, name_of
from proctracker.tracker.jobtracker import JobTracker
from proctracker.tracker.place import Place
from proctracker.tracker.track import track_of

DEFAULT = "default"
"""The session of jobs for which none was named."""

_EXTENSIONS = frozenset([*EXTENSIONS, *SPELLINGS]) - {"contact"}


def submit(place: Place, args: Any, contact: str | None, session: Any, values: Mapping[str, Any]) -> Job:
    """See SessionManager.submit."""
    of_this_home(session._place if isinstance(session, JobSession) else place, values)
    template = template_of(args, contact, values)
    if isinstance(session, JobSession):
        return session.run_job(template)
    name = DEFAULT if session is None else name_of(session, "session: a name or a JobSession")
    config = place.config()
    known = place.reader.session(name)
    tracker = JobTracker(name, contact or (known.contact if known else None), at=place, config=config)
    done = tracker.submit(template)
    return Job(track_of(place, name), done.id, given_of(template), facts_of(done.spec))


def template_of(args: Any, contact: str | None, values: Mapping[str, Any]) -> JobTemplate:
    """A template of a command line, attributes and extensions."""
    if args is None:
        words: Sequence[Any] = []
    elif isinstance(args, (str, bytes)) or hasattr(args, "__fspath__"):
        words = [args]
    elif isinstance(args, (list, tuple)):
        words = args
    else:
        raise InvalidArgumentException(f"args: a list of words is expected, not {args!r}")
    attributes = {name: value for name, value in values.items() if name not in _EXTENSIONS}
    extensions = {name: value for name, value in values.items() if name in _EXTENSIONS}
    if contact is not None:
        extensions["contact"] = contact
    if extensions:
        attributes["implementation_specific"] = {**(attributes.get("implementation_specific") or {}), **extensions}
    if words:
        for name in ("remote_command", "args"):
            if attributes.get(name) is not None:
                raise InvalidArgumentException(f"{name}: the command line is the first argument already")
        attributes["remote_command"], attributes["args"] = words[0], list(words[1:]) or None
    return JobTemplate(attributes)


def finish(job: Job, timeout: float, check: bool, capture_output: bool) -> JobInfo:
    """See SessionManager.run."""
    try:
        info = job.wait_terminated(timeout)
    except KeyboardInterrupt:
        _end(job)
        raise
    except TimeoutException as over:
        over.job = job
        _end(job)
        job.wait_terminated()
        raise
    if capture_output:
        info.stdout, info.stderr = job.read_output("stdout"), job.read_output("stderr")
    if check and info.job_state != JobState.DONE:
        raise JobFailedException(f"job {job.job_id}: {how(info)}", info=info)
    return info


def _end(job: Job) -> None:
    from proctracker.errors import InvalidStateException

    try:
        job.terminate()
    except InvalidStateException:
        return  # it has ended by itself meanwhile


def how(info: JobInfo) -> str:
    """How a job ended, in a few words."""
    words = [info.job_state.name if info.job_state is not None else "UNDETERMINED"]
    if info.job_sub_state:
        words.append(f"({info.job_sub_state})")
    if info.terminating_signal:
        words.append(f"by {info.terminating_signal}")
    elif info.exit_status is not None:
        words.append(f"with exit status {info.exit_status}")
    return " ".join(words) + (f": {info.annotation}" if info.annotation else "")
