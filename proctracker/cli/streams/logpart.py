"""Says what part of an engine's log ``logs`` shows, and whether with times."""

from __future__ import annotations

import re
import time

from proctracker.cli.options import meant, text
from proctracker.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.cli.call import Call


class Part(NamedTuple):
    """Holds ``since`` (RFC 3339), ``times`` before lines, ``tail`` lines of both streams."""

    since: str | None = None
    times: bool = False
    tail: int | None = None


WHOLE = Part()
"""All of it, as it was written."""


def asked(call: Call) -> Part:
    """What the options ask for. Raises UsageError for a time that is none."""
    given = text(call.values, "since")
    if given is None:
        return Part(times=call.flag("timestamps"))
    from proctracker.templates.quantities import duration, iso, moment

    now = time.time()
    ago = re.fullmatch(r"[\d.]+[smhd]?([\d.]+[smhd])*", given.strip().lower())
    since = now - meant(lambda word: duration(word, "--since"), given) if ago else None
    found = meant(lambda word: moment(word, now, "--since"), given) if since is None else since
    return Part(iso(found), call.flag("timestamps"))
