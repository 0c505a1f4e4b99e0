"""What a call of a CLI gave back."""

from __future__ import annotations

from proctracker.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple


@record(frozen=True)
class Completed:
    """Holds a finished call: argv, exit code (minus the signal that ended it), output."""

    argv: Tuple[str, ...]
    returncode: int
    stdout: str = ""
    stderr: str = ""
