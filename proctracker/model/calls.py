"""What a call of a CLI gave back."""

from __future__ import annotations

from proctracker.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple


@record(frozen=True)
class Completed:
    """A finished call: its command line, exit code (minus the signal where one ended it) and what it printed."""

    argv: Tuple[str, ...]
    returncode: int
    stdout: str = ""
    stderr: str = ""
