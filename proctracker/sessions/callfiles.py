"""The files of a Python call that is a job: what is sent to it, and what came of it."""

from __future__ import annotations

import inspect
import io
import os
import pickle
import sys
from typing import TYPE_CHECKING, Any, Callable, Mapping, NamedTuple, Sequence

from proctracker.errors import Drmaa2Exception, DrmCommunicationException, InvalidArgumentException, JobFailedException
from proctracker.model import JobInfo, JobRow, JobState
from proctracker.sessions import callee
from proctracker.sessions.calls import how
from proctracker.store.paths import trouble

if TYPE_CHECKING:
    from types import ModuleType
    from typing import BinaryIO

    from proctracker.sessions.job import Job
    from proctracker.store import Home

MOUNT = "/proctracker-call"
"""Where a container finds the directory of its call."""

_LINES, _BYTES = 10, 4000
"""What of a failed job's standard error is told at most."""

_NOT_STARTED = (125, 126, 127)
_MAINS = (b"__main__", b"__mp_main__")

_source = inspect.getsource


class Call(NamedTuple):
    """Holds a function and its arguments, or with ``many`` several lists of arguments."""

    function: Callable[..., Any]
    args: Sequence[Any]
    kwargs: dict[str, Any]
    many: bool = False

    @property
    def name(self) -> str:
        """What its job is called."""
        function = getattr(self.function, "func", self.function)  # of a functools.partial
        return str(getattr(function, "__qualname__", None) or type(function).__name__)


class Outcome(NamedTuple):
    """What a call returned, or what its future raises."""

    value: Any = None
    error: BaseException | None = None


class RemoteTraceback(Exception):
    """Where in its job an exception was raised: the ``__cause__`` of what came back."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


def check_python(variables: Mapping[str, str], image: str) -> None:
    """Raise InvalidArgumentException where an image names another minor version of Python."""
    said, own = variables.get("PYTHON_VERSION", ""), ".".join(map(str, sys.version_info[:2]))
    if said and said.split(".")[:2] != own.split("."):
        raise InvalidArgumentException(
            f"job_category: {image} has Python {said}, calls of this process need {own}: take an image that has it,"
            " or name another Python of the image as remote_command"
        )


def send(home: Home, call: Call, image: bool, python: Any) -> tuple[str, list[Any], list[str]]:
    """Write a call's file, and return its directory's name, the job's command and volumes.

    Raises InvalidArgumentException for what cannot be pickled, OutOfResourceException where there is no room.
    """
    data, cloud, script = _pickled(call)
    about = {
        "version": sys.version_info[:2],
        "path": [os.path.abspath(each) for each in sys.path],
        "argv": list(sys.argv),
        "main": script,
        "image": image,
        "cloudpickle": cloud,
    }
    if not image and python is None and not sys.executable:
        raise InvalidArgumentException("remote_command: this Python does not know where it lies: name it")
    try:
        name = home.call_folder()
    except OSError as error:
        raise trouble(home.calls, error) from None
    try:
        path = os.path.join(home.at(os.path.join(home.calls, name)), "call")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            pickle.dump(_source(callee), file, protocol=2)
            pickle.dump(about, file, protocol=2)
            file.write(data)
    except OSError as error:
        home.drop_call(name)
        raise trouble(home.calls, error) from None
    folder = os.path.join(home.calls, name)
    command = [python or ("python3" if image else sys.executable), "-c", callee.BOOT, MOUNT if image else folder]
    return name, command, [f"{folder}:{MOUNT}"] if image else []


def _pickled(call: Call) -> tuple[bytes, bool, tuple[str, str] | None]:
    """Pickle a call, and say whether by cloudpickle and which script must be imported."""
    data, problem = b"", None
    values = (call.many, call.function, call.args, call.kwargs)
    try:
        data = pickle.dumps(values, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        problem = error
    if not problem and not any(each in data for each in _MAINS):
        return data, False, None
    cloud = _cloudpickle()
    if cloud is not None:
        try:
            return cloud.dumps(values, protocol=pickle.HIGHEST_PROTOCOL), True, None
        except Exception as error:
            problem = error
    if problem:
        more = "" if cloud else ", or install cloudpickle"
        raise InvalidArgumentException(
            f"{call.name} and its arguments cannot be pickled ({problem}): call a function of a module{more}"
        ) from problem
    found = _script()
    if found is None and getattr(call.function, "__module__", None) in ("__main__", "__mp_main__"):
        raise InvalidArgumentException(
            f"{call.name} is of __main__, and that is no script that a job could import: put it into a module,"
            " or install cloudpickle"
        )
    return data, False, found


def _cloudpickle() -> ModuleType | None:
    try:
        import cloudpickle  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return None
    found: ModuleType = cloudpickle
    return found


def _script() -> tuple[str, str] | None:
    """Say how a job imports what runs here as ``__main__`` (multiprocessing.spawn), if it can."""
    main = sys.modules["__main__"]
    name = getattr(getattr(main, "__spec__", None), "name", None)
    if name:
        return None if name == "__main__" or name.endswith(".__main__") else ("name", name)
    path = getattr(main, "__file__", None)
    return ("path", os.path.abspath(path)) if path and os.path.isfile(path) else None


class _Unpickler(pickle.Unpickler):
    """Reads what refers to this process' script by the name it has in a job."""

    def find_class(self, module: str, name: str) -> Any:
        """Find it in the script where nobody has imported that."""
        if module == "__mp_main__" and module not in sys.modules:
            module = "__main__"
        return super().find_class(module, name)


def receive(
    home: Home, name: str, job: Job, row: JobRow | None, problem: Drmaa2Exception | None, image: bool
) -> Outcome:
    """Take what came of a call whose job has ended, or cannot be awaited any more.

    ``row`` tells the one, ``problem`` the other.
    """
    try:
        if row is None:
            return Outcome(error=_unknown(job, problem))
        info = job._told(row)
        try:
            with open(os.path.join(home.at(os.path.join(home.calls, name)), "result"), "rb", opener=_plain) as file:
                outcome = _read(file, job, info, row)
        except FileNotFoundError:
            outcome = None
        return outcome or Outcome(error=_failed(job, info, image))
    except Exception as error:
        return Outcome(error=error)
    finally:
        home.drop_call(name)


def _plain(path: str, flags: int) -> int:
    """Open what a container may have put there: no link is followed, no pipe waited for."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _unknown(job: Job, problem: Drmaa2Exception | None) -> Drmaa2Exception:
    """What is raised where nobody can tell how the job ended."""
    if isinstance(problem, DrmCommunicationException):
        return problem
    return JobFailedException(f"job {job.id} was reaped before its result was fetched")


def _read(file: BinaryIO, job: Job, info: JobInfo, row: JobRow) -> Outcome | None:
    """Read what the job left, or return None where it ended otherwise."""
    attempt, kind, said, data = _Unpickler(file).load()
    if attempt != str(row.attempt):
        return None  # an earlier attempt's
    try:
        if kind == "value":
            return Outcome(_Unpickler(file).load()) if info.job_state == JobState.DONE else None
        error = _Unpickler(io.BytesIO(data)).load() if data is not None else None
    except Exception as problem:
        return Outcome(error=_lost(job, info, f"what came back cannot be read here: {problem!r}", problem))
    cause, last = RemoteTraceback(said), said.strip().rpartition("\n")[2]
    if kind == "call":
        return Outcome(error=_lost(job, info, f"the call could not be read there: {last}", cause))
    if error is None:
        return Outcome(error=_lost(job, info, f"what it raised could not be sent: {last}", cause))
    error.__cause__ = cause
    return Outcome(error=error)


def _lost(job: Job, info: JobInfo, what: str, cause: BaseException) -> JobFailedException:
    found = JobFailedException(f"job {job.id}: {what}", info=info)
    found.__cause__ = cause
    return found


def _failed(job: Job, info: JobInfo, image: bool) -> JobFailedException:
    """What is raised for a job that ended without an outcome."""
    words = f"job {job.id}: {how(info)}"
    if info.job_state == JobState.DONE:
        words += ": the function ended its process and returned nothing"
    if image and info.exit_status in _NOT_STARTED:
        version = ".".join(map(str, sys.version_info[:2]))
        words += f"\na call in a container needs Python {version} in its image, as python3 or what remote_command names"
    try:
        said = job.read_output("stderr") or b""
    except Drmaa2Exception:
        said = b""
    lines = said[-_BYTES:].decode("utf-8", "replace").splitlines()[-_LINES:]
    return JobFailedException("\n".join([words, *lines]), info=info)
