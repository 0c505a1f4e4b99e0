"""How jobs ended, as exit codes and lines (API.md, "Exit codes"), which scripts read: without our name before them."""

from __future__ import annotations

from proctracker.cli import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.model import JobRow

TIMED_OUT = 124
OURS = 125
"""A failure of ours or of the runtime, a lost code, FAILED with no code but 0."""
_OF_STARTS = (125, 126, 127)
_DONE = 7
_LOST = ("lost", "removed")
"""Sub-states of UNDETERMINED that are ends."""


def code(row: JobRow) -> int:
    """The exit code an ended job stands for."""
    if row.state == _DONE:
        return 0
    if row.signal:
        from proctracker.model import signal_number

        return 128 + signal_number(row.signal)
    return row.exit_status or OURS


def is_end(state: int, sub_state: str | None) -> bool:
    """Whether a state change is a job's last one."""
    return state >= _DONE or (not state and sub_state in _LOST)


def code_of_all(rows: Sequence[JobRow]) -> int:
    """The first that is not 0, in the order given; one line on stderr where there are several and some failed."""
    codes = [code(row) for row in rows]
    failed = [row.id for row, each in zip(rows, codes) if each]
    if failed and len(rows) > 1:
        formats.say(f"{len(failed)} of {len(rows)} failed: {' '.join(failed)}", "")
    return next((each for each in codes if each), 0)


def go_on(ids: Sequence[str]) -> None:
    """Say that we leave jobs, and they do not end with us."""
    formats.say(f"job {ids[0]} goes on" if len(ids) == 1 else f"{len(ids)} jobs go on", "")


def never_started(row: JobRow) -> bool:
    """Whether a job's command was never executed."""
    return row.ended and bool(row.annotation) and row.exit_status in _OF_STARTS


def reason(row: JobRow) -> str | None:
    """A line about an end that the exit code alone does not explain; None where it does."""
    if row.state == _DONE or not (row.annotation or row.sub_state):
        return None
    return f"job {row.id}: {row.annotation or row.sub_state}"
