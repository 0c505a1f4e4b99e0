"""Checks requests, specs and rows against tables of shapes."""

from __future__ import annotations

import json

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.model import JobRow, JobState
from proctracker.records import NamedTuple
from proctracker.store.rows import id_of, key
from proctracker.store.schema import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping

_EXACT = 2**53
"""Numbers up to this are whole ones in JSON wherever it is read."""


class Shape(NamedTuple):
    """Describes what is expected, in words, with a test, and whether it is ``needed``."""

    what: str
    fits: Callable[[Any], bool]
    needed: bool = True


def _text(value: object) -> bool:
    return isinstance(value, str)


def writable(value: object) -> bool:
    """Whether a store takes a value as text: bytes of a path it does, halves of characters it does not."""
    try:
        return isinstance(value, str) and value.encode("utf-8", "surrogateescape") is not None
    except UnicodeEncodeError:
        return False


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _EXACT


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _EXACT


def _count(value: object) -> bool:
    return _whole(value) and int(value) >= 0  # type: ignore[call-overload]


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _items(value: object) -> bool:
    return _texts(value) or (isinstance(value, list) and all(map(_texts, value)))


def _object(value: object) -> bool:
    return isinstance(value, dict)


def _indices(value: object) -> bool:
    if not isinstance(value, list) or not all(map(_whole, value)):
        return False
    return bool(value) and min(value) > 0 and max(value) < 2**32 and len(set(value)) == len(value)


def _words(value: object) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _engine(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    parts = (value.get("command") or [], value.get("options") or {}, value.get("env") or {})
    return _texts(parts[0]) and _object(parts[1]) and _words(parts[2])


def _template(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    texts = (value.get(name) for name in ("remote_command", "working_directory", "job_category"))
    return all(each is None or _text(each) for each in texts) and _texts(value.get("args") or [])


def _runtime(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(runtimes.get(value).name)
    except (KeyError, Drmaa2Exception):
        return False


def _container(value: object) -> bool:
    if not isinstance(value, dict) or not _words(value.get("labels")) or not _text(value.get("name")):
        return False
    named = key(value["labels"].get("proctracker.job", "")) >= 0 and _count(_of_text(value["labels"]))
    return named and not problem(value.get("spec"), SPEC) and _number(value.get("started") or 0)


def _of_text(labels: Mapping[str, str]) -> object:
    found = labels.get("proctracker.attempt") or "1"
    return int(found) if found.isdecimal() and len(found) < 10 else None


TEXT, TEXTS, COUNT = Shape("a text", _text), Shape("a list of texts", _texts), Shape("a whole number", _count)
NUMBER, OBJECT, FLAG = (
    Shape("a number", _number),
    Shape("an object", _object),
    Shape("true or false", lambda value: value in (True, False)),
)
_RUNTIME = Shape("a runtime that is known here", _runtime)
_WHOLE = Shape("a whole number", _whole)


def maybe(shape: Shape) -> Shape:
    """The same, where it may also be missing or null."""
    return Shape(shape.what, lambda value: value is None or shape.fits(value), False)


_SESSION = {"name": TEXT, "contact": TEXT, "max_running": maybe(COUNT), "token": maybe(TEXT)}
REQUESTS: dict[str, dict[str, Shape]] = {
    "hello": {"settings": maybe(OBJECT), "caller": maybe(OBJECT), "notices": maybe(FLAG), "columns": maybe(COUNT)},
    "submit": {
        **dict.fromkeys(("session", "token", "context", "raw"), TEXT),
        **dict.fromkeys(("context_text", "contact"), maybe(TEXT)),
        **dict.fromkeys(("create", "again"), maybe(FLAG)),
        "max_running": maybe(COUNT),
        "indices": maybe(Shape("a list of different numbers from 1", _indices)),
        "items": maybe(Shape("a list of texts, or of lists of texts", _items)),
    },
    "status": {},
    "start": {},
    "wait": {"ids": TEXTS, "kind": TEXT, "all": maybe(FLAG)},
    "follow": {"session": maybe(TEXT), "since": maybe(COUNT)},
    "cancel": {"push": COUNT},
    "control": {"ids": TEXTS, "action": TEXT, "signal": maybe(TEXT), "grace": maybe(NUMBER), "again": maybe(FLAG)},
    "reap": {"ids": TEXTS, "again": maybe(FLAG)},
    "look": {"ids": TEXTS},
    "refresh": {"ids": TEXTS},
    "reported": {"ids": TEXTS},
    "stdin": {"id": TEXT},
    "session_create": _SESSION,
    "session_ensure": _SESSION,
    "session_set": {"name": TEXT, "max_running": COUNT},
    "session_destroy": {
        "name": TEXT,
        "again": maybe(FLAG),
        "live": maybe(Shape("refuse, terminate or leave", lambda value: value in ("refuse", "terminate", "leave"))),
    },
    "session_leave": {"name": TEXT},
    "adopt": {
        "contact": TEXT,
        "token": maybe(TEXT),
        "found": Shape("a list of containers", lambda value: isinstance(value, list) and all(map(_container, value))),
    },
    "upgrade": {"command": Shape("a command", lambda value: _texts(value) and bool(value))},
}
"""A request -> its fields. What a request has beside them is another release's, and passed over."""

SPEC: dict[str, Shape] = {
    "template": Shape("a job template", _template),
    "contact": TEXT,
    "runtime": _RUNTIME,
    **dict.fromkeys(("cwd", "home_dir", "output_dir", "name", "stdin", "resubmitted_from", "call"), maybe(TEXT)),
    **dict.fromkeys(("input", "output", "error"), maybe(TEXT)),
    **dict.fromkeys(("append", "join", "hold", "rerunnable", "remove", "keep_input", "over", "fields"), maybe(FLAG)),
    "runtime_containers": maybe(FLAG),
    **dict.fromkeys(("retries", "slots", "max_parallel", "output_limit", "halt"), maybe(COUNT)),
    **dict.fromkeys(("retry_delay", "start_time", "deadline", "time_limit", "start_timeout"), maybe(NUMBER)),
    "priority": maybe(_WHOLE),
    **dict.fromkeys(("after", "after_any"), maybe(TEXTS)),
    "engine": maybe(Shape("a command with options and environment", _engine)),
}
"""What of a spec a supervisor goes by."""

_IDENTITY = ("id", "num", "task")
_ROW: dict[str, Shape] = {
    **{
        name: maybe({"TEXT": Shape("a text", writable), "INTEGER": _WHOLE, "REAL": NUMBER}[kind])
        for name, kind in KINDS.items()
    },
    **dict.fromkeys(("session", "contact", "host", "keeper"), TEXT),
    "runtime": _RUNTIME,
    "state": Shape("a state", lambda value: _whole(value) and value in tuple(JobState)),
    "command": Shape("a list of words", lambda value: _text(value) and _texts(parsed(value))),
    **dict.fromkeys(("spec", "attempt", "slots", "reported", "saved"), COUNT),
    "priority": _WHOLE,
    **dict.fromkeys(("submitted", "ran"), NUMBER),
}
_PLAIN = JobRow("1", 1)

MENDED = tuple(name for name in _ROW if name not in (*_IDENTITY, "runtime"))
"""What is written of a row that was mended, without its runtime, which others may know."""


def problem(values: object, shapes: Mapping[str, Shape]) -> str:
    """Return what does not fit, in words, or nothing."""
    if not isinstance(values, dict):
        return "an object is expected"
    for name, shape in shapes.items():
        if name not in values:
            if shape.needed:
                return f"{name}: {shape.what} is expected"
        elif not shape.fits(values[name]):
            return f"{name}: {shape.what} is expected"
    return ""


def parsed(text: object) -> Any:
    """Parse a text of the store, or return None."""
    try:
        return json.loads(text)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError):
        return None


def spec_of(text: object) -> dict[str, Any]:
    """Return a spec as the store has it, or an empty one."""
    found = parsed(text)
    return {} if problem(found, SPEC) else found


def known(row: JobRow) -> bool:
    """Whether a row says which job it is: others can neither be handled nor be written."""
    whole = _whole(row.num) and (row.task is None or _whole(row.task))
    return whole and 0 < row.num < 2**31 and id_of(row.num << 32 | (row.task or 0)) == row.id


def mend(row: JobRow) -> str:
    """Give each impossible column of a row its default, and return the first in words."""
    told = ""
    for name, shape in _ROW.items():
        if name not in _IDENTITY and not shape.fits(getattr(row, name)):
            told = told or f"its record holds {getattr(row, name)!r:.60} as {name}, {shape.what} is expected"
            setattr(row, name, getattr(_PLAIN, name))
    return told
