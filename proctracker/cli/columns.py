"""Shows the columns asked for by ``ps --columns`` and ``--tsv``."""

from __future__ import annotations

from proctracker.cli import formats
from proctracker.cli.options import UsageError, nearest_word, text
from proctracker.model import JobInfo, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.cli.options import Values

_SHORT = {
    "id": "job_id",
    "session": "session_name",
    "name": "job_name",
    "state": "job_state",
    "start": "dispatch_time",
    "wall": "wallclock_time",
    "exit": "exit_status",
    "signal": "terminating_signal",
    "reason": "annotation",
}
"""A column's name in ``ps`` -> the attribute it shows, others going by the attribute's name."""

_USUAL = "id,session,name,state,contact,command,start,wall,exit"
_NO_KEYS = ("stdout", "stderr")


def asked(values: Values) -> list[str]:
    """Return the columns to show, or raise UsageError for one nobody knows."""
    given = text(values, "columns")
    if given is None and not values.get("tsv"):
        return []
    for other in ("json", "quiet"):
        if values.get(other):
            raise UsageError(f"--{'columns' if given else 'tsv'} is another way to show jobs than --{other}")
    known = [*_SHORT, *(name for name in JobInfo().names() if name not in _NO_KEYS)]
    found = [word.strip().lower() for word in (_USUAL if given is None else given).split(",")]
    for word in found:
        if word not in known:
            raise UsageError(f"--columns: no column {word!r}{nearest_word(word, known)}: {' '.join(known)}")
    return found


def shown(infos: Sequence[JobInfo], names: Sequence[str], tsv: bool) -> str:
    """Print jobs below a line of names.

    ``tsv`` prints values as in JSON, nothing for what is unset, tabs between.
    """
    if not tsv:
        return formats.table(
            [name.upper() for name in names], [[_seen(info, name) for name in names] for info in infos]
        )
    lines = [list(names), *([formats.safe(_value(info, name)) for name in names] for info in infos)]
    return "".join("\t".join(line) + "\n" for line in lines)


def _value(info: JobInfo, name: str) -> str:
    """A value as a program wants it: control characters are escaped, so a job stays on its line."""
    value = plain(getattr(info, _SHORT.get(name, name)))
    if value is None:
        return ""
    if name == "command":
        return formats.command_line(value)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _seen(info: JobInfo, name: str) -> str:
    """The same for people."""
    value = getattr(info, _SHORT.get(name, name))
    if name == "exit" and value is None:
        value = info.terminating_signal
    if hasattr(value, "timestamp"):
        return formats.local_time(value.timestamp())
    if isinstance(value, float):
        return formats.duration(value)
    return (str(value or "") if name == "exit" and not isinstance(value, int) else _value(info, name)) or "-"
