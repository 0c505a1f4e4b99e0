"""Selections of jobs as SQL: what a reader is asked for, as terms and their values."""

from __future__ import annotations

from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

LARGEST = 2**31 - 1
"""The largest number that a job can have: with its task it is 63 bits."""

CONTEXT = "SELECT json FROM contexts WHERE key=?1 UNION ALL SELECT json FROM given WHERE key=?1 LIMIT 1"
"""A submitter's surroundings, or what is left of them."""

TAKEN = "SELECT session, num, task, slots FROM jobs WHERE finished IS NULL AND dispatched IS NOT NULL"

CONDITIONAL = (
    "SELECT DISTINCT spec FROM jobs JOIN specs ON specs.id=spec WHERE finished IS NULL AND dispatched IS NULL"
    " AND (instr(json, '\"after') OR instr(json, '\"start_time'))"
)
"""The specs of queued jobs that have a dependency or a start time."""


def picked(rows: Sequence[Any], ids: Sequence[str]) -> list[Any]:
    """Return the rows of these ids, each once, in the order asked."""
    found = {row[0]: row for row in rows}
    return [found[name] for name in dict.fromkeys(ids) if name in found]


def criteria(
    session: str | None,
    states: Sequence[int] | None,
    live: bool | None,
    array: int | None,
    unreported: bool,
    name: str | None = None,
) -> tuple[list[str], list[Any]]:
    """The terms of a selection, and their values."""
    terms: list[str] = []
    values: list[Any] = []
    if session is not None:
        terms.append("session=?")
        values.append(session)
    if live is not None:
        terms.append("finished IS NULL" if live else "finished IS NOT NULL")
    if states is not None:
        terms.append(f"state IN ({','.join(str(int(state)) for state in states)})")
    if array is not None and array > LARGEST:
        terms.append("0")
    elif array is not None:
        terms.append("key BETWEEN ? AND ?")
        values += (array << 32 | 1, array << 32 | 0xFFFFFFFF)
    if name is not None:
        terms.append("name=?")
        values.append(name)
    if unreported:
        terms.append("reported=0")
    return terms, values


_EXACT = {
    "job_id": "id=?",
    "job_name": "name=?",
    "exit_status": "exit_status=?",
    "terminating_signal": "signal=?",
    "job_sub_state": "sub_state=?",
    "submission_machine": "host=?",
    "host": "host=?",
    "slots": "slots=?",
    "session_name": "session=?",
    "contact": "contact=?",
    "runtime": "runtime=?",
    "pid": "pid=?",
    "container_id": "container_id=?",
    "task_id": "task=?",
    "attempt": "attempt=?",
    "cpu_time": "cpu>=?",
}
"""An attribute that an ended job's row alone decides -> the term for its value."""


_FIXED = ("job_id", "job_name", "session_name", "contact", "runtime", "slots", "task_id")
"""Those of them that stay as they are from the submit on."""

_WAITING = "(dispatched IS NULL AND container IS NULL)"
"""No look tells more of such a live job than its row."""


def _plain(value: object) -> bool:
    """Return whether SQLite takes a value as it is."""
    if isinstance(value, str):
        return value.isprintable()
    return isinstance(value, (int, float)) and abs(value) < 1 << 63


def of_ended(filter: Mapping[str, Any]) -> tuple[list[str], list[Any]] | None:
    """Return a filter's terms for ended jobs, and their values, or None."""
    terms, values = ["finished IS NOT NULL"], []
    for name, value in filter.items():
        if name == "job_state":
            terms.append(_in(value))
        elif name in _EXACT and _plain(value):
            terms.append(_EXACT[name])
            values.append(value)
        else:
            return None
    return terms, values


def of_live(filter: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    """Return the terms of a filter that a live job's row decides, whatever a look may tell of it."""
    terms, values = ["finished IS NULL"], []
    for name, value in filter.items():
        if name == "job_state":
            terms.append(f"(NOT {_WAITING} OR {_in(value)})")
        elif name in _FIXED and _plain(value):
            terms.append(_EXACT[name])
            values.append(value)
    return terms, values


def of_waiting(filter: Mapping[str, Any]) -> tuple[list[str], list[Any]] | None:
    """Return a filter's terms for jobs that wait to be started, or None where their rows do not decide."""
    if any(name != "job_state" and not (name in _FIXED and _plain(value)) for name, value in filter.items()):
        return None
    terms, values = of_live(filter)
    return [*terms, _WAITING], values


def of_begun(filter: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    """Return the terms of a filter for live jobs that a look may tell more of."""
    terms, values = of_live(filter)
    return [*terms, f"NOT {_WAITING}"], values


def _in(states: Any) -> str:
    """Return the term for one state or a list of them."""
    return f"state IN ({','.join(str(int(state)) for state in (states if isinstance(states, list) else [states]))})"


def clause(terms: Sequence[str]) -> str:
    """Return the WHERE of a statement, or nothing without terms."""
    return " WHERE " + " AND ".join(terms) if terms else ""
