"""Filters: which jobs match a JobInfo, or a dict of its attributes."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any, Collection, Mapping

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobInfo, matches
from proctracker.model.structs import written
from proctracker.store.rows import key
from proctracker.store.selection import of_begun, of_ended, of_live, of_waiting
from proctracker.tracker import infos, looks, reasons
from proctracker.tracker.place import Place

_TIMES = ("submission_time", "dispatch_time", "finish_time")
_DURATIONS = ("wallclock_time", "cpu_time")
_NUMBERS = (*_DURATIONS, "exit_status", "slots", "pid", "max_rss", "max_rss_at_most", "task_id", "attempt")
_LISTS = ("allocated_machines", "command")
_IDS = ("job_id", "array_id", "resubmitted_from")
_BYTES = ("stdout", "stderr")


def wanted(filter: JobInfo | Mapping[str, Any]) -> dict[str, Any]:
    """Return what a filter asks for.

    Raises InvalidArgumentException for unknown attributes or values that mean nothing.
    """
    if isinstance(filter, Mapping):
        filter = JobInfo.from_dict(filter)
    if not isinstance(filter, JobInfo):
        raise InvalidArgumentException(f"filter: a JobInfo or a dict is expected, not {filter!r}")
    given = {name: getattr(filter, name) for name in filter.names()}
    return {name: _value(name, value) for name, value in given.items() if value is not None}


def _value(name: str, value: Any) -> Any:
    if name == "job_state":
        return value  # read by JobInfo
    if name in _TIMES:
        return _time(name, value)
    if name in _NUMBERS:
        return _number(name, value)
    if name in _LISTS:
        return _list(name, value)
    if name in _IDS and (hasattr(value, "id") or (isinstance(value, int) and not isinstance(value, bool))):
        return written(value)
    kind = bytes if name in _BYTES else str
    if name != "annotation" and not isinstance(value, kind):
        raise InvalidArgumentException(f"{name}: {'text' if kind is str else 'bytes'} is expected, not {value!r}")
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, timedelta) and name in _DURATIONS:
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise InvalidArgumentException(f"{name}: a number is expected, not {value!r}")
    return value


def _list(name: str, value: Any) -> list[str]:
    found = [value] if isinstance(value, str) and name == "allocated_machines" else value
    if not isinstance(found, (list, tuple, set, frozenset)) or not all(isinstance(each, str) for each in found):
        raise InvalidArgumentException(f"{name}: a list of texts is expected, not {value!r}")
    return list(found)


def _time(name: str, value: Any) -> datetime:
    from proctracker.templates import quantities

    return datetime.fromtimestamp(quantities.moment(value, time.time(), name), timezone.utc)


def ids(place: Place, filter: JobInfo | Mapping[str, Any], session: str) -> list[str]:
    """Return the ids of the jobs of a session that match, by number and task.

    Ended jobs and those that wait are picked by the store where it can: of ten thousand it takes a tenth of the time.
    """
    terms = wanted(filter)
    exact, waiting = of_ended(terms), of_waiting(terms)
    if exact is None:
        return [str(info.job_id) for info in found(place, terms, session)]
    # In this order: one that goes on between two of them is in both, and told of once.
    queued = [] if waiting is None else place.reader.picked(session, *waiting)
    live = place.reader.picked(session, *(of_live(terms) if waiting is None else of_begun(terms)))
    ended = place.reader.picked(session, *exact)
    if not live and not queued:
        return ended
    seen = [str(info.job_id) for info in found(place, terms, session, live)] if live else []
    return sorted({*ended, *queued, *seen}, key=key)


def found(
    place: Place,
    filter: JobInfo | Mapping[str, Any] | None,
    session: str | None = None,
    among: Collection[str] | None = None,
) -> list[JobInfo]:
    """Return infos of the jobs that match, of ``among`` if given, live ones as seen now."""
    terms = wanted(filter) if filter is not None else {}
    ids = [terms["job_id"]] if "job_id" in terms else None if among is None else list(among)
    rows = place.refreshed(place.reader.jobs(ids, session=session))
    seen = looks.look(rows, place.reader, timeout=place.config().cli_timeout)
    if "job_state" in terms:  # before more is told of each, which costs ten times as much
        states = terms["job_state"] if isinstance(terms["job_state"], list) else [terms["job_state"]]
        rows = [row for row in rows if (seen[row.id].state if row.id in seen else row.state) in states]
    rows = reasons.explained(rows, place.reader, place.config())
    told = (infos.info(row, place.reader.spec(row.spec), seen.get(row.id), home=place.home) for row in rows)
    return [info for info in told if matches(info, terms)]
