"""Takes over what supervisors apart have left, where it is an ordinary login's."""

from __future__ import annotations

import json
import os
import time

from proctracker.linux import procfs
from proctracker.model import JobRow, JobState
from proctracker.wire import confinement, election

CONFINEMENT_OVER = "the allocation or login it was submitted in is over"
"""Why a queued job never starts whose confinement has no supervisor any more."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.here import Here


def take_over(here: Here) -> None:
    """Take over live jobs of supervisors that have gone, but those we could not start.

    Of one that has gone and left no jobs nothing stays: each batch allocation has one.
    """
    if here.key != confinement.MAIN or here.stands_in:
        return
    run = here.home.at(here.home.run)
    for key in sorted(name[: -len(".lock")] for name in os.listdir(run) if name.endswith(".lock")):
        rows = here.store.live(key)
        if key == here.key or (rows and not confinement.ordinary(key)):
            continue
        claim = election.claim(run, key)
        if claim is None:
            continue
        try:
            _adopt(here, [row for row in rows if row.dispatched is not None or _can_start(here, row)])
            if not here.store.live(key):
                election.forget(claim, run, key)
        finally:
            election.release(claim)


def _can_start(here: Here, row: JobRow) -> bool:
    """Return whether we may give a queued job what its submitter had."""
    _, context = here.store.specs([row.spec]).get(row.spec, ("", ""))
    try:
        around = json.loads(here.store.context(context) or "{}")
        hard = {name: int(pair[1]) for name, pair in (around.get("limits") or {}).items()}
        nice = around.get("nice")
        return confinement.can_start(here.me, here.me["nice"] if nice is None else int(nice), hard)
    except (ValueError, TypeError, AttributeError, LookupError):
        return False


def _adopt(here: Here, rows: list[JobRow]) -> None:
    for row in rows:
        row.keeper = here.key
    if rows:
        here.store.begin()
        try:
            here.store.update_many(rows, ("keeper",))
            here.store.commit()
        except BaseException:
            here.store.rollback()
            raise


def end_others(here: Here) -> None:
    """End jobs of confinements that are over, but an ordinary login's, whose supervisor comes again."""
    run = here.home.at(here.home.run)
    keys = {name[: -len(".lock")] for name in os.listdir(run) if name.endswith(".lock")}
    for key in sorted(key for key in keys if key != here.key and not confinement.ordinary(key)):
        rows = here.store.live(key)
        if not rows:
            continue
        claim = election.claim(run, key)
        if claim is None:
            continue
        try:
            for row in rows:
                _orphan(here, row)
        finally:
            election.release(claim)


def _orphan(here: Here, row: JobRow) -> None:
    """A live job whose confinement has no supervisor any more."""
    if row.dispatched is None:
        row.annotation = CONFINEMENT_OVER
        here.ledger.change(row, JobState.FAILED, "confinement-gone", finished=time.time())
    elif not row.container and not (row.pid and row.boot == here.boot and procfs.alive(row.pid, row.ticks)):
        row.annotation, row.unseen = "it ended with the allocation or login it was submitted in", 1
        row.running_since = row.since = None
        here.ledger.change(row, JobState.UNDETERMINED, "lost", finished=time.time())
