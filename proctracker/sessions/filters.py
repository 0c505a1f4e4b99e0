"""Filters: which jobs match a JobInfo, or a dict of its attributes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Mapping

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobInfo, matches
from proctracker.tracker import infos, looks, waits
from proctracker.tracker.place import Place

_TIMES = ("submission_time", "dispatch_time", "finish_time")


def wanted(filter: JobInfo | Mapping[str, Any]) -> dict[str, Any]:
    """What a filter asks for. Raises InvalidArgumentException for unknown attributes or values that mean nothing."""
    if isinstance(filter, Mapping):
        filter = JobInfo.from_dict(filter)
    if not isinstance(filter, JobInfo):
        raise InvalidArgumentException(f"filter: a JobInfo or a dict is expected, not {filter!r}")
    given = {name: getattr(filter, name) for name in filter.names()}
    return {name: _value(name, value) for name, value in given.items() if value is not None}


def _value(name: str, value: Any) -> Any:
    if name == "job_state":
        return waits.state(value, "job_state")
    if name in _TIMES:
        return _time(name, value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if name in ("job_id", "array_id"):
        return str(value)
    if name == "allocated_machines" and not isinstance(value, (list, tuple, set)):
        return [value]
    return value


def _time(name: str, value: Any) -> datetime:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, timezone.utc)
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc)
    from proctracker.templates import quantities

    return datetime.fromtimestamp(quantities.moment(value, 0.0, name), timezone.utc)


def found(place: Place, filter: JobInfo | Mapping[str, Any] | None, session: str | None = None) -> list[JobInfo]:
    """Infos of the jobs that match, live ones as they are seen now."""
    terms = wanted(filter) if filter is not None else {}
    ids = [terms["job_id"]] if "job_id" in terms else None
    rows = place.reader.jobs(ids, session=session)
    seen = looks.look(rows, place.reader, timeout=place.config().cli_timeout)
    told = (infos.info(row, place.reader.spec(row.spec), seen.get(row.id), home=place.home) for row in rows)
    return [info for info in told if matches(info, terms)]
