"""Tells how jobs ended, as exit codes and lines for scripts, without our name in front."""

from __future__ import annotations

from proctracker.cli import formats
from proctracker.model import JobState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.model import JobRow

TIMED_OUT = 124
OURS = 125
"""A failure of ours or of the runtime, a lost code, FAILED with no code but 0."""
_OF_STARTS = (125, 126, 127)
_TOLD = 5
"""Reasons told of many."""
_FEW = 3
"""Tasks from which on their ids are folded."""


def code(row: JobRow) -> int:
    """The exit code an ended job stands for."""
    if row.state == JobState.DONE:
        return 0
    if row.signal:
        from proctracker.model import signal_number

        return 128 + signal_number(row.signal)
    return row.exit_status or OURS


def code_of_all(rows: Sequence[JobRow], every: bool = False) -> int:
    """Return the first code that is not 0, and say why on stderr where the code does not.

    Where there are several, or nobody named them (``every``), one line says which have failed.
    """
    codes = [code(row) for row in rows]
    failed = [row for row, each in zip(rows, codes) if each]
    for why in [found for found in map(why_of, failed) if found][:_TOLD]:
        formats.say(why)
    if failed and (len(rows) > 1 or every):
        formats.say(f"{len(failed)} of {len(rows)} failed: {' '.join(folded(failed))}", "")
    return next((each for each in codes if each), 0)


def why_of(row: JobRow) -> str | None:
    """Say why a job ended by a reason or a signal, or return None."""
    return reason(row) or (f"job {row.id}: ended by {row.signal}" if row.signal else None)


def folded(rows: Sequence[JobRow]) -> list[str]:
    """Fold ids of consecutive tasks to ``7_[3-500]``, as ids may be given."""
    runs: list[list[JobRow]] = []
    for row in rows:
        last = runs[-1][-1] if runs else None
        follows = last and row.task and last.task and (row.num, row.task) == (last.num, last.task + 1)
        if follows:
            runs[-1].append(row)
        else:
            runs.append([row])
    found: list[str] = []
    for run in runs:
        few = len(run) < _FEW
        found += [row.id for row in run] if few else [f"{run[0].num}_[{run[0].task}-{run[-1].task}]"]
    return found


def go_on(ids: Sequence[str]) -> None:
    """Say that we leave jobs, and they do not end with us."""
    formats.say(f"job {ids[0]} goes on" if len(ids) == 1 else f"{len(ids)} jobs go on", "")


def never_started(row: JobRow) -> bool:
    """Whether a job's command was never executed."""
    return row.ended and bool(row.annotation) and row.exit_status in _OF_STARTS


def notice(row: JobRow) -> str | None:
    """Say what the engine's CLI warned of, or return None."""
    return f"job {row.id}: {row.annotation}" if row.annotation else None


def reason(row: JobRow) -> str | None:
    """Say what the exit code alone does not, or return None."""
    if row.state == JobState.DONE or not (row.annotation or row.sub_state):
        return None
    return f"job {row.id}: {row.annotation or row.sub_state}"
