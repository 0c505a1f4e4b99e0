"""Submits a job again with its command, directory, environment, streams, dependencies."""

from __future__ import annotations

import os

from proctracker.errors import InvalidArgumentException, InvalidStateException
from proctracker.model import JobRow
from proctracker.tracker import files, outputdir, submission, surroundings
from proctracker.tracker.place import Place
from proctracker.tracker.successors import Successors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

_ONCE: dict[str, Any] = {"hold": False, "start_time": None, "deadline": None}
"""What belonged to the first time: when it was to begin and end."""

_FIRST = ("submit_as_hold", "start_time", "deadline_time")
"""The same, as attributes of the template."""


def resubmit(place: Place, rows: Sequence[JobRow], successors: Successors | None = None) -> str:
    """Submit a job again, or tasks of an array as a new array, and return the new id.

    What was given to the job itself in its environment is kept; the caller's own in it is that of the present caller,
    unless the configuration keeps the first one's (``keep_environment``). ``successors`` tell what its dependencies are
    by now. Raises InvalidStateException where one has not ended, or the standard input was handed over and is gone,
    InvalidArgumentException where a dependency, file or directory is missing by now.
    """
    first = rows[0]
    successors = successors or Successors(place, rows)
    spec = {**_spec(place, rows), **_ONCE}
    template = {name: value for name, value in spec["template"].items() if name not in _FIRST}
    spec.update(successors.dependencies(spec, first))
    spec["template"] = _depending(template, spec)
    tasks = [row.task for row in rows if row.task is not None]
    spec["resubmitted_from"] = first.id if len(rows) == 1 else str(first.num)
    spec.pop("max_parallel", None)
    if spec["after"] or spec["after_any"]:
        submission.known(spec, os.environ, place.reader)
    else:
        files.check(spec, tasks or None)
    items, parallel = _array(place, first, tasks)
    context = _context(place, first, spec)
    outputdir.settle(spec, place.config().output_dir, place.home)
    if spec.get("keep_input"):
        spec["input"] = _copied(place, spec["input"])
    found = place.client().submit(
        first.session,
        spec,
        context,
        contact=first.contact,
        indices=tasks or None,
        max_parallel=parallel,
        items=items,
    )
    successors.add(rows, found)
    return found


def _spec(place: Place, rows: Sequence[JobRow]) -> dict[str, Any]:
    """Return what the jobs were to be.

    Raises InvalidStateException where that cannot be had once more, or not yet.
    """
    for row in rows:
        if not row.ended:
            raise InvalidStateException(f"job {row.id} has not ended: `proctracker wait {row.id}` waits for that")
    first = rows[0]
    spec = place.hosts.spec(first)
    if spec.get("call"):
        raise InvalidStateException(f"job {first.id} was a call of a JobExecutor: submit it there once more")
    if "template" not in spec:
        raise InvalidArgumentException(f"job {first.id}: what it was to be is no longer known")
    if spec.get("stdin") == "passed":
        raise InvalidStateException(
            f"job {first.id} read what was piped into `proctracker run`, which is gone: submit it anew with a file as input_path"
        )
    return spec


def _depending(template: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """The template with the dependencies of the spec."""
    given = template.get("implementation_specific") or {}
    found = {name: value for name, value in given.items() if name not in ("after", "after_any")}
    found.update({name: spec[name] for name in ("after", "after_any") if spec[name]})
    rest = {name: value for name, value in template.items() if name != "implementation_specific"}
    return {**rest, "implementation_specific": found} if found else rest


def _array(place: Place, first: JobRow, tasks: Sequence[int]) -> tuple[list[Any] | None, int]:
    """What an array's tasks are made of, and how many may run at once."""
    found = place.hosts.array(str(first.num)) if tasks else None
    if found is None:
        return None, 0
    array = found[0]
    if array.items is None:
        return None, array.max_parallel
    items = dict(zip(array.indices, array.items))
    return [items[task] for task in tasks], array.max_parallel


def _context(place: Place, first: JobRow, spec: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the first time's surroundings, with the present caller's environment.

    It is dropped a moment after the end, so what it was is not asked for: else the new job would depend on that moment.
    """
    reader, containers = place.hosts.of(first.host), bool(spec.get("runtime_containers"))
    key = reader.spec_context(first.spec)
    known = reader.context(key)
    if known is not None and "env" in known and (containers or place.config().keep_environment):
        return key, known
    key, mine = surroundings.now(os.environ, None, containers)
    if known is None:
        return key, mine
    context = {**mine, **{name: value for name, value in known.items() if name != "env"}}
    return surroundings.key_of(context), context


def same_environment(place: Place, row: JobRow) -> bool:
    """Whether a job submitted again now gets the environment that it had."""
    reader = place.hosts.of(row.host)
    now = _context(place, row, reader.spec(row.spec))[1]
    return surroundings.is_named(now, reader.spec_context(row.spec))


def _copied(place: Place, path: str) -> str:
    """A copy of an input that is ours: the first job's goes when it is reaped."""
    try:
        with open(path, "rb") as source:
            return place.home.keep_input(iter(lambda: source.read(1 << 20), b""))
    except OSError as error:
        raise InvalidArgumentException(f"input_path: {path}: {error.strerror}") from None
