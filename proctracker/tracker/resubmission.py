"""The same job once more: command, directory, environment and streams as they were."""

from __future__ import annotations

import os

from proctracker.errors import InvalidArgumentException, InvalidStateException
from proctracker.model import JobRow
from proctracker.tracker import files, surroundings
from proctracker.tracker.place import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

_ONCE: dict[str, Any] = {"hold": False, "start_time": None, "deadline": None, "after": [], "after_any": []}
"""What belonged to the first time: when it was to begin and end, and after what."""

_FIRST = ("submit_as_hold", "start_time", "deadline_time")
"""The same, as attributes of the template."""


def resubmit(place: Place, rows: Sequence[JobRow]) -> str:
    """Submit a job again, or some tasks of one array as a new array of them; the new id.

    The environment is the first one's; where that was dropped (``keep_environment``), the caller's. Raises
    InvalidStateException where the standard input was handed over and is gone, InvalidArgumentException where a file
    or directory is missing by now.
    """
    first = rows[0]
    reader = place.reader_of(first)
    spec: dict[str, Any] = {**reader.spec(first.spec), **_ONCE}
    if "template" not in spec:
        raise InvalidArgumentException(f"job {first.id}: what it was to be is no longer known")
    if spec.get("stdin") == "passed":
        raise InvalidStateException(
            f"job {first.id} read what was piped into `proctracker run`, which is gone: submit it anew with -i FILE"
        )
    spec["template"] = {name: value for name, value in spec["template"].items() if name not in _FIRST}
    tasks = [row.task for row in rows if row.task is not None]
    spec["resubmitted_from"] = first.id if len(rows) == 1 else str(first.num)
    spec.pop("max_parallel", None)
    files.check(spec, tasks or None)
    items, parallel = _array(place, first, tasks)
    context = _context(place, first, spec)
    if spec.get("keep_input"):
        spec["input"] = _copied(place, spec["input"])
    return place.client().submit(
        first.session,
        spec,
        context,
        contact=first.contact,
        indices=tasks or None,
        max_parallel=parallel,
        items=items,
    )


def _array(place: Place, first: JobRow, tasks: Sequence[int]) -> tuple[list[str] | None, int]:
    """The texts of an array's tasks, and how many may run at once."""
    found = place.array(str(first.num)) if tasks else None
    if found is None:
        return None, 0
    array = found[0]
    if array.items is None:
        return None, array.max_parallel
    items = dict(zip(array.indices, array.items))
    return [items[task] for task in tasks], array.max_parallel


def _context(place: Place, first: JobRow, spec: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    reader = place.reader_of(first)
    key = reader.spec_context(first.spec)
    known = reader.context(key)
    if known is not None:
        return key, known
    return surroundings.now(os.environ, None, bool(spec.get("runtime_containers")))


def environment_kept(place: Place, row: JobRow) -> bool:
    """Whether the environment a job was submitted with is still known."""
    reader = place.reader_of(row)
    return reader.context(reader.spec_context(row.spec)) is not None


def _copied(place: Place, path: str) -> str:
    """A copy of an input that is ours: the first job's goes when it is reaped."""
    import shutil
    import tempfile

    fd, copy = tempfile.mkstemp(prefix="in-", dir=place.home.kept_dir)
    try:
        with open(path, "rb") as source, open(fd, "wb") as target:
            shutil.copyfileobj(source, target)
    except OSError as error:
        os.unlink(copy)
        raise InvalidArgumentException(f"input_path: {path}: {error.strerror}") from None
    return copy
