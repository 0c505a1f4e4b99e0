"""A job's output, wherever it went: its own files, files kept by us, the engine's log."""

from __future__ import annotations

import os

from proctracker import runtimes
from proctracker.errors import DrmCommunicationException, InvalidArgumentException
from proctracker.linux import holes
from proctracker.model import JobRow, JobState
from proctracker.model.structs import shown
from proctracker.runner import Runner
from proctracker.tracker import attempts, infos
from proctracker.tracker.contacts import engine_of
from proctracker.tracker.place import Place

_STREAMS = ("stdout", "stderr")
_NO_START = (125, 126, 127)


def read(place: Place, row: JobRow, stream: str = "stdout", attempt: int | None = None) -> bytes:
    """Return what an attempt of a job has written to a stream so far.

    None is the newest attempt that has run. It is empty for an error joined with the output, and as long as it has
    not started. Where it wrote more than ``output_limit`` the middle is missing.

    Raises InvalidArgumentException for a stream that is none, or a file of its own that has gone,
    DrmCommunicationException where the engine has the output and cannot be asked.
    """
    if stream not in _STREAMS:
        raise InvalidArgumentException(f"stream: stdout or stderr is expected, not {stream!r}")
    present, row = row, _attempt(place, row, attempt)
    if row is present and (row.dispatched is None or JobState(row.state).queued):
        return b""
    spec = place.hosts.spec(row)
    if infos.in_engine(row, spec):
        found, problem = b"", None
        try:
            found = _from_engine(row, spec, stream)
        except DrmCommunicationException as error:
            problem = error
        # In between, its container may have been removed, with the output saved before, or another attempt begun: an
        # engine's CLI ends well where a container goes away under it.
        now = next(iter(place.reader.jobs([row.id])), row)
        if now.saved or (problem and now.container != row.container):
            return read(place, now, stream)
        if problem:
            raise problem
        return found
    path = infos.paths(row, spec, place.hosts.of(row.host).home)[_STREAMS.index(stream)]
    if path is None:
        return b""
    kept = path not in (row.output, row.error)
    limit = int(spec.get("output_limit") or 0) if kept else 0
    try:
        with open(path, "rb", opener=_own if kept else None) as file:
            if limit and os.fstat(file.fileno()).st_size > limit:
                return holes.read_all(file.fileno())
            return file.read()
    except FileNotFoundError:
        if kept or (row.exit_status in _NO_START and row.annotation):
            return b""  # what stayed empty was given to another job
        raise InvalidArgumentException(f"job {row.id}: its output {path} has gone") from None
    except OSError as error:
        raise InvalidArgumentException(f"job {row.id}: {path}: {error.strerror}") from None


def _attempt(place: Place, row: JobRow, wanted: int | None) -> JobRow:
    """The job as it was in an attempt. InvalidArgumentException: there was none such."""
    last = attempts.had(row)
    if wanted is None:
        wanted = last or row.attempt
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 1 <= wanted <= max(last, 1):
        raise InvalidArgumentException(f"attempt: a number from 1 to {max(last, 1)} is expected, not {shown(wanted)}")
    if wanted == row.attempt:
        return row
    return attempts.past(row, wanted, place.hosts.spec(row), place.hosts.of(row.host).home)


def _own(path: str, flags: int) -> int:
    """Open a file that we keep: no link, and nobody else's."""
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if os.fstat(fd).st_uid != os.geteuid():
        os.close(fd)
        raise PermissionError(1, "it belongs to another user", path)
    return fd


def _from_engine(row: JobRow, spec: dict[str, object], stream: str) -> bytes:
    import tempfile

    joined = bool(spec.get("join"))
    if joined and stream == "stderr":
        return b""
    engine = engine_of(spec)
    argv = runtimes.get(row.runtime).logs(engine, row.address, False)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = Runner(engine).copy(argv, out, out if joined else err)
        found = []
        for file in (out, err):
            file.seek(0)
            found.append(file.read())
    if code:
        said = found[not joined].decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise DrmCommunicationException(
            f"job {row.id}: its engine does not give the output: {said or f'exit code {code}'}"
        )
    return found[_STREAMS.index(stream)]
