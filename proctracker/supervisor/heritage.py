"""What other supervisors have left that are gone: the main one goes on with jobs of ordinary logins that it can start."""

from __future__ import annotations

import json
import os

from proctracker.model import JobRow
from proctracker.wire import confinement, election

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.service import Core


def take_over(core: Core) -> None:
    """Have the live jobs of supervisors apart that have gone be ours; those that we could not start wait for their own.

    Of one that has gone and left no jobs nothing stays: each batch allocation has one.
    """
    if core.key != confinement.MAIN or core.stands_in:
        return
    run = core.home.at(core.home.run)
    for key in sorted(name[: -len(".lock")] for name in os.listdir(run) if name.endswith(".lock")):
        rows = core.store.live(key)
        if key == core.key or (rows and not confinement.ordinary(key)):
            continue
        claim = election.claim(run, key)
        if claim is None:
            continue
        try:
            _adopt(core, [row for row in rows if row.dispatched is not None or _can_start(core, row)])
            if not core.store.live(key):
                election.forget(claim, run, key)
        finally:
            election.release(claim)


def _can_start(core: Core, row: JobRow) -> bool:
    """Whether we may give a queued job what its submitter had; not known of a row that holds nonsense."""
    _, context = core.store.specs([row.spec]).get(row.spec, ("", ""))
    try:
        around = json.loads(core.store.context(context) or "{}")
        hard = {name: int(pair[1]) for name, pair in (around.get("limits") or {}).items()}
        nice = around.get("nice")
        return confinement.can_start(core.me, core.me["nice"] if nice is None else int(nice), hard)
    except (ValueError, TypeError, AttributeError, LookupError):
        return False


def _adopt(core: Core, rows: list[JobRow]) -> None:
    for row in rows:
        row.keeper = core.key
    if rows:
        core.store.begin()
        try:
            core.store.update_many(rows, ("keeper",))
            core.store.commit()
        except BaseException:
            core.store.rollback()
            raise
