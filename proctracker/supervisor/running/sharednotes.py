"""Shares between hosts what their supervisors know of a scheduler's jobs.

The row of such a job is in the store of the host that submitted it, which no other host writes. Another host that ends the
job, or sees its end, says so here; the first one to say how it ended is believed.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from proctracker.model import JobState, Observation
from proctracker.store.paths import NO_LINK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.model import JobRow

_FIELDS = "sub_state exit_status terminating_signal annotation started finished cpu_time max_rss container_id".split()
_LARGEST = 65536


class SharedNotes:
    """Files in the folder of exit records, whose names begin with a dot, as no record's does."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def _path(self, kind: str, row: JobRow) -> str:
        return os.path.join(self._folder, f".{kind}-{row.id}.{row.attempt}")

    def tell_to_end(self, row: JobRow) -> None:
        """Put down that a job is told to end, before it is. Raises OSError."""
        os.close(os.open(self._path("told", row), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))

    def told_to_end(self, row: JobRow) -> bool:
        """Whether somebody of ours has told it to end."""
        return os.path.lexists(self._path("told", row))

    def put_end(self, row: JobRow, seen: Observation) -> None:
        """Put down how a job ended, unless that is done."""
        place = self._path("end", row)
        fresh = f"{place}.{os.uname().nodename}.{os.getpid()}"
        text = json.dumps({"state": seen.state.name, **{name: getattr(seen, name) for name in _FIELDS}})
        try:
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(fd, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(fd)
            try:
                os.link(fresh, place)
            except OSError as error:
                if error.errno in NO_LINK and not os.path.lexists(place):
                    os.rename(fresh, place)
        except OSError:
            return  # its own host sees it as well, while the scheduler knows it
        finally:
            with suppress(OSError):
                os.unlink(fresh)

    def end(self, row: JobRow) -> Observation | None:
        """Return how a job ended, as another host saw it, or None."""
        try:
            fd = os.open(self._path("end", row), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with open(fd, encoding="ascii") as file:
                told = json.loads(file.read(_LARGEST))
            return Observation(JobState[told.pop("state")], **{name: told.get(name) for name in _FIELDS})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def drop(self, row: JobRow) -> None:
        """Remove what was said of a job: its row has it."""
        for kind in ("told", "end"):
            with suppress(OSError):
                os.unlink(self._path(kind, row))
