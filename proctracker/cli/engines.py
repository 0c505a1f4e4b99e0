"""Asks several engines the same, side by side."""

from __future__ import annotations

import math
import os
import threading
import time

from proctracker.errors import Drmaa2Exception
from proctracker.runner import Runner, converse_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Sequence

    from proctracker.cli.access import Access
    from proctracker.runtimes.base import Dialog, Engine
    from proctracker.runtimes.runtime import Runtime
    from proctracker.tracker.contacts import Target

    Question = Callable[[Runtime, Engine], Dialog[Any]]

PATIENCE = 2.0
"""Seconds that a command waits for engines nobody named, no more than 3 in all."""


class Engines:
    """The engines of a command."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.named = access.call.contact is not None
        """Whether a contact was named: then it is waited for as long as the configuration says."""
        self._until = time.monotonic() + PATIENCE

    @property
    def left(self) -> float:
        """Seconds that are left of our patience."""
        return max(0.0, self._until - time.monotonic())

    def ask(self, targets: Sequence[Target], question: Question) -> list[Any | Drmaa2Exception]:
        """Each one's answer, or the exception it came to, in order.

        Each is asked in a thread of its own: what one takes for a first answer is not missing for another's second.
        """
        patience = self._access.config.cli_timeout if self.named else PATIENCE
        until = math.inf if self.named else self._until
        found: list[Any] = [None] * len(targets)

        def one(place: int, target: Target) -> None:
            runner = Runner(target.engine, patience, until)
            found[place] = converse_all([(runner, question(target.runtime, target.engine))])[0]

        threads = [threading.Thread(target=one, args=each) for each in enumerate(targets)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def here(self) -> list[Target]:
        """Return the contact that was named, or each engine that is here, once.

        Raises Drmaa2Exception where what was named means nothing.
        """
        if self.named:
            return [self._access.target()]
        found: dict[Any, Target] = {}
        for contact in self._access.contacts():
            target = self._access.target(contact)
            if target.runtime.containers and present(target):
                engine = target.engine
                key = (engine.command, tuple(engine.options.items()), tuple(engine.env.items()))
                found.setdefault(key, target)
        return list(found.values())


def present(target: Target) -> bool:
    """Whether a contact's command is here: its path was found."""
    return bool(target.engine.command) and os.path.isabs(target.engine.command[0])
