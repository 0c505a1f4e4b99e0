"""Finds what may stand where a command line is being typed: commands, options, values, ids."""

from __future__ import annotations

from proctracker.cli.commands import COMMANDS, GLOBAL
from proctracker.cli.options import parse_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence

    from proctracker.cli.access import Access
    from proctracker.cli.commands import Command
    from proctracker.cli.options import Option

_NEWEST = 1000
"""Ids offered at most."""

_WORDS = {
    "session": ("list", "create", "set", "start", "destroy"),
    "completion": ("bash", "zsh", "fish"),
    "template": ("check",),
    "help": tuple(COMMANDS),
}
"""The words that a command begins with."""

_LIVE, _ENDED = ("suspend", "resume", "hold", "release", "terminate", "wait"), ("reap", "resubmit")
_NO_IDS = ("ps", "events", "top", "categories", "machines", "doctor", "adopt", "version", *_WORDS)


def candidates(words: Sequence[str], access: Access) -> list[str]:
    """Return what may replace the last of a command's words, none saying a file."""
    # A shell that breaks words at = gives --state = RUN, and --state = for nothing yet.
    *before, word = [each for each in words if each != "="] or [""]
    if words and words[-1] == "=":
        before, word = [*before, word], ""
    name, options, waiting, own = _read(before)
    if own:
        return []
    if waiting is not None:
        value, _, last = word.rpartition(",")
        found = _values(waiting, access)
        return [f"{value},{each}" if value else each for each in found if each.startswith(last)]
    if name is None:
        found = [*COMMANDS, "help"]
    elif name == "session" and before[-1] in ("set", "destroy"):
        found = _sessions(access)
    else:
        found = [] if COMMANDS.get(name) and COMMANDS[name].job else _of_command(name, before, access)
    if word.startswith("-"):
        found = [each for option in options.values() for each in option.names]
        found = list(dict.fromkeys([*found, *(["--version"] if name is None else [])]))
    return [each for each in found if each.startswith(word)]


def _read(before: Sequence[str]) -> tuple[str | None, dict[str, Option], Option | None, bool]:
    """Return command, options, the one that waits for a value, and whether a job's words began."""
    name: str | None = None
    options = _options(None)
    waiting: Option | None = None
    for word in before:
        if waiting is not None:
            waiting = None
        elif word == "--":
            return name, options, None, True
        elif word in options:
            waiting = options[word] if options[word].takes else None
        elif word.startswith("-"):
            continue
        elif name is None:
            name = word
            options = _options(COMMANDS.get(word))
        elif name != "array" and name in COMMANDS and COMMANDS[name].job:
            return name, options, None, True
    return name, options, waiting, False


def _options(command: Command | None) -> dict[str, Option]:
    """Map names of options to those that may follow a command, or none."""
    table = parse_table((command.options if command else "") + GLOBAL)
    return {each: option for option in table for each in option.names}


def _values(option: Option, access: Access) -> list[str]:
    """List what an option takes."""
    from proctracker.model import JobState

    known: dict[str, Callable[[], list[str]]] = {
        "session": lambda: _sessions(access),
        "contact": access.contacts,
        "state": lambda: list(JobState.__members__),
        "after": lambda: _ids(access, None),
        "after_any": lambda: _ids(access, None),
        "sort": lambda: ["id", "name", "state", "session", "contact", "start", "wall", "exit"],
        "attempt": lambda: ["all"],
        "signal": lambda: ["TERM", "INT", "HUP", "KILL", "USR1", "USR2", "QUIT"],
        "limit": lambda: [f"{each}=" for each in _limits()],
    }
    return known[option.key]() if option.key in known else []


def _limits() -> list[str]:
    from proctracker.templates.limits import RLIMITS

    return list(RLIMITS)


def _of_command(name: str, before: Sequence[str], access: Access) -> list[str]:
    """List a command's own words, or the jobs that it may be about."""
    if name in _WORDS:
        return list(_WORDS[name]) if before[-1] == name else []
    if name in _NO_IDS or name not in COMMANDS:
        return []
    return _ids(access, True if name in _LIVE else False if name in _ENDED else None)


def _ids(access: Access, live: bool | None) -> list[str]:
    """List ids of the newest jobs, whole arrays before their tasks, then names."""
    rows = access.reader.jobs(session=access.call.session, live=live, limit=_NEWEST)
    arrays = dict.fromkeys(str(row.num) for row in rows if row.task is not None)
    names = dict.fromkeys(row.name for row in rows if row.name and row.name.isprintable() and " " not in row.name)
    return [*arrays, *(row.id for row in rows), *filter(None, names)]


def _sessions(access: Access) -> list[str]:
    return [session.name for session in access.reader.sessions()]
