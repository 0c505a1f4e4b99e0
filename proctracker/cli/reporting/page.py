"""Makes the report's page, which loads nothing and runs no script but its own."""

from __future__ import annotations

from proctracker.cli import formats
from proctracker.cli.verbs import listing
from proctracker.model import JobState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from proctracker.cli.reporting.history import Past, Report

_LONGEST = 300
"""Characters of a command, a name or an annotation that the page has."""

_STYLES, _SCRIPTS = ("page.css",), ("jobs.js", "draw.js", "page.js")

_QUEUED, _HELD, _RUNNING, _SUSPENDED, _RETRY, _UNKNOWN, _END = range(7)
_KINDS = {
    JobState.QUEUED: _QUEUED,
    JobState.QUEUED_HELD: _HELD,
    JobState.RUNNING: _RUNNING,
    JobState.SUSPENDED: _SUSPENDED,
    JobState.REQUEUED: _RETRY,
    JobState.REQUEUED_HELD: _RETRY,
    JobState.UNDETERMINED: _UNKNOWN,
}
"""A state -> what jobs.js calls a part of the timeline (``KINDS`` there)."""


def page_of(report: Report) -> str:
    """Make the page, in ASCII but for what stands in ``html/``."""
    import html

    styles, scripts = _joined(_STYLES), _joined(_SCRIPTS)
    title = "proctracker report" + (f": session {formats.safe(report.session)}" if report.session else "")
    parts = {
        "TITLE": html.escape(_short(title)),
        "POLICY": f"default-src 'none'; style-src {_digest(styles)}; script-src {_digest(scripts)}; base-uri 'none'",
        "STYLE": styles,
        "SCRIPT": scripts,
        "DATA": _embedded(_packed(report)),
    }
    first, *rest = _file("page.html").split("{{")
    for each in rest:
        name, _, text = each.partition("}}")
        first += parts[name] + text
    return first


def _file(name: str) -> str:
    """Read a file of the page, also from a zip."""
    import pkgutil

    found = pkgutil.get_data("proctracker.cli.reporting", f"html/{name}")
    assert found is not None
    return found.decode("utf-8")


def _joined(names: tuple[str, ...]) -> str:
    return "".join(_file(name) for name in names)


def _digest(text: str) -> str:
    """Return what a Content-Security-Policy knows a script or style by."""
    import base64
    import hashlib

    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _embedded(value: object) -> str:
    """Write JSON that neither ends a script element nor begins a comment in it."""
    import json

    text = json.dumps(value, separators=(",", ":"))
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


class _Words:
    """Numbers texts, as those of an array's tasks are mostly the same."""

    def __init__(self) -> None:
        self.all = [""]
        self._known = {"": 0}
        self._lines = {"": 0}

    def __call__(self, text: str | None) -> int:
        """The number of a text, shortened, nothing in it that controls."""
        text = text or ""
        number = self._known.get(text)
        if number is None:
            number = self._known[text] = len(self.all)
            self.all.append(_short(formats.safe(text[: 2 * _LONGEST])))
        return number

    def line(self, text: str) -> int:
        """The number of a line of output, which is cleaned and cut already."""
        number = self._lines.get(text)
        if number is None:
            number = self._lines[text] = len(self.all)
            self.all.append(text)
        return number


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _packed(report: Report) -> dict[str, Any]:
    """Pack the report for jobs.js: texts are numbers, times milliseconds since the first."""
    from proctracker import __version__

    base = min((past.row.submitted for past in report.jobs), default=report.made)
    words, commands = _Words(), dict[str, int]()
    jobs = [_job(past, base, words, commands) for past in report.jobs]
    return {
        "version": __version__,
        "session": report.session and formats.safe(report.session),
        "host": formats.safe(report.host),
        "owner": formats.safe(report.owner),
        "made": round(report.made * 1000),
        "base": round(base * 1000),
        "states": {int(state): state.name for state in JobState},
        "words": words.all,
        "jobs": jobs,
    }


def _job(past: Past, base: float, words: _Words, commands: Dict[str, int]) -> list[Any]:
    row, info = past.row, past.info
    if row.command not in commands:
        commands[row.command] = words(listing.command_of(row))
    memory = info.max_rss if info.max_rss is not None else info.max_rss_at_most
    return [
        row.num,
        row.task or 0,
        words(row.name),
        words(row.session),
        words(row.contact),
        words(info.job_category),
        commands[row.command],
        words(row.host),
        int(info.job_state or 0),
        words(info.job_sub_state),
        info.exit_status,
        words(info.terminating_signal),
        words(info.annotation),
        _rounded(info.wallclock_time),
        _rounded(info.cpu_time),
        memory,
        int(info.max_rss is None and memory is not None),
        row.attempt,
        [words.line(line) for line in past.lines.get("stdout", ())],
        [words.line(line) for line in past.lines.get("stderr", ())],
        _parts(past, base),
    ]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _parts(past: Past, base: float) -> list[int]:
    """Tell what a job went through: kind and milliseconds since the one before, by turns."""
    found: list[int] = []
    last, kind = 0, -1
    for state, time in _changes(past):
        next_kind = _END if state.ended else _KINDS.get(state, _UNKNOWN)
        if next_kind != kind:
            at = max(last, round((time - base) * 1000))
            found += (next_kind, at - last)
            last, kind = at, next_kind
    return found


def _changes(past: Past) -> list[tuple[JobState, float]]:
    """Return states and when they began, else the row's own times."""
    row = past.row
    found = [(JobState(change.state), change.time) for change in past.changes]
    if not found:
        found = [(JobState.QUEUED, row.submitted)]
        if row.dispatched is not None:
            found.append((JobState.RUNNING, row.dispatched))
    if row.finished is None:
        return found
    # UNDETERMINED is an end if it is the last, and a time without an answer if it is not.
    before = [each for each in found if not each[0].ended and each[0] != JobState.UNDETERMINED]
    return [*before, (JobState.DONE, row.finished)]
