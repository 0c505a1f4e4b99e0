"""Offers fakes for tests of programs that use proctracker: a replayed CLI, a manual clock."""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Sequence, Tuple, TypeVar, Union

from proctracker.model import Completed
from proctracker.runner import NOT_FOUND, converse
from proctracker.runtimes.base import Argv, Dialog

T = TypeVar("T")

Said = Union[Completed, str, Tuple[int, str, str]]
"""What a call gives back: all of it, its standard output, or (return code, stdout, stderr)."""

Answer = Union[Said, List[Said], Callable[[Argv], Said]]
"""One answer for ever, several in turn (the last one stays), or a function of the argv."""


class ReplayRunner:
    """Stands for a Runner: answers calls from a table and remembers them in ``calls``.

    The table's keys are whole command lines or their beginnings, the longest that fits counts; what nothing fits
    returns 127, as a command that is not there.
    """

    def __init__(self, answers: Mapping[Sequence[str], Answer]) -> None:
        self._answers: Dict[Argv, Answer] = {tuple(key): value for key, value in answers.items()}
        self.calls: List[Argv] = []

    def run(self, *argvs: Argv) -> List[Completed]:
        """What the table says to these calls."""
        return [self._one(tuple(argv)) for argv in argvs]

    def converse(self, dialog: Dialog[T]) -> T:
        """Carry a dialog through with these answers."""
        return converse(self, dialog)

    def _one(self, argv: Argv) -> Completed:
        self.calls.append(argv)
        fitting = [key for key in self._answers if argv[: len(key)] == key]
        if not fitting:
            return Completed(argv, NOT_FOUND, "", f"no recording of: {' '.join(argv)}")
        answer = self._answers[max(fitting, key=len)]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(argv)
        if isinstance(answer, Completed):
            return answer
        code, out, err = (0, answer, "") if isinstance(answer, str) else answer
        return Completed(argv, code, out, err)


class ManualClock:
    """Moves when told to, and gives its seconds when called."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self.now += seconds
