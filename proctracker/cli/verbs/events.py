"""``events``: how jobs changed their states."""

from __future__ import annotations

import sys
import time
from contextlib import closing

from proctracker.cli import formats
from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.options import UsageError
from proctracker.client.polling import readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable


def events(call: Call) -> int:
    """Tell how jobs changed their states, and with ``-f`` go on."""
    if call.words:
        raise UsageError("events takes no job ids; `-s SESSION` narrows it")
    access = Access(call)
    name = access.session
    if not call.flag("follow"):
        for change in _past(access, name):
            _print(call, change)
        return 0
    with closing(access.client.follow(name, since=0)) as follow:
        while True:
            for change in follow.receive():
                _print(call, change)
            sys.stdout.flush()
            readable([follow.fileno()], None)


def _past(access: Access, session: str | None) -> Iterable[dict[str, Any]]:
    """The changes the store knows, oldest first."""
    found = access.reader.transitions(session=session)
    sessions = {row.id: row.session for row in access.reader.jobs(session=session)}
    for change in found:
        yield {
            "job_id": change.job_id,
            "session": sessions.get(change.job_id),
            "attempt": change.attempt,
            "time": change.time,
            "state": change.state,
            "sub_state": change.sub_state,
        }


def _print(call: Call, change: dict[str, Any]) -> None:
    from proctracker.model import JobState

    state = JobState(change["state"]).name
    if call.flag("json"):
        import json

        from proctracker.templates.quantities import iso

        record = {
            "time": iso(change["time"]),
            "job_id": change["job_id"],
            "session_name": change["session"],
            "job_state": state,
            "job_sub_state": change["sub_state"],
            "attempt": change["attempt"],
        }
        formats.write(json.dumps(record) + "\n")
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(change["time"]))
    sub_state = f" ({formats.safe(change['sub_state'])})" if change["sub_state"] else ""
    formats.write(f"{when}  {change['job_id']}  {state}{sub_state}\n")
