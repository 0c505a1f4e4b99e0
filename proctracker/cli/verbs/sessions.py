"""``session``: list, create, change, start and destroy sessions."""

from __future__ import annotations

from proctracker.cli import formats
from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.options import UsageError, nearest_word, number
from proctracker.cli.verbs.controls import removed
from proctracker.errors import InvalidArgumentException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from proctracker.store import SessionRow

_HEAD = ["SESSION", "CONTACT", "MAX_RUNNING", "LIVE", "ENDED", "CREATED"]
_ENDED = (7, 8)


def session(call: Call) -> int:
    """Do what the first word says."""
    verb = call.words[0] if call.words else "list"
    if verb not in _VERBS:
        known = " ".join(_VERBS)
        raise UsageError(f"session: no such thing as {verb!r}{nearest_word(verb, _VERBS)}: {known}")
    return _VERBS[verb](call, Access(call))


def _name(call: Call) -> str:
    """The one name that is expected."""
    if len(call.words) != 2 or not call.words[1]:
        raise UsageError(f"session {call.words[0]}: one name is expected: proctracker session {call.words[0]} NAME")
    if not call.words[1].isprintable():
        raise UsageError(f"session {call.words[0]}: {call.words[1]!r} is no name: it holds what cannot be printed")
    return call.words[1]


def _list(call: Call, access: Access) -> int:
    from proctracker.templates.quantities import iso

    call.no_words(1)
    counts = access.reader.counts()
    live = {row.name: len(access.reader.ids(session=row.name, live=True)) for row in access.reader.sessions()}
    found = []
    for row in access.reader.sessions():
        total = sum(counts.get(row.name, {}).values())
        found.append((row, live[row.name], total - live[row.name]))
    if call.flag("json"):
        records: list[dict[str, Any]] = [
            {
                "session_name": row.name,
                "contact": row.contact,
                "max_running": _limit(row, access),
                "live": running,
                "ended": ended,
                "created": iso(row.created),
            }
            for row, running, ended in found
        ]
        formats.write(formats.dump_json(records))
        return 0
    lines = [
        [
            row.name,
            row.contact,
            str(_limit(row, access) or "-"),
            str(running),
            str(ended),
            formats.local_time(row.created),
        ]
        for row, running, ended in found
    ]
    formats.write(formats.table(_HEAD, lines))
    return 0


def _limit(row: SessionRow, access: Access) -> int:
    """A session's max_running, the configuration's where it has none of its own."""
    return row.max_running if row.max_running >= 0 else access.config.max_running


def _create(call: Call, access: Access) -> int:
    contact = access.target(call.contact or access.config.default_contact).contact
    most = number(call.values, "max_running")
    access.client.create_session(_name(call), contact, most)
    return 0


def _set(call: Call, access: Access) -> int:
    """``session set NAME max_running=N``."""
    usage = "session set: a name and a value are expected: proctracker session set NAME max_running=N"
    if len(call.words) != 3:
        raise UsageError(usage)
    key, equals, value = call.words[2].partition("=")
    if key != "max_running" or not equals:
        raise UsageError(usage)
    most = number({"max_running": value}, "max_running")
    access.place.tell_all("session_set", name=call.words[1], max_running=most)
    return 0


def _start(call: Call, access: Access) -> int:
    """Let queued jobs go on, and say how many."""
    call.no_words(1)
    queued = sum(int(each.get("queued", 0)) for each in access.place.tell_all("start"))
    formats.say(f"{queued} queued {'job goes' if queued == 1 else 'jobs go'} on")
    return 0


def _destroy(call: Call, access: Access) -> int:
    if call.flag("terminate") and call.flag("leave"):
        raise UsageError("session destroy: --terminate and --leave exclude each other")
    name = _name(call)
    if access.reader.session(name) is None:
        raise InvalidArgumentException(f"no session {name!r}: `proctracker session list` shows those there are")
    live = "terminate" if call.flag("terminate") else "leave" if call.flag("leave") else "refuse"
    ids = access.reader.ids(session=name)
    access.place.destroy(name, live)
    left = set(access.reader.ids(session=name))
    gone = [each for each in ids if each not in left]
    formats.say(f"session {name}: {removed(gone, 'removed')}")
    return 0


_VERBS: dict[str, Callable[[Call, Access], int]] = {
    "list": _list,
    "create": _create,
    "set": _set,
    "start": _start,
    "destroy": _destroy,
}
