"""``suspend resume hold release terminate``, ``reap`` and ``resubmit``."""

from __future__ import annotations

import time

from proctracker.cli import ends, formats
from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.names import listed
from proctracker.cli.options import UsageError, meant, text
from proctracker.cli.verbs.listing import read_states
from proctracker.errors import Drmaa2Exception, InvalidStateException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence

    from proctracker.model import JobRow
    from proctracker.tracker.successors import Successors

_TOLD = 20
"""Ids named when many are removed."""


def control(call: Call) -> int:
    """Control every job named, and tell of those it failed for."""
    access = Access(call)
    every, action = call.flag("all"), call.command.name
    if every == bool(call.words):
        raise UsageError(f"{action}: name jobs, or say --all: proctracker {call.command.usage}")
    states, options = read_states(text(call.values, "state")), _terminating(call)
    if states is not None and not every:
        raise UsageError(f"{action}: --state goes with --all")
    rows = access.rows(live=True, states=states) if every else access.named(call.words)
    if rows:
        problems = access.place.act([row.id for row in rows], action, **options)
        _tell(access, rows, problems, every)
    return 1 if access.failed else 0


def _terminating(call: Call) -> dict[str, Any]:
    """What ``terminate`` takes besides."""
    found: dict[str, Any] = {}
    given = text(call.values, "signal")
    if given is not None:
        from proctracker.model import signal_name, signal_number

        found["signal"] = signal_name(meant(signal_number, given))
    grace = text(call.values, "grace")
    if grace is not None:
        from proctracker.templates.quantities import duration

        found["grace"] = meant(lambda word: duration(word, "--grace"), grace)
    return found


def _tell(access: Access, rows: Sequence[JobRow], errors: Mapping[str, Drmaa2Exception], every: bool) -> None:
    """Tell what failed, but not of unfit tasks, or with ``--all`` jobs, if others were fit."""
    named = set(access.call.words)
    groups: dict[str, list[JobRow]] = {}
    for row in rows:
        alone = not every and row.id in named
        groups.setdefault("" if every else row.id if alone else str(row.num), []).append(row)
    for name, members in groups.items():
        failed = [(row.id, errors[row.id]) for row in members if row.id in errors]
        unfit = [each for each in failed if isinstance(each[1], InvalidStateException)]
        for job_id, error in failed:
            if not isinstance(error, InvalidStateException) or len(members) == 1:
                access.tell(_about(job_id, error))
        if len(members) > 1 and len(unfit) == len(members):
            whose = f"array {name}: none of its tasks" if name else "none of the jobs"
            access.tell(f"{whose} is in a state for {access.call.command.name}")


def _about(job_id: str, error: Drmaa2Exception) -> str:
    """An error with its job, unless the message names it already."""
    return error.message if f"job {job_id}" in error.message else f"job {job_id}: {error.message}"


def reap(call: Call) -> int:
    """Forget ended jobs, and say which."""
    access = Access(call)
    finished, older = call.flag("finished"), text(call.values, "older_than")
    if finished == bool(call.words):
        raise UsageError("reap: name ended jobs, or say --finished: proctracker reap ID… | --finished")
    if older is not None and not finished:
        raise UsageError("reap: --older-than goes with --finished")
    rows = access.rows(live=False) if finished else access.named(call.words)
    if older is not None:
        from proctracker.templates.quantities import duration

        before = time.time() - meant(lambda word: duration(word, "--older-than"), older)
        rows = [row for row in rows if (row.finished or 0.0) < before]
    ids = [row.id for row in rows]
    if call.flag("dry_run"):
        return _would_reap(access, rows)
    if not ids:
        formats.say("no ended jobs")
        return 1 if access.failed else 0
    problems = access.place.act(ids, "reap")
    gone = [name for name in ids if name not in problems]
    if gone:
        formats.say(removed(gone, "removed"))
    for job_id, error in problems.items():
        access.tell(_about(job_id, error))
    return 1 if access.failed else 0


def _would_reap(access: Access, rows: Sequence[JobRow]) -> int:
    """Say what ``reap`` would: which jobs it would remove, and which not."""
    from proctracker.supervisor.control.fitting import unreaped

    ready = [row.id for row in access.looked(rows) if row.ended]
    if ready or not rows:
        formats.say(removed(ready, "would remove"))
    for row in rows:
        if row.id not in ready:
            access.tell(unreaped(row).message)
    return 1 if access.failed else 0


def removed(ids: Sequence[str], word: str) -> str:
    """A line about jobs that are no more."""
    if not ids:
        return f"{word} nothing"
    jobs = "1 job" if len(ids) == 1 else f"{len(ids)} jobs"
    return f"{word} {jobs}: {listed(ids, _TOLD)}"


def resubmit(call: Call) -> int:
    """Submit ended jobs again, tasks as a new array."""
    if not call.words:
        raise UsageError("resubmit: name ended jobs: proctracker resubmit ID… [--failed]")
    from proctracker.tracker.successors import Successors

    access = Access(call)
    rows = access.named(call.words)
    groups: dict[tuple[int, int], list[JobRow]] = {}
    for row in rows:
        if not row.ended:
            access.tell(f"job {row.id} has not ended: `proctracker wait {row.id}` waits for that")
        elif ends.code(row) or not call.flag("failed"):
            groups.setdefault((row.num, row.spec), []).append(row)
    successors = Successors(access.place, rows, access.dependencies("after"), access.dependencies("after_any"))
    new = {key: _again(access, groups[key], successors) for key in sorted(groups)}  # a dependency has the lower number
    formats.write("".join(f"{new[key]}\n" for key in groups if new[key]))
    return 1 if access.failed else 0


def _again(access: Access, rows: list[JobRow], successors: Successors) -> str | None:
    """Submit a job, or tasks of one array, again, and return the new id."""
    from proctracker.tracker import resubmission

    same = resubmission.same_environment(access.place, rows[0])
    try:
        found = resubmission.resubmit(access.place, rows, successors)
    except Drmaa2Exception as error:
        from proctracker.cli import wording

        access.tell(wording.spoken(_about(rows[0].id, error)))
        return None
    if not same:
        formats.say(
            f"job {rows[0].id}: its caller's environment is not kept (keep_environment): the new job has the present one"
        )
    return found
